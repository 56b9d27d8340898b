"""The decoder-only Transformer (Vaswani et al. 2017, "Attention Is All You Need"; Radford et al. 2019, GPT-2).

    x = e(c) + p(t)                               for each character c at place t
    x <- x + Attention(LN(x))                     each block: what the others know,
    x <- x + W2 f(W1 LN(x) + b1) + b2             then a thought about it
    z = W LN(x),   P(next) = softmax(z)           at every place

This is the order of GPT-2, norm = "pre". With "post" it is that of 2017: x <- LN(x + Attention(x)), and no norm at
the end. Nobody looks ahead, so one pass over T characters makes T predictions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.errors import ShapeError
from engine.autograd.functions import reshape
from engine.autograd.fused import linear, softmax_cross_entropy
from engine.autograd.tensor import FloatArray, Tensor
from engine.models.halves import Halves
from engine.models.language_model import Forward
from engine.models.sliding import SlidingModel
from engine.models.transformer_reading import DecoderCopy, DecoderReader
from engine.models.transformer_sizes import Sizes
from engine.nn.block import WIDENING, Block
from engine.nn.decoding import KeyValueCache
from engine.nn.initialisation import NORMAL_STD
from engine.nn.layers import Dropout, Embedding, Linear
from engine.nn.module import Module
from engine.nn.normalisation import LayerNorm
from engine.nn.parameters import ArrayParameters
from engine.nn.positions import LearnedPositions, NoPositions, SinusoidalPositions, rotary


class Decoder(Module[IdArray]):
    """The layers of a `Transformer`; its attributes, in their order, name the parameters: "block.0.norm_1.weight".

    Arguments:
        sizes, dtype: as for `Transformer`.
        rng: draws the weights, layer by layer from the input to the output.
        noise: dropout's.
    """

    def __init__(
        self,
        sizes: Sizes,
        rng: np.random.Generator,
        noise: np.random.Generator,
        dtype: np.dtype[np.floating],
    ) -> None:
        time, width = sizes.context, sizes.embedding
        self._sizes, self._dtype = sizes, dtype
        self.embedding = Embedding(sizes.vocabulary, width, rng, dtype, spread=NORMAL_STD)
        self.positions = NoPositions()
        if sizes.positions == "learned":
            self.positions = LearnedPositions(time, width, rng, dtype)
        elif sizes.positions == "sinusoidal":
            self.positions = SinusoidalPositions(time, width, dtype)
        rotation = rotary(time, sizes.head_size, dtype) if sizes.positions == "rotary" else None
        self.dropout = Dropout(sizes.dropout, noise)
        kind = sizes.initialiser
        self.block = tuple(
            [
                Block(
                    width,
                    sizes.heads,
                    rng,
                    noise,
                    dtype,
                    norm_first=sizes.norm == "pre",
                    activation=sizes.activation,
                    dropout=sizes.dropout,
                    initialiser=kind,
                    # Radford et al. (2019), section 2.3: 2 L branches add up on the straight path
                    scale=1 / math.sqrt(2 * sizes.layers),
                    rotation=rotation,
                )
                for _ in range(sizes.layers)
            ]
        )
        self.norm = LayerNorm(width, dtype) if sizes.norm == "pre" else None
        self.output = (
            None
            if sizes.tied
            else Linear(width, sizes.vocabulary, rng, dtype, initialiser=kind, biased=False)
        )

    def __call__(self, x: IdArray) -> Tensor:
        """(B, T) ids -> logits, (B, T, V)."""
        return self.stages(x)[-1][1]

    def stages(self, contexts: IdArray) -> tuple[tuple[str, Tensor], ...]:
        """(B, T) ids -> every stage: (B, T, E) until the last, the logits, (B, T, V)."""
        stages = self.hidden(contexts)
        return (*stages, ("logits", self.scores(stages[-1][1])))

    def hidden(self, contexts: IdArray) -> list[tuple[str, Tensor]]:
        """(B, T) ids -> every stage before the logits, (B, T, E).

        Raises:
            ShapeError: if there are no characters, or more than there are places.
        """
        if not 1 <= contexts.shape[1] <= self._sizes.context:
            raise ShapeError(
                f"contexts of {contexts.shape[1]} characters for a model of 1 to {self._sizes.context}"
            )
        x = self.dropout(self.positions(self.embedding(contexts)))  # (B, T, E)
        stages = [("embedding", x)]  # as the first block gets it
        for index, block in enumerate(self.block):
            x = block(x)
            stages.append((f"block.{index}", x))
        return stages

    def scores(self, x: Tensor) -> Tensor:
        """What the last block gave -> logits, (B, T, E) -> (B, T, V)."""
        if self.norm is not None:
            x = self.norm(x)
        return linear(x, self.embedding.weight, None) if self.output is None else self.output(x)

    def caches(self) -> list[KeyValueCache]:
        """One for each block, for a text of which nothing is read yet."""
        sizes = self._sizes
        return [KeyValueCache(sizes.context, sizes.heads, sizes.head_size, self._dtype) for _ in self.block]

    def filling(self, ids: IdArray, caches: Sequence[KeyValueCache]) -> FloatArray:
        """Read the beginning of a text, which the caches keep: (n,) ids -> logits after them, (V,)."""
        x = self.positions(self.embedding(ids[None]))  # (1, n, E)
        for block, cache in zip(self.block, caches, strict=True):
            x = block.filling(x, cache)
        logits: FloatArray = self.scores(Tensor(x.data[:, -1])).data[0]
        return logits

    def copied(self) -> DecoderCopy:
        """What one character after another needs of the weights, as they are now."""
        table = self.embedding.weight.data
        return DecoderCopy(
            table * self.positions.scale,
            self.positions.added,
            [block.decoding() for block in self.block],
            self.norm,
            table if self.output is None else self.output.weight.data,
        )


class Transformer(SlidingModel):
    """The decoder-only Transformer on `Tensor`.

    Arguments:
        sizes: its shape.
        seed: of the initial weights, drawn in float64 layer by layer from the input to the output.
        pad: id of the character an empty text is taken to begin with.
        dtype: float32 or float64.
    """

    def __init__(self, sizes: Sizes, *, seed: int, pad: int = 0, dtype: str = "float32") -> None:
        self.sizes = sizes
        self.vocabulary_size, self.context, self.pad = sizes.vocabulary, sizes.context, pad
        self.context_seen = sizes.context
        self.widest = max(WIDENING * sizes.embedding, sizes.heads * sizes.context, sizes.vocabulary)
        self.noise = np.random.default_rng([seed, 1])
        precision = np.dtype(dtype)
        self._decoder = Decoder(sizes, np.random.default_rng(seed), self.noise, precision)
        self.parameters = ArrayParameters(list(self._decoder.parameters()), precision)
        self._halves = Halves(self._decoder, self.noise if sizes.dropout else None)
        self._copied: tuple[FloatArray, DecoderCopy] | None = None  # the parameters and what was made of them

    def forward(self, contexts: IdArray) -> Forward:
        """(B, T) ids -> every stage, (B, T, E), up to the logits, (B, T, V)."""
        return self._halves.forward(
            lambda decoder, rows: decoder.stages(contexts[rows]),
            len(contexts),
            divided=self._divides(contexts),
        )

    def _divides(self, contexts: IdArray) -> bool:
        """Whether a batch is large enough to be computed in halves."""
        return self._halves.pays(contexts.size, contexts.size)

    def loss_of(self, forward: Forward, targets: IdArray) -> Tensor:
        """Mean cross-entropy over all places, in nats."""
        logits: Tensor = forward.logits
        rows = reshape(logits, (targets.size, self.vocabulary_size))  # (B*T, V)
        return softmax_cross_entropy(rows, targets.reshape(-1))

    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass that drops nothing and takes nothing from the run's noise."""
        with self._quiet():
            return self.forward(contexts)

    def scores(self, contexts: IdArray, last: int) -> NDArray[np.floating]:
        """Logits without noise at the last places, (B, T) -> (B, last, V)."""

        def scored(decoder: Decoder, rows: slice) -> FloatArray:
            x = decoder.hidden(contexts[rows])[-1][1]
            return decoder.scores(Tensor(x.data[:, -last:])).data

        with self._quiet():
            parts = self._halves.each(scored, len(contexts), divided=self._divides(contexts))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def reader(self) -> DecoderReader:
        """Reads one text, up to T characters, with the weights as they are now.

        Copies, twice the size of the parameters, are kept for the next text: a long one begins anew every T/2
        characters.
        """
        values, copied = self.parameters.values, self._copied
        if copied is None or not np.array_equal(copied[0], values):
            copied = self._copied = values.copy(), self._decoder.copied()
        return DecoderReader(self._decoder.filling, self._decoder.caches(), copied[1])

    def probe(self, context: IdArray) -> dict[str, NDArray[np.floating]]:
        """Every stage at the last place, and each block's attention weights, (h, T, T)."""
        with self._quiet():
            ids = self.begun(context)[-self.context :]
            return self._read_off(self._decoder.stages(ids[None]))

    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage gave at the last place of one example, and how that looked at all, (h, T), undropped."""
        whole, row = forward.of(row)
        alone = [(name, Tensor(tensor.data[row][None])) for name, tensor in whole.stages]
        return {
            name: values[:, -1] if values.ndim == 3 else values
            for name, values in self._read_off(alone).items()
        }

    def _read_off(self, stages: Sequence[tuple[str, Tensor]]) -> dict[str, NDArray[np.floating]]:
        """Of one example's stages, (1, T, .), what they gave at its last place; before each block its attention."""
        (first, x), *blocks, (last, logits) = stages
        values: dict[str, NDArray[np.floating]] = {first: x.data[0, -1].copy()}
        for (name, result), block in zip(blocks, self._decoder.block, strict=True):
            values[f"{name}.attention"] = block.attention_weights(x)
            values[name] = result.data[0, -1].copy()
            x = result
        values[last] = logits.data[0, -1].copy()
        return values

    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output."""
        return self.sizes.formulas()

    def train(self, on: bool) -> None:
        """Switch dropout on or off."""
        self._decoder.train(on)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Without dropout."""
        training = self._decoder.training
        self._decoder.train(False)
        try:
            yield
        finally:
            self._decoder.train(training)
