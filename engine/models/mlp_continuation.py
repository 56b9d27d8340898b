"""A feed-forward model on one window after another: vectors instead of matrices, and nothing kept for a gradient.

What can be done beforehand is done when a text begins: batch normalisation by its running statistics, gain g,
shift a, mean m, variance v, goes into the layer before it, g (W x - m) / sqrt(v) + a = (s W) x + (a - s m) with
s = g / sqrt(v). The weights are copies: a text that is being written keeps them, whatever is learned meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corpora.vocabulary import IdArray
from engine.autograd.activations import ACTIVATIONS
from engine.autograd.batch_normalisation import EPSILON
from engine.autograd.tensor import FloatArray
from engine.nn.batch_normalisation import BatchNorm
from engine.nn.decoding import Affine
from engine.nn.layers import Linear, TiedLinear


class MLPContinuation:
    """A text under way; its whole memory is the window.

    Arguments:
        table: the characters' vectors, (V, E).
        hidden: the hidden layers.
        norms: what stands behind each of them; none without batch normalisation.
        output: the layer of the scores.
        direct: from the joined vectors to the scores; None for none.
        activation: a name in `ACTIVATIONS`.
        window: the last C ids, (C,).
    """

    def __init__(
        self,
        table: FloatArray,
        hidden: Sequence[Linear],
        norms: Sequence[BatchNorm],
        output: Linear | TiedLinear,
        direct: Linear | None,
        activation: str,
        window: IdArray,
    ) -> None:
        self._table = table.copy()
        self._hidden = (
            [_normalised(layer, norm) for layer, norm in zip(hidden, norms, strict=True)]
            if norms
            else [Affine.of(layer) for layer in hidden]
        )
        self._output = (
            [Affine.of(output.projection), Affine(table, output.bias.data, None)]
            if isinstance(output, TiedLinear)
            else [Affine.of(output)]
        )
        self._direct = None if direct is None else Affine.of(direct)
        self._activation = ACTIVATIONS[activation].value
        self._window = window.copy()

    @property
    def logits(self) -> FloatArray:
        """Scores for the next character, (V,)."""
        joined: FloatArray = self._table.take(self._window, axis=0).reshape(-1)  # (C*E,)
        x = joined
        for layer in self._hidden:
            x = self._activation(layer(x))  # (H,)
        for layer in self._output:
            x = layer(x)
        return x if self._direct is None else x + self._direct(joined)  # (V,)

    def advance(self, character: int) -> None:
        """Shift the window by one and put `character` at its end."""
        self._window[:-1] = self._window[1:]
        self._window[-1] = character


def _normalised(layer: Linear, norm: BatchNorm) -> Affine:
    scale = norm.weight.data / np.sqrt(norm.variance + norm.variance.dtype.type(EPSILON))
    return Affine(layer.weight.data * scale[:, None], norm.bias.data - scale * norm.mean, None)
