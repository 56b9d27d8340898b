"""The gated recurrent unit, in the form of PyTorch's nn.GRU.

    r_t = sigmoid(W_r x_t + U_r h_t-1 + b_r)                    reset
    z_t = sigmoid(W_z x_t + U_z h_t-1 + b_z)                    update
    n_t = tanh(W_n x_t + b_n + r_t (U_n h_t-1 + b_hn))          candidate
    h_t = (1 - z_t) n_t + z_t h_t-1

Cho et al. (2014) let the reset gate act on h_t-1, before the product with U_n, and call 1 - z what is z here. Acting
behind the product, as here, is the variant of cuDNN and PyTorch: the whole recurrence is one product a step, and the
same weights give the same numbers there.

Source: Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, equations 5 to 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np

from engine.autograd.recurrent import (
    Arrays,
    Reading,
    Shapes,
    multiply_rows,
    pieces,
    product,
    stretches,
    transposed,
)
from engine.autograd.tensor import FloatArray, Tensor
from engine.parallel import product_then

R, Z, N = range(3)
"""Where the gates lie among the blocks of a step."""


@cache
def _half(dtype: np.dtype[np.floating]) -> tuple[FloatArray, FloatArray]:
    """1 / 2 as a number that costs no conversion, and the factors of the pre-activations, (3, 1, 1).

    sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, with the inner half in the weights.
    """
    return np.array(0.5, dtype=dtype), np.array([0.5, 0.5, 1.0], dtype=dtype).reshape(3, 1, 1)


class GRU(Reading):
    """A sequence as a GRU layer reads it; the arguments are those of every `Reading`."""

    def __init__(self, ready: Arrays, x: FloatArray, state: Arrays) -> None:
        weight_input, weight_hidden, bias = ready
        (hidden,) = state
        steps, batch, inputs = x.shape
        size = hidden.shape[1]
        rows = np.empty((steps + 1, batch, size + 1), dtype=x.dtype)  # [h_t-1; 1]
        rows[0, :, :size] = hidden
        rows[:, :, size] = 1
        self._rows, self.hidden = rows, rows[1:, :, :size]
        from_input = np.empty((steps, 3, batch, size), dtype=x.dtype)
        if weight_input.ndim == 2:
            np.dot(x.reshape(steps, inputs), weight_input, out=from_input.reshape(steps, 3 * size))
        else:
            np.matmul(x[:, None], weight_input, out=from_input)
        np.add(from_input, bias, out=from_input)
        gates = np.empty((steps, 3, batch, size), dtype=x.dtype)  # r, z, U_n h_t-1 + b_hn
        self._gates, self._candidate = gates, from_input[:, N]
        kept = np.empty((steps, batch, size), dtype=x.dtype)  # z (h_t-1 - n)
        self._kept = kept
        z_all = gates.reshape(steps, batch, 3 * size) if weight_hidden.ndim == 2 else gates
        scratch = np.empty((batch, size), dtype=x.dtype)
        half, _ = _half(x.dtype)
        add, subtract, multiply, tanh = np.add, np.subtract, np.multiply, np.tanh
        multiply_weight = product(weight_hidden)
        for row, pre, r_z, r, z, m, x_rz, n, k, before, h in zip(
            rows[:-1],
            z_all,
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
            multiply_weight(row, weight_hidden, pre)
            add(r_z, x_rz, r_z)
            tanh(r_z, r_z)
            multiply(r_z, half, r_z)
            add(r_z, half, r_z)
            multiply(r, m, scratch)
            add(n, scratch, n)
            tanh(n, n)
            subtract(before, n, scratch)
            multiply(z, scratch, k)
            add(n, k, h)

    @staticmethod
    def shapes(inputs: int, hidden: int) -> Shapes:
        """W, U, b and b_hn, the gates below one another in PyTorch's order; its b_hr and b_hz are part of b."""
        return {
            "weight_input": (3 * hidden, inputs),
            "weight_hidden": (3 * hidden, hidden),
            "bias": (3 * hidden,),
            "bias_hidden": (hidden,),
        }

    @staticmethod
    def ready(weights: Sequence[FloatArray], batch: int) -> Arrays:
        """W^T by gate, [U b_h]^T by gate, and b, (3, 1, H); the sigmoids' halved."""
        weight_input, weight_hidden, bias, bias_hidden = weights
        _, factors = _half(bias.dtype)
        inner = np.concatenate([np.zeros(2 * len(bias_hidden), dtype=bias.dtype), bias_hidden])
        return (
            transposed((weight_input,), 3, batch, factors),
            transposed((weight_hidden, inner), 3, batch, factors),
            bias.reshape(3, 1, -1) * factors,
        )

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
        weight_input, weight_hidden, bias, bias_hidden = weights
        steps, batch, size = grad.shape
        delta_x = np.empty(x.shape, dtype=grad.dtype)

        def share(joint: FloatArray) -> None:  # (3H, H + 1)
            weight_hidden.receive(joint[:, :size])
            bias_hidden.receive(joint[N * size :, size])

        parts = stretches(steps, steps * batch * 3 * size * size)
        way = self._way_back(grad, weight_hidden.data, parts)
        for (start, stop), (behind, before) in zip(parts, way, strict=True):
            behind, before = behind.reshape(-1, 3 * size), before.reshape(-1, 3 * size)
            product_then(behind.T, self._rows[start:stop].reshape(-1, size + 1), share)
            weight_input.receive_product(before.T, x.data[start:stop].reshape(len(before), -1))
            bias.receive_sum(before)
            multiply_rows(before, weight_input.data, delta_x[start:stop].reshape(len(before), -1))
        x.receive(delta_x)

    def _way_back(
        self, grad: FloatArray, weight_hidden: FloatArray, parts: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """For each of `parts`, the last steps first: dL/d(U h_t-1 + b_h) and dL/d(W x_t + b), (steps, B, 3, H)."""
        batch, size = grad.shape[1:]
        cut = pieces(batch, 3 * size, size)
        carry = np.zeros((batch, size), dtype=grad.dtype)
        carry_cut = carry.reshape(*cut, size)
        kept_share = np.zeros((batch, size), dtype=grad.dtype)
        add, multiply, multiply_weight = np.add, np.multiply, np.dot if len(cut) == 1 else np.matmul
        for start, stop in parts:
            slopes, to_candidate = self._slopes(start, stop)
            delta_h = np.empty((stop - start, batch, size), dtype=grad.dtype)
            behind = np.empty((stop - start, batch, 3, size), dtype=grad.dtype)
            backwards = (
                slopes,
                self._gates[start:stop, Z],
                behind.swapaxes(1, 2),
                behind.reshape(stop - start, *cut, 3 * size),
                delta_h,
                grad[start:stop],
            )
            for slope, z, delta, d, dh, g in zip(*(array[::-1] for array in backwards), strict=True):
                add(carry, kept_share, carry)
                add(carry, g, dh)
                multiply(slope, dh, delta)
                multiply(dh, z, kept_share)  # what h_t-1 gets by being kept
                multiply_weight(d, weight_hidden, carry_cut)
            before = behind.copy()
            multiply(delta_h, to_candidate, out=before[:, :, N])
            yield behind, before

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
