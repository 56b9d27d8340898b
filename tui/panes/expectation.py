"""What a model expects next, as bars and as sentences.

What it promises: the bar is the distribution that would be drawn from, the ghost the model's own; the order
follows the model's own, so turning the temperature never shuffles the rows; entropy and surprise are in bits,
and a number that cannot be computed is a dash. What it does not know: panes, keys, the engine thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from corpora.vocabulary import Vocabulary
from engine.information import cross_entropy, entropy, nats_to_bits, softmax
from engine.sampling import Sampling
from engine.snapshot import NextCharacter, RivalView
from tui.panes.units import MISSING
from tui.text import ELLIPSIS, visible
from tui.widgets.bars import Bar

_SELF_EVIDENT = frozenset(" \n\t")  # their stand-ins are known well enough to need no code point beside them


@dataclass(frozen=True, eq=False)
class Expectation:
    """A model's distribution over the next character, raw and as it would be sampled from.

    Attributes:
        vocabulary: the characters by id.
        raw: softmax of the scores, (V,); all NaN where the scores have no finite largest one.
        sampled: after temperature, top-k and top-p, (V,); all NaN likewise.
        target: id of the true character, None if nobody knows it.
        surprise: of the true character under `raw`, bits; None if it is not known.
    """

    vocabulary: Vocabulary
    raw: NDArray[np.float64]
    sampled: NDArray[np.float64]
    target: int | None
    surprise: float | None

    @classmethod
    def of(cls, said: NextCharacter, vocabulary: Vocabulary, sampling: Sampling) -> Expectation | None:
        """The expectation behind a snapshot's scores; None if they are not about this vocabulary."""
        if not len(vocabulary) or said.logits.shape != (len(vocabulary),):
            return None
        if not np.isfinite(said.logits.max()):  # -inf alone is a character held for impossible
            unknown = np.full(len(vocabulary), np.nan)
            return cls(vocabulary, unknown, unknown, said.target, None)
        surprise = None if said.target is None else nats_to_bits(cross_entropy(said.logits, said.target))
        return cls(
            vocabulary, softmax(said.logits), sampling.distribution(said.logits), said.target, surprise
        )

    def bars(self, *, alphabetical: bool, rival: RivalView | None = None) -> list[Bar]:
        """A bar a character: the most likely first, or in the order of the alphabet.

        Arguments:
            alphabetical: in the order of the alphabet.
            rival: whose expectation is to stand beside; missing where it is not known yet.
        """
        order = range(len(self.raw)) if alphabetical else np.argsort(-self.raw, kind="stable").tolist()
        raw, sampled = self.raw.tolist(), self.sampled.tolist()
        names = _names(self.vocabulary)
        beside: list[float | None] = [None] * len(raw)
        if rival is not None:
            expected = rival.log_probabilities
            known = expected is not None and expected.shape == self.raw.shape
            beside = np.exp(expected).tolist() if known and expected is not None else [math.nan] * len(raw)
        return [Bar(names[i][0], sampled[i], raw[i], i == self.target, names[i][1], beside[i]) for i in order]

    def surprise_of(self, rival: RivalView) -> float | None:
        """What the true character costs a rival, bits; None if either is not known."""
        if self.target is None or rival.log_probabilities is None:
            return None
        return nats_to_bits(-float(rival.log_probabilities[self.target]))

    @property
    def entropies(self) -> tuple[float | None, float | None]:
        """Entropy of the raw and of the sampled distribution, bits; None where it is not known."""
        return _bits_of(self.raw), _bits_of(self.sampled)

    @property
    def truth(self) -> str:
        """The true character, visible; "" if nobody knows it."""
        return "" if self.target is None else _names(self.vocabulary)[self.target][0]

    @property
    def rank(self) -> int | None:
        """How many characters are at least as likely as the true one, itself included, before sampling."""
        if self.target is None or np.isnan(self.raw[self.target]):
            return None
        return int((self.raw >= self.raw[self.target]).sum())


def bits(value: float | None) -> str:
    """A number of bits in 6 cells."""
    if value is None:
        return MISSING.rjust(6)
    return "∞".rjust(6) if math.isinf(value) else f"{value:6.3f}"


def context_tail(characters: str, cells: int) -> str:
    """The end of a context, every character visible, in at most `cells` cells; an ellipsis tells of a cut."""
    shown = [visible(character, space=True) for character in characters[-max(cells, 0) - 1 :]]
    if len(shown) == len(characters) and sum(map(cell_len, shown)) <= cells:
        return "".join(shown)
    kept: list[str] = []
    left = cells - 1
    for one in reversed(shown):
        left -= cell_len(one)
        if left < 0:
            break
        kept.append(one)
    return ELLIPSIS + "".join(reversed(kept)) if cells > 0 else ""


def _bits_of(p: NDArray[np.float64]) -> float | None:
    """The entropy of a distribution, None if it is not known."""
    return None if np.isnan(p).any() else nats_to_bits(entropy(p))


@lru_cache(maxsize=2)  # the text that is open, and the one before: thousands of characters in some scripts
def _names(vocabulary: Vocabulary) -> tuple[tuple[str, str], ...]:
    """For each character its visible stand-in, and its code point where the stand-in does not tell it."""
    names = []
    for character in vocabulary:
        label = visible(character, space=True)
        plain = label == character or character in _SELF_EVIDENT
        names.append((label, "" if plain else f"U+{ord(character):04X}"))
    return tuple(names)
