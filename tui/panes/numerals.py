"""How panes write numbers: 4 significant digits, and an exponent only where it is needed.

What it does not know: units, and what the numbers mean. A number that is not known is a dash, never a zero.
"""

from __future__ import annotations

import math

MISSING = "–"
CELLS = 10
"""Room for every number that `significant` writes: sign, 4 digits, point and exponent."""
POSITIONAL_FROM = 1e-5
"""Below it a number that a person turns is written with an exponent."""


def significant(value: float | None) -> str:
    """A number to 4 significant digits, trailing zeros kept: 0.1 is 0.1000, so that columns agree; 0 is 0."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:#.4g}".removesuffix(".") if value else "0"


def column(value: float | None) -> str:
    """The same at the right end of a column of `CELLS` cells."""
    return significant(value).rjust(CELLS)


def plain(value: float) -> str:
    """A number as a person would type it: 4 significant digits at most, no trailing zeros."""
    if POSITIONAL_FROM <= abs(value) < 1e-4:  # where :g would turn to an exponent
        return f"{value:.8f}".rstrip("0")
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:g}"


def thousands(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"
