"""What the kinds of recurrent layer share: what each of them promises, and how products are cut.

A kind of layer (`rnn.py`, `lstm.py`, `gru.py`) is a `Reading`: made from weights, a sequence and a state, it has
the hidden states, and knows the way back; and a `Cell`, which reads on step by step. `sequence.py` makes a node of
the graph of it.

Sequences are time-major, (T, B, .), so that what belongs to one step is contiguous. Within a step numbers are
kept gate by gate, (G, B, H), so that an elementwise operation runs over whole blocks: at batch size 1 the price of
a step is its number of numpy calls, and those on contiguous operands of one shape cost a third of those that
broadcast.

A layer's weight is stored as its rows are multiplied: [U W b]^T, one column a unit of each gate. So that BLAS needs
no packing (`engine/products.py`), `np.matmul` goes gate by gate forward, and in pieces of rows on the way back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

import numpy as np

from engine.autograd.tensor import FloatArray, Tensor
from engine.parallel import divided, product_then
from engine.products import DOT, times_transposed_into

Arrays: TypeAlias = tuple[FloatArray, ...]

WORTH_CUTTING = 1 << 23
"""Multiply-adds of the pieces in which a weight gradient is computed, so that the second thread can begin while the
way back is still at earlier steps."""

MOST_STRETCHES = 4


class Cell(ABC):
    """A layer that reads a single text one vector at a time, in arrays laid out beforehand.

    Arguments:
        weights: as `Reading.shapes` lists them; copied.
        state: what it begins with, as `Reading.carried` lists it, (1, H) each; copied.
    """

    @abstractmethod
    def __init__(self, weights: Sequence[FloatArray], state: Arrays) -> None: ...

    @abstractmethod
    def __call__(self, x: FloatArray) -> FloatArray:
        """x_t, (I,) -> h_t, (H,), which the next call overwrites."""


class Reading(ABC):
    """A sequence as a layer of one kind has read it, with what the way back needs.

    Arguments:
        weights: as `shapes` lists them.
        x: the sequence, (T, B, I).
        state: what the layer carries from before, (B, H) each; neither it nor `x` is written to.

    Attributes:
        hidden: h_1 .. h_T, (T, B, H), not always contiguous.
        name: the cell's, for people.
        gates: how many columns of weights a unit has, G.
        rows: what the rows of each weight are multiplied with, from the top: "hidden" h_t-1, "input" x_t, or "one",
            which makes that row a bias.
        carried: names of the arrays of a state.
        stepping: what reads in the same way step by step.
    """

    name: ClassVar[str]
    gates: ClassVar[int]
    rows: ClassVar[Mapping[str, tuple[str, ...]]]
    carried: ClassVar[tuple[str, ...]] = ("hidden",)
    stepping: ClassVar[type[Cell]]
    hidden: FloatArray

    @abstractmethod
    def __init__(self, weights: Sequence[FloatArray], x: FloatArray, state: Arrays) -> None: ...

    @property
    @abstractmethod
    def state(self) -> Arrays:
        """What is carried on after the last step, as `carried` lists it, (B, H) each, copies."""

    @abstractmethod
    def last(self) -> Mapping[str, FloatArray]:
        """Gates and states of the last step, (B, H) each, in the order of the equations."""

    @abstractmethod
    def backward(self, grad: FloatArray, x: Tensor, weights: Sequence[Tensor]) -> None:
        """Hand their gradients to `x` and `weights`, given dL/dh, (T, B, H).

        None goes to the state: back-propagation through time is truncated where the sequence begins.
        """

    @classmethod
    def shapes(cls, inputs: int, hidden: int) -> dict[str, tuple[int, int]]:
        """The layer's weights by name, in the order in which everything here wants them: (rows, G*H) each."""
        sizes = {"hidden": hidden, "input": inputs, "one": 1}
        return {
            name: (sum(sizes[row] for row in rows), cls.gates * hidden) for name, rows in cls.rows.items()
        }


@lru_cache(maxsize=2)
def half_of(dtype: np.dtype[np.floating]) -> FloatArray:
    """1 / 2 as an array, which costs no conversion: sigmoid(z) = tanh(z / 2) / 2 + 1 / 2."""
    half = np.array(0.5, dtype=dtype)
    half.flags.writeable = False
    return half


def with_sigmoids_halved(weights: Sequence[FloatArray], sigmoids: int, gates: int) -> list[FloatArray]:
    """Copies of weights, (R, G*H), that give z / 2 for their first gates instead of z: exact, as 2 is the base."""
    copies = [weight.copy() for weight in weights]
    for copy in copies:
        copy[:, : sigmoids * (copy.shape[1] // gates)] *= half_of(copy.dtype)
    return copies


def prepared(
    weights: Sequence[FloatArray], rows: int, sigmoids: int, gates: int
) -> tuple[Sequence[FloatArray], bool]:
    """Weights that so many rows are multiplied with, and whether they give z / 2 for their sigmoids already.

    That takes copies; with fewer rows than twice a weight's own, halving the products costs less.
    """
    if rows < 2 * len(weights[-1]):
        return weights, False
    return with_sigmoids_halved(weights, sigmoids, gates), True


def by_gate(
    weight: FloatArray, gates: int, batch: int
) -> tuple[FloatArray, Callable[..., Any]]:  # Any: as numpy's
    """A weight (I, G*H) seen as `batch` rows are best multiplied with it, and what multiplies them.

    Returns:
        The weight itself with `DOT`, giving (B, G*H), where that is gate by gate already; else a block a gate,
        (G, I, H), with `np.matmul`, giving (G, B, H). No copies.
    """
    if gates == 1 or batch == 1:
        return weight, DOT
    return weight.reshape(len(weight), gates, -1).transpose(1, 0, 2), np.matmul


def joint_rows(steps: int, batch: int, inputs: int, hidden: int, dtype: np.dtype[np.floating]) -> FloatArray:
    """Room for [h_t-1; x_t; 1] at every step and for the last hidden state, (T + 1, B, H + I + 1)."""
    return np.empty((steps + 1, batch, hidden + inputs + 1), dtype=dtype)


def stretches(steps: int, products: int) -> tuple[tuple[int, int], ...]:
    """The steps in the order of the way back, cut where a weight gradient's `products` are many.

    While the second thread is at another half of the batch they are not cut: nobody is there to begin early.
    """
    count = 1 if divided() else max(1, min(MOST_STRETCHES, steps, products // WORTH_CUTTING))
    edges = [steps * k // count for k in range(count, -1, -1)]
    return tuple((low, high) for high, low in pairwise(edges))


def hand_over(weight: Tensor, rows: FloatArray, delta: FloatArray, *, first: bool) -> None:
    """Give `weight` its gradient from one stretch, rows^T @ delta, on the second thread where it is large.

    Arguments:
        rows: what the weight was multiplied with, (N, I).
        delta: dL/d(products), (N, G*H).
        first: of the stretches of this way back.
    """
    if first:
        weight.receive_product(rows.T, delta)
    else:
        product_then(rows.T, delta, weight.receive)


class JointReading(Reading):
    """A reading whose pre-activations are one product a step: [h_t-1; x_t; 1] with the joint weight [U W b]^T.

    The rows lie ready in `_joint`, (T + 1, B, H + I + 1); a hidden state is written into the row of the next step.
    """

    rows = MappingProxyType({"weight": ("hidden", "input", "one")})
    _joint: FloatArray

    def _begin(self, x: FloatArray, hidden: FloatArray, joint: FloatArray) -> None:
        """Fill the rows, all but the hidden states after the first step's."""
        size = hidden.shape[1]
        joint[0, :, :size] = hidden
        joint[:-1, :, size:-1] = x
        joint[:-1, :, -1] = 1
        self._joint, self.hidden = joint, joint[1:, :, :size]

    def backward(self, grad: FloatArray, x: Tensor, weights: Sequence[Tensor]) -> None:
        """Hand their gradients to `x` and the joint weight, given dL/dh, (T, B, H)."""
        (weight,) = weights
        steps, batch, size = grad.shape
        rows, wide = weight.shape
        joint = self._joint[:-1].reshape(-1, rows)  # (T*B, H + I + 1)
        delta = np.empty((steps * batch, wide), dtype=grad.dtype)  # dL/d(pre-activations)
        parts = stretches(steps, delta.size * rows)
        way = self._way_back(grad, weight.data[:size].T, delta.reshape(steps, batch, wide), parts)
        for start, stop in way:
            part = slice(start * batch, stop * batch)
            hand_over(weight, joint[part], delta[part], first=stop == steps)
        delta_x = np.empty((steps * batch, rows - size - 1), dtype=grad.dtype)
        times_transposed_into(delta_x, delta, weight.data[size:-1])
        x.receive(delta_x.reshape(x.shape))

    @abstractmethod
    def _way_back(
        self, grad: FloatArray, weight_hidden: FloatArray, delta: FloatArray, parts: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """Fill `delta`, (T, B, G*H), part after part; each is yielded when it is done.

        Arguments:
            weight_hidden: U, (G*H, H).
            parts: from which step to which, the last steps first.
        """
