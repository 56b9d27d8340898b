"""The three units a loss can be read in, and how a number is written into a column.

What it promises: every conversion starts from nats per character; a number fits the column it is written for,
with as many decimals as there is room for, and one that is not known is a dash, never a zero.
What it does not know: the screen.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.information import nats_to_bits

MISSING = "–"
DECIMALS = 6  # float32 losses have no more to tell


class Unit(StrEnum):
    """What a loss per character is measured in."""

    NATS = "nats"
    BITS = "bits"
    PERPLEXITY = "perplexity"

    @property
    def following(self) -> Unit:
        """The unit after this one, round and round."""
        units = list(Unit)
        return units[(units.index(self) + 1) % len(units)]

    @property
    def uniform(self) -> str:
        """The loss of a model that holds all V characters for equally likely, as a formula."""
        return {Unit.NATS: "ln V", Unit.BITS: "log₂ V", Unit.PERPLEXITY: "V"}[self]

    def of(self, nats: NDArray[np.float64]) -> NDArray[np.float64]:
        """Losses in nats, any shape, in this unit; a perplexity beyond the range of float64 is infinite."""
        match self:
            case Unit.NATS:
                return nats
            case Unit.BITS:
                return nats_to_bits(nats)
            case Unit.PERPLEXITY:
                with np.errstate(over="ignore"):
                    return np.exp(nats)

    def of_one(self, nats: float) -> float:
        """One loss in nats, in this unit."""
        return float(self.of(np.array(nats)))


def fitted(value: float | None, cells: int) -> str:
    """A number from 0 on in at most `cells` cells, 8 or more: decimals while they fit, else an exponent."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞"
    whole = len(f"{value:.0f}")
    if whole > cells:
        return f"{value:.{max(0, cells - 7)}e}"
    return f"{value:.{max(0, min(DECIMALS, cells - whole - 1))}f}"


def counted(number: int, cells: int) -> str:
    """A whole number with its thousands apart, or without where that would not fit."""
    text = f"{number:,}"
    return text if len(text) <= cells else str(number)


def clock(seconds: float) -> str:
    """A duration in 5 cells: minutes and seconds, 03:07; from 100 minutes on hours and minutes, 1h40."""
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 100:
        return f"{minutes:02}:{rest:02}"
    return f"{minutes // 60}h{minutes % 60:02}"
