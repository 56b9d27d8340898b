"""LinePlot: curves in a pane, drawn by plotext, given out row by row.

What it promises: a redraw happens only when the data, the size or the theme changed, and never raises for NaN
or infinite values. The cursor is laid over the finished rows, so moving it draws nothing anew. Without colour
the roles differ by their marks. What it does not know: what the numbers mean.
"""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.text import single_line
from tui.widgets.figure import (
    LEVEL_ROLES,
    LINES,
    RIVAL_ROLES,
    SMALLEST,
    Drawing,
    Figure,
    Level,
    Series,
    SeriesRole,
)

__all__ = ["LINES", "Level", "LinePlot", "Series"]

_CURVES = {"raw": "⠢⡁", "smooth": "⠤⠤", "validation": "••", "other": "××"}
_SWATCHES: dict[str, str] = {**_CURVES, **dict.fromkeys(LINES, "⠤⠤"), **dict.fromkeys(LEVEL_ROLES, "──")}
_LEGEND_FROM_HEIGHT = 6
_NO_ROOM = "no room for the plot"
_NAME = 24  # cells of a name in the legend


class LinePlot(Widget):
    """Curves and horizontal levels over a common x axis."""

    DEFAULT_CSS = """
    LinePlot {
        width: 1fr;
        height: 1fr;
        & > .line-plot--axis { color: $text-muted; }
        & > .line-plot--label { color: $text; }
        & > .line-plot--raw { color: $foreground 66%; }
        & > .line-plot--smooth { color: $text-primary; text-style: bold; }
        & > .line-plot--validation { color: $text-warning; }
        & > .line-plot--other { color: $text-secondary; }
        & > .line-plot--ceiling { color: $text-error; }
        & > .line-plot--floor { color: $text-success; }
        & > .line-plot--cursor { color: $text-accent; }
        & > .line-plot--rival-1 { color: $text-secondary; }
        /* Between light and dark, so that they can be read on both. */
        & > .line-plot--rival-2 { color: #8f5fd0; }
        & > .line-plot--rival-3 { color: #1f8f86; }
        & > .line-plot--rival-4 { color: #b8632a; }
        & > .line-plot--line1 { color: #56b4e9; }
        & > .line-plot--line2 { color: #f0a030; }
        & > .line-plot--line3 { color: #3dcb8f; }
        & > .line-plot--line4 { color: #e879b9; }
        & > .line-plot--line5 { color: #f0e442; }
        & > .line-plot--line6 { color: #ff7a5c; }
        & > .line-plot--line7 { color: #a48bff; }
        & > .line-plot--line8 { color: #9fb3c8; }
        &:light > .line-plot--line1 { color: #0067a5; }
        &:light > .line-plot--line2 { color: #a85a00; }
        &:light > .line-plot--line3 { color: #00734f; }
        &:light > .line-plot--line4 { color: #a8307a; }
        &:light > .line-plot--line5 { color: #7a6a00; }
        &:light > .line-plot--line6 { color: #b8321a; }
        &:light > .line-plot--line7 { color: #5a3fc0; }
        &:light > .line-plot--line8 { color: #506070; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-plot--axis",
        "line-plot--label",
        "line-plot--raw",
        "line-plot--smooth",
        "line-plot--validation",
        "line-plot--other",
        "line-plot--ceiling",
        "line-plot--floor",
        "line-plot--cursor",
        *(f"line-plot--{role}" for role in (*RIVAL_ROLES, *LINES)),
    }

    class CursorMoved(Message):
        """The mouse points at another place of the data area."""

        def __init__(self, plot: "LinePlot", x: float, *, clicked: bool = False) -> None:
            super().__init__()
            self.plot = plot
            self.x = x
            self.clicked = clicked

        @property
        def control(self) -> "LinePlot":
            """The plot that sent the message."""
            return self.plot

    def __init__(
        self,
        *,
        empty: str = "nothing to plot yet",
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        """A plot that says `empty` until `show` has given it a point to draw."""
        super().__init__(id=id, classes=classes)
        self._empty = empty
        self._series: tuple[Series, ...] = ()
        self._levels: tuple[Level, ...] = ()
        self._logarithmic = (False, False)
        self._labels = ("", "")
        self._cursor: float | None = None
        self._figure: Figure | None = None
        self._drawing: Drawing | None = None
        self._strips: list[Strip] | None = None
        self._pointed: tuple[int, bool] | None = None

    def show(
        self,
        series: Sequence[Series],
        levels: Sequence[Level] = (),
        *,
        logarithmic: bool = False,
        logarithmic_x: bool = False,
        x_label: str = "",
        y_label: str = "",
        cursor: float | None = None,
    ) -> None:
        """Draw these curves from now on; the same objects again cost nothing.

        Arguments:
            series: curves, the last one on top.
            levels: horizontal lines, always inside the limits.
            logarithmic: a logarithmic y axis; y at or below zero is left out.
            logarithmic_x: the same for the x axis; x stays x, for the cursor and in messages, too.
            x_label: short name of the x axis.
            y_label: short name of the y axis.
            cursor: the x at which a vertical line stands, None for none.
        """
        asked = (tuple(series), tuple(levels), (logarithmic_x, logarithmic), (x_label, y_label))
        if asked != (self._series, self._levels, self._logarithmic, self._labels):
            self._series, self._levels, self._logarithmic, self._labels = asked
            self._forget()
        self.move_cursor(cursor)

    def move_cursor(self, x: float | None) -> None:
        """Put the cursor line at x, or take it away."""
        if x != self._cursor:
            self._cursor = x
            self.refresh()

    def colour(self, role: SeriesRole) -> str:
        """The colour of a role in the theme there is, for others who speak of the same curve."""
        return self.get_component_styles(f"line-plot--{role}").color.hex

    def notify_style_update(self) -> None:
        """The theme or the stylesheet changed: the rows are made anew."""
        super().notify_style_update()
        self._forget()

    def render_line(self, y: int) -> Strip:
        """One row, from the rows made for this size."""
        width, height = self.size
        strips = self._strips
        if strips is None or len(strips) != height or (strips and strips[0].cell_length != width):
            strips = self._strips = self._draw(width, height)
        if not 0 <= y < len(strips):
            return Strip.blank(width)
        return self._under_cursor(strips[y], y)

    def _on_mouse_move(self, event: events.MouseMove) -> None:
        self._point(event, clicked=False)

    async def _on_click(self, event: events.Click) -> None:
        await super()._on_click(event)
        self._point(event, clicked=True)

    def _on_leave(self, event: events.Leave) -> None:
        self._pointed = None

    def _point(self, event: events.MouseEvent, *, clicked: bool) -> None:
        """Tell where in the data the mouse stands, once for each cell."""
        offset = event.get_content_offset(self)
        drawing = self._drawing
        if offset is None or drawing is None or not self._in_data(drawing, offset.x, offset.y):
            return
        if (offset.x, clicked) != self._pointed or clicked:
            self._pointed = (offset.x, clicked)
            self.post_message(self.CursorMoved(self, drawing.x_at(offset.x), clicked=clicked))

    def _in_data(self, drawing: Drawing, column: int, row: int) -> bool:
        return drawing.left <= column < drawing.left + drawing.columns and (
            self._top <= row < self._top + drawing.bottom
        )

    @property
    def _top(self) -> int:
        """The first row of the plot: below the legend, if there is room for one."""
        return int(self.size.height >= _LEGEND_FROM_HEIGHT)

    def _forget(self) -> None:
        self._strips = None
        self.refresh()

    def _style(self, role: str) -> Style:
        return self.get_component_rich_style(f"line-plot--{role}") if role else self.rich_style

    def _draw(self, width: int, height: int) -> list[Strip]:
        """All rows for this size."""
        top = self._top
        if self._figure is None:
            self._figure = Figure()
        logarithmic_x, logarithmic = self._logarithmic
        self._drawing = self._figure.draw(
            self._series,
            self._levels,
            width,
            height - top,
            logarithmic=logarithmic,
            logarithmic_x=logarithmic_x,
        )
        if self._drawing is None:
            return self._message(width, height)
        styles = {role: self._style(role) for role in ("", "axis", *_SWATCHES)}
        rows = [
            Strip([Segment(text, styles[role]) for role, text in row], width) for row in self._drawing.rows
        ]
        return [*([self._legend(width)] if top else []), *rows]

    def _message(self, width: int, height: int) -> list[Strip]:
        """The empty plot: one line in the middle."""
        small = width < SMALLEST[0] or height - self._top < SMALLEST[1]
        text = single_line(_NO_ROOM if small and self._series else self._empty, width)
        margin = " " * ((width - cell_len(text)) // 2)
        line = Strip([Segment(margin + text, self._style("axis"))]).adjust_cell_length(width, self.rich_style)
        blank = Strip.blank(width, self.rich_style)
        return [line if row == height // 2 else blank for row in range(height)]

    def _legend(self, width: int) -> Strip:
        """The y axis's name, a swatch and a name for each curve and level, the x axis's name at the right.

        Rivals are left out: their lines bear their names, and there may be many. So is what there is no room for.
        """
        x_label, y_label = self._labels
        axis = self._style("axis")
        segments = [Segment(f" {y_label} ", axis)] if y_label else []
        entries = [(one.role, one.mark, one.name) for one in self._series] + [
            (one.role, "", one.name) for one in self._levels if one.role not in RIVAL_ROLES
        ]
        taken = Segment.get_line_length(segments)
        for role, mark, name in entries:
            entry = [
                Segment(f" {mark or _SWATCHES[role]}", self._style(role)),
                Segment(f" {single_line(name, _NAME)} ", self._style("label")),
            ]
            taken += Segment.get_line_length(entry)
            if taken <= width:
                segments += entry
        legend = Strip(segments)
        right = Strip([Segment(f" {single_line(x_label, _NAME)}", axis)] if x_label else [])
        if legend.cell_length + right.cell_length > width:
            right = Strip([])
        legend = legend.adjust_cell_length(width - right.cell_length, self.rich_style)
        return Strip.join([legend, right])

    def _under_cursor(self, strip: Strip, y: int) -> Strip:
        """A row with the cursor on it: a line where it was blank, the curve where there is one."""
        drawing = self._drawing
        if self._cursor is None or drawing is None or not self._top <= y < self._top + drawing.bottom:
            return strip
        column = drawing.column_at(self._cursor)
        if column is None:
            return strip
        before, cell, after = strip.divide([column, column + 1, strip.cell_length])
        if cell.text == " ":
            cell = Strip([Segment("│", self._style("cursor"))], 1)
        return Strip.join([before, cell, after])
