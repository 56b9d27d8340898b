"""The gated recurrent unit, in the form of PyTorch's nn.GRU.

    r_t = sigmoid(W_r x_t + U_r h_t-1 + b_r)                    reset
    z_t = sigmoid(W_z x_t + U_z h_t-1 + b_z)                    update
    n_t = tanh(W_n x_t + b_n + r_t (U_n h_t-1 + b_hn))          candidate
    h_t = (1 - z_t) n_t + z_t h_t-1

Cho et al. (2014) let the reset gate act on h_t-1, before the product with U_n. Acting behind it, as here, is the
variant of cuDNN and PyTorch: the whole recurrence is one product a step, and the same weights give the same numbers
there.

Source: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, equations 5 to 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from engine.autograd.recurrent import (
    Arrays,
    Cell,
    Reading,
    by_gate,
    half_of,
    hand_over,
    prepared,
    stretches,
    with_sigmoids_halved,
)
from engine.autograd.tensor import FloatArray, Tensor
from engine.products import DOT, pieces, times_transposed_into

R, Z, N = range(3)
"""Where the gates lie among the blocks of a step and of the weights."""

SIGMOIDS = 2
"""How many of the gates they are, from the first."""


class GRUCell(Cell):
    """A GRU layer step by step; the arguments are those of every `Cell`."""

    def __init__(self, weights: Sequence[FloatArray], state: Arrays) -> None:
        (hidden,) = state
        size = hidden.shape[1]
        weight_input, weight_hidden = with_sigmoids_halved(weights, SIGMOIDS, gates=3)
        seen = np.ones(len(weight_input), dtype=weight_input.dtype)  # [x; 1]
        row = np.ones(size + 1, dtype=weight_input.dtype)  # [h; 1]
        row[:size] = hidden[0]
        before, behind = (np.empty((3, size), dtype=weight_input.dtype) for _ in range(2))
        self._weights, self._half = (weight_input, weight_hidden), half_of(weight_input.dtype)
        self._rows = seen, seen[:-1], row, row[:size], before.reshape(-1), behind.reshape(-1)
        self._gates = before[:N], before[N], behind[:N], behind[R], behind[Z], behind[N]

    def __call__(self, x: FloatArray) -> FloatArray:
        """x_t, (I,) -> h_t, (H,), which the next call overwrites."""
        half, (weight_input, weight_hidden) = self._half, self._weights
        seen, into, row, h, before, behind = self._rows
        x_rz, n, r_z, r, z, m = self._gates
        into[...] = x
        DOT(seen, weight_input, before)
        DOT(row, weight_hidden, behind)
        np.add(r_z, x_rz, r_z)
        np.tanh(r_z, r_z)
        np.multiply(r_z, half, r_z)
        np.add(r_z, half, r_z)
        np.multiply(r, m, m)
        np.add(n, m, n)
        np.tanh(n, n)
        np.subtract(h, n, h)
        np.multiply(z, h, h)
        np.add(n, h, h)
        return h


class GRUReading(Reading):
    """A sequence as a GRU layer reads it; the arguments are those of every `Reading`.

    Its weights are [W b]^T and [U b_h]^T, as in PyTorch; of b_h only b_hn differs in effect from b.
    """

    name = "gru"
    stepping = GRUCell
    gates = 3
    rows = MappingProxyType({"weight_input": ("input", "one"), "weight_hidden": ("hidden", "one")})

    def __init__(self, weights: Sequence[FloatArray], x: FloatArray, state: Arrays) -> None:
        (hidden,) = state
        steps, batch, inputs = x.shape
        (weight_input, weight_hidden), halved = prepared(weights, steps * batch, SIGMOIDS, gates=3)
        size = hidden.shape[1]
        rows = np.empty((steps + 1, batch, size + 1), dtype=x.dtype)  # [h_t-1; 1]
        rows[0, :, :size] = hidden
        rows[:, :, size] = 1
        self._rows, self.hidden = rows, rows[1:, :, :size]
        self._x = np.empty((steps, batch, inputs + 1), dtype=x.dtype)  # [x_t; 1]
        self._x[:, :, :inputs] = x
        self._x[:, :, inputs] = 1
        from_input = np.empty((steps, 3, batch, size), dtype=x.dtype)  # W x_t + b
        weight_input, product = by_gate(weight_input, 3, batch)
        if weight_input.ndim == 2:
            product(self._x.reshape(steps, -1), weight_input, out=from_input.reshape(steps, -1))
        else:
            product(self._x[:, None], weight_input, out=from_input)
        gates = np.empty((steps, 3, batch, size), dtype=x.dtype)  # r, z, U_n h_t-1 + b_hn
        self._gates, self._candidate = gates, from_input[:, N]
        kept = np.empty((steps, batch, size), dtype=x.dtype)  # z (h_t-1 - n)
        self._kept = kept
        weight_hidden, product = by_gate(weight_hidden, 3, batch)
        pre_activations = gates.reshape(steps, batch, 3 * size) if weight_hidden.ndim == 2 else gates
        scratch = np.empty((batch, size), dtype=x.dtype)
        half = half_of(x.dtype)
        add, subtract, multiply, tanh = np.add, np.subtract, np.multiply, np.tanh
        for row, pre, r_z, r, z, m, x_rz, n, k, before, h in zip(
            rows[:-1],
            pre_activations,
            gates[:, :N],
            gates[:, R],
            gates[:, Z],
            gates[:, N],
            from_input[:, :N],
            from_input[:, N],
            kept,
            rows[:-1, :, :size],
            self.hidden,
            strict=True,
        ):
            product(row, weight_hidden, pre)
            add(r_z, x_rz, r_z)
            if not halved:
                multiply(r_z, half, r_z)
            tanh(r_z, r_z)
            multiply(r_z, half, r_z)
            add(r_z, half, r_z)
            multiply(r, m, scratch)
            add(n, scratch, n)
            tanh(n, n)
            subtract(before, n, scratch)
            multiply(z, scratch, k)
            add(n, k, h)

    @property
    def state(self) -> Arrays:
        """h_T."""
        return (self.hidden[-1].copy(),)

    def last(self) -> Mapping[str, FloatArray]:
        """r_T, z_T, n_T and h_T."""
        r, z, _ = self._gates[-1]
        return {"reset": r, "update": z, "candidate": self._candidate[-1], "hidden": self.hidden[-1]}

    def backward(self, grad: FloatArray, x: Tensor, weights: Sequence[Tensor]) -> None:
        """Hand their gradients to `x` and `weights`, given dL/dh, (T, B, H)."""
        weight_input, weight_hidden = weights
        steps, batch, size = grad.shape
        delta_input = np.empty((steps * batch, 3 * size), dtype=grad.dtype)  # dL/d(W x_t + b)
        delta_hidden = np.empty((steps * batch, 3 * size), dtype=grad.dtype)  # dL/d(U h_t-1 + b_h)
        seen, before = self._x.reshape(steps * batch, -1), self._rows[:-1].reshape(steps * batch, -1)
        parts = stretches(steps, delta_hidden.size * size)
        by_step = (steps, batch, 3, size)
        way = self._way_back(
            grad,
            weight_hidden.data[:size].T,
            delta_input.reshape(by_step),
            delta_hidden.reshape(by_step),
            parts,
        )
        for start, stop in way:
            part = slice(start * batch, stop * batch)
            hand_over(weight_hidden, before[part], delta_hidden[part], first=stop == steps)
            hand_over(weight_input, seen[part], delta_input[part], first=stop == steps)
        delta_x = np.empty((steps * batch, x.shape[2]), dtype=grad.dtype)
        times_transposed_into(delta_x, delta_input, weight_input.data[:-1])
        x.receive(delta_x.reshape(x.shape))

    def _way_back(
        self,
        grad: FloatArray,
        weight_hidden: FloatArray,
        delta_input: FloatArray,
        delta_hidden: FloatArray,
        parts: Sequence[tuple[int, int]],
    ) -> Iterator[tuple[int, int]]:
        """Fill both deltas, (T, B, 3, H), part after part, the last steps first; each is yielded when done."""
        steps, batch, size = grad.shape
        cut = pieces(batch, 3 * size, size)
        carry = np.zeros((batch, size), dtype=grad.dtype)
        carry_cut = carry.reshape(*cut, size)
        kept_share = np.zeros((batch, size), dtype=grad.dtype)
        delta_cut = delta_hidden.reshape(steps, *cut, 3 * size)
        delta_gates = delta_hidden.swapaxes(1, 2)  # (T, 3, B, H)
        add, multiply, product = np.add, np.multiply, DOT if len(cut) == 1 else np.matmul
        for start, stop in parts:
            slopes, to_candidate = self._slopes(start, stop)
            delta_h = np.empty((stop - start, batch, size), dtype=grad.dtype)
            backwards = (
                slopes,
                self._gates[start:stop, Z],
                delta_gates[start:stop],
                delta_cut[start:stop],
                delta_h,
                grad[start:stop],
            )
            for slope, z, delta, d, dh, g in zip(*(array[::-1] for array in backwards), strict=True):
                add(carry, kept_share, carry)
                add(carry, g, dh)
                multiply(slope, dh, delta)
                multiply(dh, z, kept_share)  # what h_t-1 gets by being kept
                product(d, weight_hidden, carry_cut)
            delta_input[start:stop, :, :N] = delta_hidden[start:stop, :, :N]
            multiply(delta_h, to_candidate, out=delta_input[start:stop, :, N])
            yield start, stop

    def _slopes(self, start: int, stop: int) -> tuple[FloatArray, FloatArray]:
        """What dL/dh_t is multiplied by on its way to the pre-activations.

        Returns:
            To those of r, z and to U_n h_t-1 + b_hn, (steps, 3, B, H); and to that of n, (steps, B, H).
        """
        gates, n, kept = self._gates[start:stop], self._candidate[start:stop], self._kept[start:stop]
        r, z, m = gates[:, R], gates[:, Z], gates[:, N]
        slopes = np.empty_like(gates)
        to_r, to_z, to_m = slopes[:, R], slopes[:, Z], slopes[:, N]
        to_n = (1 - z) * (1 - n * n)
        np.multiply(to_n, r, out=to_m)
        np.multiply(to_m, m, out=to_r)
        np.multiply(to_r, 1 - r, out=to_r)  # to_n m r (1 - r)
        np.multiply(kept, 1 - z, out=to_z)  # (h_t-1 - n) z (1 - z)
        return slopes, to_n
