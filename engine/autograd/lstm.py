"""Long short-term memory with a forget gate and without peepholes, the form of PyTorch's nn.LSTM.

    i_t = sigmoid(W_i x_t + U_i h_t-1 + b_i)        what is let in
    f_t = sigmoid(W_f x_t + U_f h_t-1 + b_f)        what is kept
    g_t = tanh(W_g x_t + U_g h_t-1 + b_g)           what could be let in
    o_t = sigmoid(W_o x_t + U_o h_t-1 + b_o)        what is let out
    c_t = f_t c_t-1 + i_t g_t
    h_t = o_t tanh(c_t)

Source: Hochreiter & Schmidhuber (1997); the forget gate from Gers et al. (2000); Graves (2013), equations 7 to 11,
less the peepholes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from weakref import finalize

import numpy as np

from engine.autograd.recurrent import (
    Arrays,
    Cell,
    JointReading,
    by_gate,
    half_of,
    joint_rows,
    prepared,
    with_sigmoids_halved,
)
from engine.autograd.tensor import FloatArray
from engine.products import DOT, pieces

O, I, F, G, C = range(5)  # noqa: E741  the letters of the equations
"""Where the gates lie among the blocks of a step and of the weight, and the cell before it.

In this order all lie side by side that are treated alike: the sigmoids o, i, f; i and f beside g and c_t-1, with
which they are multiplied; i, f and g, which the gradient reaches through the cell.
"""

SIGMOIDS = 3
"""How many of the gates they are, from the first."""


class LSTMCell(Cell):
    """An LSTM layer step by step; the arguments are those of every `Cell`."""

    def __init__(self, weights: Sequence[FloatArray], state: Arrays) -> None:
        hidden, cell = state
        size = hidden.shape[1]
        (weight,) = with_sigmoids_halved(weights, SIGMOIDS, gates=4)
        row = np.ones(len(weight), dtype=weight.dtype)  # [h; x; 1]
        row[:size] = hidden[0]
        blocks = np.empty((5, size), dtype=weight.dtype)  # o, i, f, g, c
        blocks[C] = cell[0]
        parts = np.empty((2, size), dtype=weight.dtype)  # i g and f c
        self._weight, self._half = weight, half_of(weight.dtype)
        self._rows = row, row[size:-1], row[:size], blocks[:C].reshape(-1)
        self._gates = blocks[:G], blocks[:C], blocks[I:G], blocks[G:], blocks[O], blocks[C]
        self._parts = parts, parts[0], parts[1], np.empty(size, dtype=weight.dtype)

    def __call__(self, x: FloatArray) -> FloatArray:
        """x_t, (I,) -> h_t, (H,), which the next call overwrites."""
        half, (row, seen, h, z) = self._half, self._rows
        oif, oifg, i_f, g_c, o, c = self._gates
        ig_fc, ig, fc, tanh_c = self._parts
        seen[...] = x
        DOT(row, self._weight, z)
        np.tanh(oifg, oifg)
        np.multiply(oif, half, oif)
        np.add(oif, half, oif)
        np.multiply(i_f, g_c, ig_fc)
        np.add(ig, fc, c)
        np.tanh(c, tanh_c)
        np.multiply(o, tanh_c, h)
        return h


class Layout:
    """The arrays of a sequence of one shape, and for every step the parts of them that the equations are about.

    Arguments:
        steps, batch, inputs, hidden, dtype: T, B, I, H and the precision.

    Attributes:
        joint: what the weight is multiplied with.
        blocks: o, i, f, g and c_t-1, (T + 1, 5, B, H).
        parts: i g and f c_t-1, whose sum is c_t, (T, 2, B, H).
        squashed: tanh(c_t), (T, B, H).
        steps: the views of each step.
    """

    def __init__(
        self, steps: int, batch: int, inputs: int, hidden: int, dtype: np.dtype[np.floating]
    ) -> None:
        self.joint = joint_rows(steps, batch, inputs, hidden, dtype)
        self.blocks = blocks = np.empty((steps + 1, 5, batch, hidden), dtype=dtype)
        self.parts = parts = np.empty((steps, 2, batch, hidden), dtype=dtype)
        self.squashed = np.empty((steps, batch, hidden), dtype=dtype)
        gates = blocks[:-1, :C]
        self.steps = list(
            zip(
                self.joint[:-1],
                gates.reshape(steps, batch, 4 * hidden) if batch == 1 else gates,
                gates,
                gates[:, :G],
                gates[:, O],
                gates[:, I:G],
                blocks[:-1, G:],
                parts,
                parts[:, 0],
                parts[:, 1],
                blocks[1:, C],
                self.squashed,
                self.joint[1:, :, :hidden],
                strict=True,
            )
        )


Shape: TypeAlias = tuple[int, int, int, int, "np.dtype[np.floating]"]

SMALL_LAYOUT = 1 << 13
"""T*B*H up to which a layout is used again: to make the views of 32 steps takes 30 us, a tenth of the way forward
at batch size 1."""

MOST_SPARE = 8

_spare: dict[Shape, Layout] = {}
"""Layouts that no reading uses, one of a shape; what is taken out belongs to one reading alone."""


def lay_out(shape: Shape) -> Layout:
    """A layout that nobody else uses."""
    return _spare.pop(shape, None) or Layout(*shape)


def put_back(shape: Shape, layout: Layout) -> None:
    """Keep a layout whose reading is gone."""
    if shape in _spare or len(_spare) < MOST_SPARE:
        _spare[shape] = layout


class LSTMReading(JointReading):
    """A sequence as an LSTM layer reads it; the arguments are those of every `Reading`."""

    name = "lstm"
    stepping = LSTMCell
    gates = 4
    carried = ("hidden", "cell")

    def __init__(self, weights: Sequence[FloatArray], x: FloatArray, state: Arrays) -> None:
        hidden, cell = state
        steps, batch, inputs = x.shape
        size = hidden.shape[1]
        shape = (steps, batch, inputs, size, x.dtype)
        layout = lay_out(shape)
        self._begin(x, hidden, layout.joint)
        layout.blocks[0, C] = cell
        self._blocks, self._parts, self._squashed = layout.blocks, layout.parts, layout.squashed
        (weight,), halved = prepared(weights, steps * batch, SIGMOIDS, gates=4)
        weight, product = by_gate(weight, 4, batch)
        half = half_of(x.dtype)
        add, multiply, tanh = np.add, np.multiply, np.tanh
        for row, pre, oifg, oif, o, i_f, g_c, ig_fc, ig, fc, c, tanh_c, h in layout.steps:
            product(row, weight, pre)
            if not halved:
                multiply(oif, half, oif)
            tanh(oifg, oifg)
            multiply(oif, half, oif)
            add(oif, half, oif)
            multiply(i_f, g_c, ig_fc)
            add(ig, fc, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)
        if steps * batch * size <= SMALL_LAYOUT:
            self.hidden = self.hidden.copy()  # which may be wanted for longer than the reading
            finalize(self, put_back, shape, layout)

    @property
    def state(self) -> Arrays:
        """h_T and c_T."""
        return self.hidden[-1].copy(), self._blocks[-1, C].copy()

    def last(self) -> Mapping[str, FloatArray]:
        """i_T, f_T, g_T, o_T, c_T and h_T, copies."""
        gates = self._blocks[-2].copy()
        return {
            "input": gates[I],
            "forget": gates[F],
            "candidate": gates[G],
            "output": gates[O],
            "cell": self._blocks[-1, C].copy(),
            "hidden": self.hidden[-1].copy(),
        }

    def _way_back(
        self, grad: FloatArray, weight_hidden: FloatArray, delta: FloatArray, parts: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        steps, batch, size = grad.shape
        cut = pieces(batch, 4 * size, size)
        delta_h = np.zeros((batch, size), dtype=grad.dtype)
        delta_c = np.zeros((batch, size), dtype=grad.dtype)
        share = np.empty((batch, size), dtype=grad.dtype)
        delta_h_cut = delta_h.reshape(*cut, size)
        delta_cut = delta.reshape(steps, *cut, 4 * size)
        delta_gates = delta.reshape(steps, batch, 4, size).swapaxes(1, 2)  # (T, 4, B, H)
        add, multiply, product = np.add, np.multiply, DOT if len(cut) == 1 else np.matmul
        for start, stop in parts:
            slopes = self._slopes(start, stop)
            backwards = (
                slopes[:, O],
                slopes[:, C],
                slopes[:, I:C],
                delta_gates[start:stop, O],
                delta_gates[start:stop, I:],
                self._blocks[start:stop, F],
                delta_cut[start:stop],
                grad[start:stop],
            )
            for to_o, to_c, to_ifg, delta_o, delta_ifg, f, d, g in zip(
                *(array[::-1] for array in backwards), strict=True
            ):
                add(delta_h, g, delta_h)
                multiply(delta_h, to_o, delta_o)
                multiply(delta_h, to_c, share)
                add(delta_c, share, delta_c)
                multiply(to_ifg, delta_c, delta_ifg)
                multiply(delta_c, f, delta_c)  # what c_t-1 gets by being kept
                product(d, weight_hidden, delta_h_cut)
            yield start, stop

    def _slopes(self, start: int, stop: int) -> FloatArray:
        """What dL/dh_t is multiplied by on its way to z_o and c_t, and dL/dc_t to z_i, z_f, z_g; (., 5, B, H)."""
        blocks, parts = self._blocks[start:stop], self._parts[start:stop]
        h, tanh_c = self.hidden[start:stop], self._squashed[start:stop]
        multiply, subtract = np.multiply, np.subtract
        slopes = np.empty_like(blocks)
        multiply(blocks[:, O], h, out=slopes[:, O])
        subtract(h, slopes[:, O], out=slopes[:, O])  # tanh(c) o (1 - o)
        multiply(blocks[:, I:G], parts, out=slopes[:, I:G])
        subtract(parts, slopes[:, I:G], out=slopes[:, I:G])  # g i (1 - i) and c_t-1 f (1 - f)
        multiply(parts[:, 0], blocks[:, G], out=slopes[:, G])
        subtract(blocks[:, I], slopes[:, G], out=slopes[:, G])  # i (1 - g^2)
        multiply(h, tanh_c, out=slopes[:, C])
        subtract(blocks[:, O], slopes[:, C], out=slopes[:, C])  # o (1 - tanh(c)^2)
        return slopes
