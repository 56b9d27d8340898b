"""The rules that turn a gradient into an update, on one flat vector of parameters.

An update works in place and allocates nothing. All that a rule remembers is in `count` and `moments`, so a
copy of those is the whole optimizer, and putting it back goes back exactly. The rules do not know layers,
and they apply what they are given: clip, and look for NaN, before the update.
"""

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


class _Memory:
    """The part that all optimizers share: named vectors that can be copied out and in."""

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


class SGD(_Memory):
    """Stochastic gradient descent, with momentum if asked: b <- m b + g, x <- x - rate b.

    Arguments:
        size: number of parameters.
        dtype: their precision.
        momentum: m, from 0 (none) to below 1.

    Source: Robbins & Monro (1951); momentum as in Sutskever et al. (2013), with the rate outside the sum,
    so that a change of rate acts at once.
    """

    def __init__(self, size: int, dtype: DTypeLike, momentum: float = 0.0) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum is {momentum}; choose 0 (none) to below 1")
        super().__init__(size, dtype, ("velocity",) if momentum else ())
        self.momentum = momentum

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self.count += 1
        direction = gradient
        if self.momentum:
            direction = self.moments["velocity"]
            np.multiply(direction, self.momentum, out=direction)
            np.add(direction, gradient, out=direction)
        np.multiply(direction, float(rate), out=self._scratch)
        np.subtract(values, self._scratch, out=values)


class Adam(_Memory):
    """Adam: each parameter's step is its average gradient over the root of its average square.

    The averages are kept as discounted sums, M <- beta1 M + g and V <- beta2 V + g^2: the factors 1 - beta and
    the bias corrections are numbers, not vectors, and go into the step and into epsilon. The steps are those
    of the paper; three passes over the parameters are saved.

    Arguments:
        size: number of parameters.
        dtype: their precision.
        beta1: how much of M is kept, from 0 to below 1.
        beta2: how much of V is kept, from 0 to below 1.
        epsilon: keeps the divisor above 0.

    Source: Kingma & Ba (2015), algorithm 1.
    """

    def __init__(
        self, size: int, dtype: DTypeLike, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name} is {beta}; choose 0 to below 1")
        if not 0 < epsilon < math.inf:
            raise ValueError(f"epsilon is {epsilon}; choose a small positive number such as 1e-8")
        super().__init__(size, dtype, ("gradients", "squares"))
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self.count += 1
        first = (1 - self.beta1) / (1 - self.beta1**self.count)  # average gradient = first M
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.count))  # its square = root^2 V
        step, epsilon = float(rate) * first / root, self.epsilon / root
        scratch, m, v = self._scratch, self.moments["gradients"], self.moments["squares"]
        np.multiply(m, self.beta1, out=m)
        np.add(m, gradient, out=m)
        np.multiply(gradient, gradient, out=scratch)
        np.multiply(v, self.beta2, out=v)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, epsilon, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, step, out=scratch)
        np.subtract(values, scratch, out=values)


def clip_by_norm(gradient: FloatArray, limit: float) -> float:
    """Shorten `gradient`, in place, to the length `limit` if it is longer; keep its direction.

    Returns:
        The length before. Where it is not finite the gradient is left as it was, for the caller to refuse.
    Raises:
        ValueError: unless the limit is above 0.

    Source: Pascanu et al. (2013), algorithm 1.
    """
    _check_limit(limit)
    norm = _norm(gradient)
    if limit < norm < math.inf:
        np.multiply(gradient, limit / norm, out=gradient)
    return norm


def clip_by_value(gradient: FloatArray, limit: float) -> int:
    """Bring every component of `gradient`, in place, into -limit..limit.

    Returns:
        How many lay outside. A NaN is left as it was and not counted.
    Raises:
        ValueError: unless the limit is above 0.
    """
    _check_limit(limit)
    outside = int(np.count_nonzero(np.abs(gradient) > limit))
    if outside:
        np.clip(gradient, -limit, limit, out=gradient)
    return outside


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"clipping limit is {limit}; choose a number above 0, or turn clipping off")


def _norm(vector: FloatArray) -> float:
    """The Euclidean length, also where a float32 sum of squares would overflow or vanish."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        squared = float(np.dot(vector, vector))
    if np.finfo(vector.dtype).tiny < squared < math.inf:
        return math.sqrt(squared)
    largest = float(np.abs(vector).max(initial=0.0))
    if not 0 < largest < math.inf:
        return largest  # all zero, or not finite
    scaled = vector.astype(np.float64) / largest
    return largest * math.sqrt(float(np.dot(scaled, scaled)))
