"""What every optimizer promises, and what all of them share: named vectors to remember with, and weight decay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from engine.autograd.tensor import FloatArray


@dataclass(frozen=True)
class OptimizerState:
    """All that an optimizer remembers, as copies.

    Attributes:
        count: updates made.
        moments: vectors as long as the parameters, by name.
    """

    count: int
    moments: Mapping[str, FloatArray]


class Optimizer(Protocol):
    """What every optimizer promises."""

    @property
    def count(self) -> int:
        """Updates made."""
        ...

    @property
    def moments(self) -> Mapping[str, FloatArray]:
        """The live vectors it keeps between updates, by name."""
        ...

    @property
    def state_bytes(self) -> int:
        """The size of a snapshot's vectors."""
        ...

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        ...

    def snapshot(self) -> OptimizerState:
        """A copy of everything it remembers."""
        ...

    def restore(self, state: OptimizerState) -> None:
        """Go back to a snapshot, exactly."""
        ...


class Memory:
    """The part that all optimizers share.

    Arguments:
        size: number of parameters, P.
        dtype: their precision.
        names: the vectors it keeps between updates; they start at 0.
    """

    def __init__(self, size: int, dtype: DTypeLike, names: tuple[str, ...]) -> None:
        self.count = 0
        self.moments: Mapping[str, FloatArray] = {name: np.zeros(size, dtype) for name in names}
        self._scratch: FloatArray = np.empty(size, dtype)

    @property
    def state_bytes(self) -> int:
        """The size of a snapshot's vectors."""
        return sum(vector.nbytes for vector in self.moments.values())

    def snapshot(self) -> OptimizerState:
        """A copy of everything it remembers."""
        return OptimizerState(self.count, {name: vector.copy() for name, vector in self.moments.items()})

    def restore(self, state: OptimizerState) -> None:
        """Go back to a snapshot, exactly.

        Raises:
            ValueError: if the snapshot is another kind of optimizer's, or of another size or precision.
        """
        kept = {name: (vector.shape, vector.dtype) for name, vector in self.moments.items()}
        given = {name: (vector.shape, vector.dtype) for name, vector in state.moments.items()}
        if kept != given:
            raise ValueError(f"the state holds {given}, this optimizer keeps {kept}: another recipe's")
        self.count = state.count
        for name, vector in self.moments.items():
            np.copyto(vector, state.moments[name])


class Decay:
    """Weight decay: a pull of the weights towards 0, in proportion to their size.

    Arguments:
        size, dtype: as for `Memory`.
        strength: the factor, at least 0; 0 is no decay, and costs nothing.
        decayed: which parameters it pulls, (P,) of ones and zeros; None: all of them.
    Raises:
        ValueError: if the strength is below 0 or not finite, or `decayed` is of another size.
    """

    def __init__(self, size: int, dtype: DTypeLike, strength: float, decayed: FloatArray | None) -> None:
        if not 0 <= strength < math.inf:
            raise ValueError(f"weight_decay is {strength}; choose 0 (none) or a small number such as 0.01")
        if decayed is not None and decayed.shape != (size,):
            raise ValueError(f"decayed has shape {decayed.shape}; it marks each of the {size} parameters")
        self.on = strength > 0
        self._factor: FloatArray | float = float(strength)
        if self.on and decayed is not None:
            self._factor = np.multiply(decayed, strength).astype(dtype)  # (P,)
        self._pull: FloatArray = np.empty(size if self.on else 0, dtype)

    def pull(self, values: FloatArray) -> FloatArray:
        """What the decay adds to the gradient of `values`, (P,); the caller's until the next call."""
        return np.multiply(values, self._factor, out=self._pull)

    def added_to(self, gradient: FloatArray, values: FloatArray) -> FloatArray:
        """The gradient of the loss with the penalty strength / 2 |values|^2: coupled, as L2 regularisation is.

        `gradient` is left as it is; without decay it is the result.
        """
        if not self.on:
            return gradient
        return np.add(self.pull(values), gradient, out=self._pull)


def check_share(name: str, share: float) -> None:
    """Refuse what is no share of the past to keep.

    Raises:
        ValueError: unless it is from 0 to below 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"{name} is {share}; choose 0 to below 1")


def check_epsilon(epsilon: float) -> None:
    """Refuse what cannot keep a divisor above 0.

    Raises:
        ValueError: unless it is positive and finite.
    """
    if not 0 < epsilon < math.inf:
        raise ValueError(f"epsilon is {epsilon}; choose a small positive number such as 1e-8")
