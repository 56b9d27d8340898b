"""Numbers as strips of cells: activations around zero, and characters tinted by their surprise.

What it promises: a strip exactly as wide as asked, whatever the numbers (what is not finite is shown so);
the sign is told by place and colour, so it reads without colour, too; a unit that is exactly 0 looks dead.
Colours are named, not mixed here: Textual looks them up in the theme each time it draws.
What it does not know: which layer or which text.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from textual.content import Content, Span

from tui.text import visible

_RAMP = " ▁▂▃▄▅▆▇█"  # eighths
_DEAD, _MISSING = "·", "!"
_DEAD_STYLE, _MISSING_STYLE = "$foreground 35%", "bold $text-error"
_POSITIVE, _NEGATIVE = "$text-warning", "$text-primary reverse"

HOTTEST_BITS = 8.0
"""Surprise at which a tint is as hot as it gets: one in 256."""

_TINTS = ("", "on $warning 20%", "on $warning 35%", "on $error 35%", "on $error 50%", "bold on $error 65%")


def heat_row(values: NDArray[np.floating], width: int, *, scale: float | None = None) -> Content:
    """A strip of activations: upright blocks above zero, hanging ones below, a dot where a unit is exactly 0.

    Arguments:
        values: (H,), any shape is flattened.
        width: cells; with more values than cells each cell shows the one of largest magnitude among its own.
        scale: the magnitude that fills a cell; the largest finite one of these if None.
    """
    flat = np.asarray(values, np.float64).ravel()
    if width <= 0 or not len(flat):
        return Content(" " * max(width, 0))
    shown = _pooled(flat, width) if len(flat) > width else flat
    finite = np.isfinite(shown)
    magnitudes = np.abs(np.where(finite, shown, 0.0))
    full = magnitudes.max() if scale is None else scale
    levels = np.clip(np.ceil(magnitudes / full * 8), 1, 8).astype(int) if full > 0 else None
    cells: list[str] = []
    styles: list[str] = []
    for i, value in enumerate(shown.tolist()):
        if not finite[i]:
            cells.append(_MISSING)
            styles.append(_MISSING_STYLE)
        elif value == 0 or levels is None:
            cells.append(_DEAD)
            styles.append(_DEAD_STYLE)
        else:
            eighths = int(levels[i])  # reversed, what is left blank above a block hangs from the top
            cells.append(_RAMP[eighths] if value > 0 else _RAMP[len(_RAMP) - 1 - eighths])
            styles.append(_POSITIVE if value > 0 else _NEGATIVE)
    return _styled(cells, styles).pad_right(width - len(cells))


def tinted(characters: Sequence[str], surprise_bits: Sequence[float], *, newlines: bool = True) -> Content:
    """A text, each character on a ground that is the hotter the less it was expected.

    Arguments:
        characters: (N,), one code point each.
        surprise_bits: (N,), -log2 of the probability each was given, bits; not finite counts as hottest.
        newlines: whether a line feed starts a new line after its sign.
    Raises:
        ValueError: if the two differ in length.
    """
    if len(characters) != len(surprise_bits):
        raise ValueError(
            f"{len(characters)} characters came with {len(surprise_bits)} surprises; "
            "each character needs its own"
        )
    cells = [visible(c) + ("\n" if newlines and c == "\n" else "") for c in characters]
    return _styled(cells, [_TINTS[tint_level(bits)] for bits in surprise_bits])


def tint_level(bits: float) -> int:
    """The tint for a surprise: 0 is calm, `len(_TINTS) - 1` the hottest."""
    hottest = len(_TINTS) - 1
    if not np.isfinite(bits):
        return hottest
    return int(min(max(bits, 0.0) / HOTTEST_BITS, 1.0) * hottest)


def _pooled(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Each cell's value of largest magnitude, its sign kept; what is not finite outranks all."""
    starts = np.arange(width) * len(values) // width
    rank = np.where(np.isfinite(values), np.abs(values), np.inf)
    stops = np.append(starts[1:], len(values))
    return np.array([values[a + int(rank[a:b].argmax())] for a, b in zip(starts, stops, strict=True)])


def _styled(cells: Sequence[str], styles: Sequence[str]) -> Content:
    """Pieces of text with a style each; neighbours of one style share a span."""
    spans: list[Span] = []
    position = 0
    for cell, style in zip(cells, styles, strict=True):
        end = position + len(cell)
        if spans and spans[-1].style == style and spans[-1].end == position:
            spans[-1] = Span(spans[-1].start, end, style)
        elif style:
            spans.append(Span(position, end, style))
        position = end
    return Content("".join(cells), spans=spans)
