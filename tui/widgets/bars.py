"""Bars: a list of probabilities, one row each, the true character marked.

What it promises: every row is exactly as wide as the widget, at any width; only the rows in view are drawn;
the bars share a scale that moves in few steps, so that they do not jump; a value that is not finite is shown
as missing, with no bar. Where there is somebody to compare with, a second, thinner bar with a number of its own
stands beside each bar, so that the two differ without colour, too. What it does not know: sorting, and where the
numbers come from. Labels and notes have to be safe to show already (see `tui.text`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import single_line

SCALES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
"""What a full bar may stand for: the smallest of these that holds every bar."""

_EIGHTHS = " ▏▎▍▌▋▊▉"
FULL, _GHOST, _NOTCH = "█", "░", "│"
THIN, _THIN_HALF = "━", "╸"
"""What the second bars are made of."""
_PERCENT = 6  # cells of "100.0%"
_MARK, _SHORT_MARK = "◀ true", "◀"
_ROOMY = 30  # cells from which the mark is written out, for each bar of a row
_COMPARED_FROM = 30  # cells from which there is room for a second bar
_LEAST_BAR = 10  # cells a note leaves to the bar


@dataclass(frozen=True)
class Bar:
    """One row.

    Arguments:
        label: what the row is about, safe to show.
        value: the bar's length, 0 to 1; not finite: missing.
        ghost: a second value to compare with, drawn behind, or None.
        mark: whether this is the true one.
        note: a few words after the number.
        rival: what somebody else says, drawn as a second bar; None where nobody is compared with.
    """

    label: str
    value: float
    ghost: float | None = None
    mark: bool = False
    note: str = ""
    rival: float | None = None


@dataclass(frozen=True)
class _Columns:
    """The cells each part of a row has, gaps included in the part that follows them."""

    label: int
    bar: int
    rival: int
    mark: int
    note: int


class Bars(ScrollView):
    """Horizontal bars that scroll when there are more of them than rows."""

    DEFAULT_CSS = """
    Bars {
        width: 1fr;
        height: 1fr;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .bars--label { color: $text; }
        & > .bars--bar { color: $primary-lighten-1; }
        & > .bars--ghost { color: $foreground 40%; }
        & > .bars--notch { color: $background; background: $primary-lighten-1; }
        & > .bars--value { color: $text-muted; }
        & > .bars--true { color: $text-success; text-style: bold; }
        & > .bars--true-bar { color: $success; }
        & > .bars--true-notch { color: $background; background: $success; }
        & > .bars--rival { color: $text-secondary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "bars--label",
        "bars--bar",
        "bars--ghost",
        "bars--notch",
        "bars--value",
        "bars--true",
        "bars--true-bar",
        "bars--true-notch",
        "bars--rival",
    }

    def __init__(
        self,
        *,
        empty: str = "nothing to show yet",
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        """A list that says `empty` until `show` has given it a bar."""
        super().__init__(id=id, classes=classes)
        self._empty = empty
        self._bars: tuple[Bar, ...] = ()
        self._label_cells = 0
        self._note_cells = 0
        self._scale = 1.0

    @property
    def scale(self) -> float:
        """The probability that a full bar stands for."""
        return self._scale

    def show(self, bars: Sequence[Bar]) -> None:
        """Show these bars, in this order, from now on."""
        if tuple(bars) == self._bars:
            return
        self._remember(bars)
        self.virtual_size = Size(0, max(1, len(bars)))
        self.refresh()

    def _remember(self, bars: Sequence[Bar]) -> None:
        """Keep the bars, and what all their rows have in common."""
        self._bars = tuple(bars)
        self._label_cells = max((cell_len(bar.label) for bar in bars), default=0)
        self._note_cells = max((cell_len(bar.note) for bar in bars), default=0)
        shares = (v for bar in bars for v in (bar.value, bar.ghost or 0.0, bar.rival or 0.0))
        largest = max((v for v in shares if math.isfinite(v)), default=0.0)
        self._scale = next((scale for scale in SCALES if largest <= scale), 1.0)

    def render_line(self, y: int) -> Strip:
        """The row `y` rows below the top of the view."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if index < len(self._bars):
            return self._strip(self._parts(self._bars[index], width), width)
        if index == 0 and not self._bars:
            return self._strip([(single_line(self._empty, width), "value")], width)
        return Strip.blank(width, self.rich_style)

    def _columns(self, width: int) -> _Columns:
        """How a row of `width` cells is shared out."""
        marked = any(bar.mark for bar in self._bars)
        compared = width >= _COMPARED_FROM and any(bar.rival is not None for bar in self._bars)
        roomy = width >= _ROOMY * (1 + compared)
        mark = 0 if not marked else 1 + cell_len(_MARK if roomy else _SHORT_MARK)
        numbers = (1 + _PERCENT) + (2 + _PERCENT if compared else 0)
        free = width - 1 - numbers - mark  # for label, bars and note
        label = min(self._label_cells, max(1, min(width // 4, free - 1)))
        rest = free - label
        note = 1 + self._note_cells if self._note_cells else 0
        if rest - note < _LEAST_BAR * (1 + compared):
            note = 0
        rival = max(0, rest - note) // 2 if compared else 0
        return _Columns(label, max(1, rest - note - rival), rival, mark, note)

    def _parts(self, bar: Bar, width: int) -> list[tuple[str, str]]:
        """What a row says, piece by piece, each with the name of its colour."""
        columns = self._columns(width)
        true = "true" if bar.mark else ""
        mark = " " + (_MARK if columns.mark > 2 else _SHORT_MARK) if bar.mark else ""
        parts = [
            (set_cell_size(single_line(bar.label, columns.label), columns.label) + " ", true or "label"),
            *self._bar_parts(bar, columns.bar),
            (_percent(bar.value).rjust(1 + _PERCENT), true or "value"),
            *self._rival_parts(bar, columns.rival),
            (set_cell_size(mark, columns.mark), "true"),
        ]
        if columns.note:
            parts.append((" " + bar.note, "value"))
        return parts

    def _bar_parts(self, bar: Bar, cells: int) -> list[tuple[str, str]]:
        """The bar in its cells: whole blocks, an eighth, then the ghost where it reaches farther."""
        filled = self._cells(bar.value, cells)
        whole, eighth = divmod(round(filled * 8), 8)
        text = FULL * whole + (_EIGHTHS[eighth] if eighth else "")
        ghost = 0 if bar.ghost is None else round(self._cells(bar.ghost, cells))
        style = "true-bar" if bar.mark else "bar"
        if ghost > len(text):
            tail = _GHOST * (ghost - len(text))
            return [(text, style), (tail, "ghost"), (" " * (cells - ghost), "")]
        if bar.ghost is not None and 0 < ghost < whole:  # a notch where the shorter ghost ends
            return [
                (text[: ghost - 1], style),
                (_NOTCH, "true-notch" if bar.mark else "notch"),
                (text[ghost:], style),
                (" " * (cells - len(text)), ""),
            ]
        return [(text, style), (" " * (cells - len(text)), "")]

    def _rival_parts(self, bar: Bar, cells: int) -> list[tuple[str, str]]:
        """The second bar in its cells, halves of them included, and its number."""
        if bar.rival is None or not cells:
            return []
        whole, half = divmod(round(self._cells(bar.rival, cells) * 2), 2)
        text = THIN * whole + _THIN_HALF * half
        return [
            (f" {text:<{cells}}", "rival"),
            (_percent(bar.rival).rjust(1 + _PERCENT), "value"),
        ]

    def _cells(self, value: float, cells: int) -> float:
        """How many of `cells` a value fills; none for one that is missing."""
        return min(max(value / self._scale, 0.0), 1.0) * cells if math.isfinite(value) else 0.0

    def _strip(self, parts: Sequence[tuple[str, str]], width: int) -> Strip:
        base = self.rich_style
        segments = [
            Segment(text, self.get_component_rich_style(f"bars--{name}") if name else base)
            for text, name in parts
            if text
        ]
        return Strip(segments).adjust_cell_length(width, base)


def _percent(value: float) -> str:
    """A share with one decimal, a dash for one that is missing."""
    return f"{value:.1%}" if math.isfinite(value) else "–"
