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
from functools import cache

import numpy as np

from engine.autograd.recurrent import Arrays, JointReading, pieces, product, transposed
from engine.autograd.tensor import FloatArray

I, F, G, O, C = range(5)  # noqa: E741  the letters of the equations
"""Where the gates lie among the blocks of a step, and after them the cell before it."""


@cache
def _by_tanh(dtype: np.dtype[np.floating]) -> tuple[FloatArray, FloatArray]:
    """sigmoid(z) = tanh(z / 2) / 2 + 1 / 2: with the first factor in the weights, one tanh serves all four gates.

    Returns:
        The factor, which is also that of the pre-activation, and the summand, for each gate; (4, 1, 1).
    """
    factor = np.array([0.5, 0.5, 1.0, 0.5], dtype=dtype).reshape(4, 1, 1)
    return factor, 1 - factor


class LSTM(JointReading):
    """A sequence as an LSTM layer reads it; the arguments are those of every `Reading`."""

    gates = 4
    carried = ("hidden", "cell")

    def __init__(self, ready: Arrays, x: FloatArray, state: Arrays) -> None:
        (weight,) = ready
        hidden, cell = state
        self._begin(x, hidden)
        steps, (batch, size) = len(x), hidden.shape
        blocks = np.empty((steps + 1, 5, batch, size), dtype=x.dtype)  # i, f, g, o, c_t-1
        blocks[0, C] = cell
        parts = np.empty((steps, 2, batch, size), dtype=x.dtype)  # i g and f c_t-1, whose sum is c_t
        squashed = np.empty((steps, batch, size), dtype=x.dtype)  # tanh(c_t)
        self._blocks, self._parts, self._squashed = blocks, parts, squashed
        gates = blocks[:-1, :C]
        z = gates.reshape(steps, batch, 4 * size) if weight.ndim == 2 else gates
        factor, summand = _by_tanh(x.dtype)
        add, multiply, tanh, multiply_weight = np.add, np.multiply, np.tanh, product(weight)
        for row, pre, ifgo, i_f, g_c, o, ig_fc, ig, fc, c, tanh_c, h in zip(
            self._joint[:-1],
            z,
            gates,
            gates[:, :G],
            blocks[:-1, G::2],
            gates[:, O],
            parts,
            parts[:, 0],
            parts[:, 1],
            blocks[1:, C],
            squashed,
            self.hidden,
            strict=True,
        ):
            multiply_weight(row, weight, pre)
            tanh(ifgo, ifgo)
            multiply(ifgo, factor, ifgo)
            add(ifgo, summand, ifgo)
            multiply(i_f, g_c, ig_fc)
            add(ig, fc, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)

    @staticmethod
    def ready(weights: Sequence[FloatArray], batch: int) -> Arrays:
        """[U W b]^T by gate, the sigmoids' halved."""
        weight_input, weight_hidden, bias = weights
        factor, _ = _by_tanh(bias.dtype)
        return (transposed((weight_hidden, weight_input, bias), 4, batch, factor),)

    @property
    def state(self) -> Arrays:
        """h_T and c_T."""
        return self.hidden[-1].copy(), self._blocks[-1, C].copy()

    def last(self) -> Mapping[str, FloatArray]:
        """i_T, f_T, g_T, o_T, c_T and h_T."""
        gates = self._blocks[-2]
        return {
            "input": gates[I],
            "forget": gates[F],
            "candidate": gates[G],
            "output": gates[O],
            "cell": self._blocks[-1, C],
            "hidden": self.hidden[-1],
        }

    def _way_back(
        self, grad: FloatArray, weight_hidden: FloatArray, parts: Sequence[tuple[int, int]]
    ) -> Iterator[FloatArray]:
        batch, size = grad.shape[1:]
        cut = pieces(batch, 4 * size, size)
        delta_h = np.zeros((batch, size), dtype=grad.dtype)
        delta_c = np.zeros((batch, size), dtype=grad.dtype)
        share = np.empty((batch, size), dtype=grad.dtype)
        delta_h_cut = delta_h.reshape(*cut, size)
        add, multiply, multiply_weight = np.add, np.multiply, np.dot if len(cut) == 1 else np.matmul
        for start, stop in parts:
            slopes = self._slopes(start, stop)
            delta = np.empty((stop - start, batch, 4, size), dtype=grad.dtype)
            by_gate = delta.swapaxes(1, 2)  # (steps, 4, B, H)
            backwards = (
                slopes[:, O],
                slopes[:, C],
                slopes[:, :O],
                by_gate[:, O],
                by_gate[:, :O],
                self._blocks[start:stop, F],
                delta.reshape(stop - start, *cut, 4 * size),
                grad[start:stop],
            )
            for to_o, to_c, c_to_ifg, delta_o, delta_ifg, f, d, g in zip(
                *(array[::-1] for array in backwards), strict=True
            ):
                add(delta_h, g, delta_h)
                multiply(delta_h, to_o, delta_o)
                multiply(delta_h, to_c, share)
                add(delta_c, share, delta_c)
                multiply(c_to_ifg, delta_c, delta_ifg)
                multiply(delta_c, f, delta_c)  # what c_t-1 gets by being kept
                multiply_weight(d, weight_hidden, delta_h_cut)
            yield delta

    def _slopes(self, start: int, stop: int) -> FloatArray:
        """What dL/dc_t is multiplied by on its way to z_i, z_f, z_g, and dL/dh_t to z_o and c_t; (steps, 5, B, H)."""
        blocks, parts = self._blocks[start:stop], self._parts[start:stop]
        h, tanh_c = self.hidden[start:stop], self._squashed[start:stop]
        multiply, subtract = np.multiply, np.subtract
        slopes = np.empty_like(blocks)
        multiply(blocks[:, :G], parts, out=slopes[:, :G])
        subtract(parts, slopes[:, :G], out=slopes[:, :G])  # g i (1 - i) and c_t-1 f (1 - f)
        multiply(parts[:, 0], blocks[:, G], out=slopes[:, G])
        subtract(blocks[:, I], slopes[:, G], out=slopes[:, G])  # i (1 - g^2)
        multiply(blocks[:, O], h, out=slopes[:, O])
        subtract(h, slopes[:, O], out=slopes[:, O])  # tanh(c) o (1 - o)
        multiply(h, tanh_c, out=slopes[:, C])
        subtract(blocks[:, O], slopes[:, C], out=slopes[:, C])  # o (1 - tanh(c)^2)
        return slopes
