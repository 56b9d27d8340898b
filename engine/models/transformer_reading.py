"""A Transformer on one character after another, from copies of its weights.

It knows a decoder only by what is read off it: vectors, places, blocks and the way to the logits. Where the norms
come first, nobody sees the mean of a vector, and all that is added up is freed of it (`engine/nn/decoding.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from corpora.vocabulary import IdArray
from engine.autograd.tensor import FloatArray
from engine.nn.block import BlockStep
from engine.nn.decoding import Affine, KeyValueCache, Scale
from engine.nn.normalisation import LayerNorm

FEW = 4
"""Characters up to which the beginning of a text is read one after another: one takes about half the time of a
whole pass, four take nine tenths (1 to 4 blocks, 16 to 128 wide)."""


class DecoderCopy:
    """What a decoder needs for one character after another: copies of its weights.

    Arguments:
        vectors: of the characters, (V, E).
        places: what is added at each place, (T, E); None for nothing.
        blocks: for each block what makes a step of it, given a cache.
        norm: the last one, where the norms come first; None where they come last.
        output: the weight of the logits, (V, E).
    """

    def __init__(
        self,
        vectors: FloatArray,
        places: FloatArray | None,
        blocks: Sequence[Callable[[KeyValueCache], BlockStep]],
        norm: LayerNorm | None,
        output: FloatArray,
    ) -> None:
        freed = np.copy if norm is None else _freed_of_mean
        self.vectors: FloatArray = freed(vectors)
        self.places: FloatArray | None = None if places is None else freed(places)
        self.blocks = blocks
        self.scale = None if norm is None else Scale(vectors.shape[1])
        self.output = Affine(output, None, norm)


def _freed_of_mean(rows: FloatArray) -> FloatArray:
    freed: FloatArray = rows - rows.mean(axis=1, keepdims=True)
    return freed


class DecoderReader:
    """A decoder that reads one text, up to T characters, begun at once, with the weights of when this is made.

    Arguments:
        fill: reads the first characters into the caches: (n,) ids -> logits after them, (V,).
        caches: one for each block, empty.
        copied: the weights for those that follow.
    """

    def __init__(
        self,
        fill: Callable[[IdArray, Sequence[KeyValueCache]], FloatArray],
        caches: Sequence[KeyValueCache],
        copied: DecoderCopy,
    ) -> None:
        self._fill, self._caches, self._copied = fill, caches, copied
        self._blocks = [make(cache) for make, cache in zip(copied.blocks, caches, strict=True)]
        self._output = copied.output.apart()
        self._length = 0

    def begin(self, ids: IdArray) -> FloatArray:
        """Read the first characters, (n,) ids with n at least 1 -> logits after them, (V,)."""
        if len(ids) > FEW:
            self._length = len(ids)
            return self._fill(ids, self._caches)
        *before, last = ids.tolist()
        for character in before:
            self.advance(character)
        return self.advance(last)

    def advance(self, character: int) -> FloatArray:
        """Read one more -> logits after it, (V,)."""
        copied = self._copied
        x: FloatArray = copied.vectors[character].copy()  # (E,)
        if copied.places is not None:
            x += copied.places[self._length]
        for block in self._blocks:
            x = block(x, self._length)
        self._length += 1
        if copied.scale is not None:
            copied.scale(x, x)
        return self._output(x)
