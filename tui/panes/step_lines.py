"""The lines of an account: a name in the first column, beside it what is said of it.

What it promises: names and pieces keep their cells, also where characters are wide. What it does not know: steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content

from engine.naming import layer_name
from tui.text import single_line

MUTED = "$foreground 60%"
TRUE = "bold $text-success"
NAME = 11
"""Cells of the first column."""
GAP = "   "
BAR = 24
"""Cells of the longest bar."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"

Piece = str | Content | tuple[str, str]


def line(name: str, *pieces: Piece, cells: int = NAME) -> Content:
    """A name in the first column, which has so many cells, and what is said of it."""
    return Content.assemble((to_left(name, cells), MUTED), *pieces)


def array_row(name: str, cells: int, *pieces: Piece) -> Content:
    """The same for an array of parameters, in a first column of its own width."""
    return Content.assemble(to_left(single_line(layer_name(name), cells - 1), cells), *pieces)


def beside(name: str, lines: list[Content], cells: int = NAME) -> Iterator[Content]:
    """Several lines beside one name."""
    for index, said in enumerate(lines):
        yield line(name if index == 0 else "", said, cells=cells)


def flow(pieces: list[Content], width: int) -> list[Content]:
    """Pieces on as few lines as hold them whole."""
    lines: list[Content] = []
    for piece in pieces:
        if lines and lines[-1].cell_length + len(GAP) + piece.cell_length <= width:
            lines[-1] = Content.assemble(lines[-1], GAP, piece)
        else:
            lines.append(piece)
    return lines


def to_left(text: str, cells: int) -> str:
    """A text with blanks behind it, at least one."""
    return text + " " * max(cells - cell_len(text), 1)


def to_right(text: str, cells: int) -> str:
    """A text with blanks before it."""
    return " " * (cells - cell_len(text)) + text


def centred(text: str, cells: int) -> str:
    """A text with blanks around it, the more of them before it."""
    blanks = max(cells - cell_len(text), 0)
    return " " * ((blanks + 1) // 2) + text + " " * (blanks // 2)


def bar_of(share: float, cells: int) -> str:
    """A bar of eighths of cells; what is not finite has none."""
    if not (math.isfinite(share) and cells > 0):
        return ""
    whole, eighths = divmod(round(min(max(share, 0.0), 1.0) * cells * 8), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()
