"""From points to cells: which cells of a grid a curve touches, and with which glyph.

What it promises: a curve of any length becomes a few hundred cells, by work in numpy alone; a dot lies in the
cell of its point, whatever the resolution. What it does not know: axes, roles, colours.

Cell `i` of `n` stands for the share i / (n - 1) of the range: the first and the last cell stand for its ends.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

DOTS_WIDE, DOTS_HIGH = 2, 4  # of a braille cell
_BRAILLE = 0x2800
# The weight of each dot of a cell, rows from the bottom up: (1, DOTS_HIGH, 1, DOTS_WIDE).
_WEIGHTS = np.array([[64, 128], [4, 32], [2, 16], [1, 8]], np.uint16).reshape(1, DOTS_HIGH, 1, DOTS_WIDE)


@dataclass(frozen=True)
class Cells:
    """Cells to draw: columns from the left and rows from the bottom, (N,) each, and N glyphs."""

    columns: list[int]
    rows: list[int]
    glyphs: list[str]


def thin(x: Floats, y: Floats, low: float, high: float, columns: int) -> tuple[Floats, Floats]:
    """At most two points a column, the lowest and the highest, in the order of x.

    Arguments:
        x: (N,), finite, ascending.
        y: (N,), finite.
        low: the x of the first column.
        high: the x of the last column.
        columns: how many columns share the range.
    """
    if len(x) <= 2 * columns or high <= low:
        return x, y
    column = cell_of((x - low) / (high - low), columns)  # (N,), ascending
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    counts = np.diff(starts, append=len(x))
    keep = np.empty((2, len(starts)), np.intp)
    for kept, extreme in zip(keep, (np.minimum, np.maximum), strict=True):
        hits = np.flatnonzero(y == np.repeat(extreme.reduceat(y, starts), counts))
        kept[:] = hits[np.searchsorted(hits, starts)]  # the first hit of each column
    index = np.unique(keep)
    return x[index], y[index]


def cell_of(share: Floats, cells: int, dots: int = 1) -> Ints:
    """The dot, of `dots` in each cell, at a share (0 to 1) of the range: (N,), each in [0, cells * dots)."""
    return np.floor((share * (cells - 1) + 0.5) * dots).astype(np.intp)


def braille(across: Floats, up: Floats, columns: int, rows: int, *, joined: bool) -> Cells:
    """Braille dots, joined by lines or loose.

    Arguments:
        across: (N,), shares of the width, 0 to 1.
        up: (N,), shares of the height, 0 to 1.
        columns: cells across.
        rows: cells up.
        joined: whether neighbouring points are joined by a line of dots.
    """
    x = cell_of(across, columns, DOTS_WIDE)
    y = cell_of(up, rows, DOTS_HIGH)
    if joined:
        x, y = _joined(x, y)
    dots = np.zeros((rows * DOTS_HIGH, columns * DOTS_WIDE), np.uint16)
    dots[y, x] = 1
    codes = (dots.reshape(rows, DOTS_HIGH, columns, DOTS_WIDE) * _WEIGHTS).sum(axis=(1, 3))  # (rows, columns)
    row, column = np.nonzero(codes)
    return Cells(column.tolist(), row.tolist(), [chr(_BRAILLE + int(code)) for code in codes[row, column]])


def marks(across: Floats, up: Floats, columns: int, rows: int, glyph: str) -> Cells:
    """One glyph in each cell that holds a point; arguments as for `braille`."""
    touched = np.zeros((rows, columns), bool)
    touched[cell_of(up, rows), cell_of(across, columns)] = True
    row, column = np.nonzero(touched)
    return Cells(column.tolist(), row.tolist(), [glyph] * len(row))


def _joined(x: Ints, y: Ints) -> tuple[Ints, Ints]:
    """The points and the dots between neighbours, one for each unit of the longer side."""
    dx, dy = np.diff(x), np.diff(y)
    lengths = np.maximum(np.abs(dx), np.abs(dy))  # (N - 1,)
    segment = np.repeat(np.arange(len(lengths)), lengths)
    along = np.arange(len(segment)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    length = lengths[segment]
    between_x = x[segment] + (2 * along * dx[segment] + length) // (2 * length)
    between_y = y[segment] + (2 * along * dy[segment] + length) // (2 * length)
    return np.append(between_x, x[-1]), np.append(between_y, y[-1])
