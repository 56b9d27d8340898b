"""From series of numbers to the rows of a plot: thin, lay out, let plotext draw, read its ANSI.

What it promises: a drawing whose cost depends on its width, not on the number of points; a point that is not
finite is left out; rows whose text is exactly as wide as asked; the same input gives the same rows.
What it does not know: colours. Plotext is given a number for each role; the widget says what that looks like.

The cost is bounded by keeping at most two points a column (the lowest and the highest), by finding the cells
of a curve in numpy (plotext's own lines cost as much as all the rest of its work), and by never building a
Rich text: a row is a short list of (role, text) runs.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from tui.text import single_line
from tui.widgets.axis import Axis, linear_axis, logarithmic_axis
from tui.widgets.raster import Floats, braille, cell_of, marks, thin

SeriesRole = Literal[
    "raw",
    "smooth",
    "validation",
    "other",
    "line1",
    "line2",
    "line3",
    "line4",
    "line5",
    "line6",
    "line7",
    "line8",
]
RivalRole = Literal["rival-1", "rival-2", "rival-3", "rival-4"]
LevelRole = Literal["ceiling", "floor"] | RivalRole
Run = tuple[str, str]
"""A role (the name of a colour, or "" for a blank) and the text drawn in it."""

Points = tuple[Floats, Floats]

SERIES_ROLES: tuple[str, ...] = get_args(SeriesRole)
RIVAL_ROLES: tuple[RivalRole, ...] = get_args(RivalRole)
"""What others reach; told apart by colour, and by the name on the line."""
LEVEL_ROLES: tuple[str, ...] = ("ceiling", "floor", *RIVAL_ROLES)
LINES: tuple[SeriesRole, ...] = ("line1", "line2", "line3", "line4", "line5", "line6", "line7", "line8")
"""Roles of curves of one kind, which differ by colour alone: give each a mark."""
MARKS = {"validation": "•", "other": "×"}
"""Roles drawn as one glyph a cell. `raw` is loose braille dots and `smooth` a line of them, so that the roles
differ without colour, too."""

SMALLEST = (16, 4)
"""Columns and rows below which there is no room for axes."""

_CODES = {role: 17 + i for i, role in enumerate(("axis", *SERIES_ROLES, *LEVEL_ROLES))}
_ROLES = {str(code): role for role, code in _CODES.items()} | {"": ""}
_RUN = re.compile(r"(?:\x1b\[38;5;(\d+)m)?([^\x1b]+)\x1b\[0m")
_ROWS_PER_TICK = 3
_LARGEST = 1e300  # beyond, the distance of two values could overflow
_BELOW = 2  # rows of the x axis and its labels
_LEVEL_LABEL = 24  # cells


@dataclass(frozen=True, eq=False)
class Series:
    """Points to draw, x ascending. Compared by identity: a new object is new data.

    Arguments:
        name: what the legend says.
        x: (N,), integers (whole ticks) or floats.
        y: (N,); what is not finite, or beyond 1e300, is left out.
        role: picks colour and marker.
        mark: a character that stands at its last point and before its name.
    Raises:
        ValueError: if x and y differ in length, the role is not known, or the mark takes more than one cell.
    """

    name: str
    x: NDArray[np.int64] | NDArray[np.float64]
    y: NDArray[np.float64]
    role: SeriesRole = "smooth"
    mark: str = ""

    def __post_init__(self) -> None:
        if self.x.shape != self.y.shape or self.x.ndim != 1:
            raise ValueError(
                f"series {self.name!r} has x {self.x.shape} and y {self.y.shape}; both must be (N,)"
            )
        if self.role not in SERIES_ROLES:
            raise ValueError(
                f"series {self.name!r} has role {self.role!r}; choose one of {', '.join(SERIES_ROLES)}"
            )
        if len(self.mark) != cell_len(self.mark) or len(self.mark) > 1:
            raise ValueError(
                f"series {self.name!r} has the mark {self.mark!r}; choose one character of one cell"
            )


@dataclass(frozen=True)
class Level:
    """A labelled horizontal line, always inside the limits of the plot.

    Raises:
        ValueError: if the role is not known.
    """

    name: str
    y: float
    role: LevelRole = "ceiling"

    def __post_init__(self) -> None:
        if self.role not in LEVEL_ROLES:
            raise ValueError(
                f"level {self.name!r} has role {self.role!r}; choose one of {', '.join(LEVEL_ROLES)}"
            )


@dataclass(frozen=True)
class Drawing:
    """The rows of a plot, top down, and where its data area lies.

    Arguments:
        rows: runs, whose texts make up exactly the width that was asked for.
        left: the first column of the data area.
        columns: how many columns it has.
        bottom: how many rows it has, from the top.
        x: the axis that says which x a column stands for.
        logarithmic_x: whether that axis is one of log10(x).
    """

    rows: tuple[tuple[Run, ...], ...]
    left: int
    columns: int
    bottom: int
    x: Axis
    logarithmic_x: bool = False

    def x_at(self, column: int) -> float:
        """The x in the middle of a column, the nearest one of the data area for those outside."""
        inside = min(max(column - self.left, 0), self.columns - 1)
        drawn = self.x.low + inside * (self.x.high - self.x.low) / max(1, self.columns - 1)
        return 10.0**drawn if self.logarithmic_x else drawn

    def column_at(self, x: float) -> int | None:
        """The column that shows x, or None if it lies outside the limits."""
        if self.logarithmic_x and x <= 0:
            return None
        drawn = math.log10(x) if self.logarithmic_x else x
        if not self.x.low <= drawn <= self.x.high:
            return None
        return self.left + int(0.5 + self.x.share(drawn) * (self.columns - 1))


class Figure:
    """A plotext figure of one's own, reused from drawing to drawing."""

    @cached_property
    def _plot(self) -> Any:  # Any: plotext is untyped
        """Made when there is first something to draw: until then nobody waits for plotext to be imported."""

        from textual_plotext import Plot

        # A master figure is cut down to the size of the terminal; a subplot of it keeps the size it is given.
        plot = Plot().subplots(1, 1).subplot(1, 1)
        plot.canvas_color("default")
        plot.axes_color("default")
        plot.ticks_color(_CODES["axis"])
        return plot

    def draw(
        self,
        series: Sequence[Series],
        levels: Sequence[Level],
        width: int,
        height: int,
        *,
        logarithmic: bool,
        logarithmic_x: bool = False,
    ) -> Drawing | None:
        """The rows of a plot of `width` by `height` cells, or None if there is no point or no room to draw.

        Arguments:
            series: drawn in this order, the last one on top.
            levels: drawn below all series.
            width: cells.
            height: cells.
            logarithmic: draw log10 of y; what is not above zero is left out.
            logarithmic_x: the same for x.
        """
        if width < SMALLEST[0] or height < SMALLEST[1]:
            return None
        drawn = [
            (one, points) for one in series if len((points := _finite(one, logarithmic, logarithmic_x))[0])
        ]
        if not drawn:
            return None
        x_low = min(float(x.min()) for _, (x, _) in drawn)
        x_high = max(float(x.max()) for _, (x, _) in drawn)
        thinned = [(one, thin(*points, x_low, x_high, width)) for one, points in drawn]
        lines = _drawn_levels(levels, logarithmic)
        heights = [float(v) for _, (_, y) in thinned for v in (y.min(), y.max())] + [y for _, y in lines]
        y_axis_of = logarithmic_axis if logarithmic else linear_axis
        rows = height - _BELOW
        y_axis = y_axis_of(min(heights), max(heights), max(2, rows // _ROWS_PER_TICK + 1))
        left = max(map(len, y_axis.labels), default=0) + 1
        columns = width - left
        whole = all(np.issubdtype(one.x.dtype, np.integer) for one, _ in drawn)
        x_axis = _x_axis(x_low, x_high, columns, whole=whole, logarithmic=logarithmic_x)
        self._lay_out(x_axis, y_axis, columns, rows, (width, height))
        for level, at in lines:
            self._plot.horizontal_line(y_axis.share(at) * (rows - 1), color=_CODES[level.role])
        for one, (x, y) in thinned:
            self._add(one.role, x_axis.shares(x), y_axis.shares(y), columns, rows)
        self._label_levels(thinned, lines, y_axis, columns, rows)
        self._mark_ends(thinned, x_axis, y_axis, columns, rows)
        runs = tuple(_runs(row) for row in self._plot.build().split("\n")[:height])
        return Drawing(runs, left, columns, rows, x_axis, logarithmic_x)

    def _lay_out(self, x_axis: Axis, y_axis: Axis, columns: int, rows: int, size: tuple[int, int]) -> None:
        """Clear the figure and set its axes; plotext's coordinates are the cells of the data area."""
        plot = self._plot
        plot.clear_data()
        plot.plotsize(*size)
        plot.xaxes(True, False)
        plot.yaxes(True, False)
        plot.xlim(0, columns - 1)
        plot.ylim(0, rows - 1)
        plot.xticks([x_axis.share(tick) * (columns - 1) for tick in x_axis.ticks], list(x_axis.labels))
        plot.yticks([y_axis.share(tick) * (rows - 1) for tick in y_axis.ticks], list(y_axis.labels))

    def _add(self, role: SeriesRole, across: Floats, up: Floats, columns: int, rows: int) -> None:
        """A curve, as the cells it touches."""
        if role in MARKS:
            cells = marks(across, up, columns, rows, MARKS[role])
        else:
            cells = braille(across, up, columns, rows, joined=role in ("smooth", *LINES))
        self._plot.scatter(
            cells.columns,
            cells.rows,
            marker=cells.glyphs,
            color=_CODES[role],
        )

    def _label_levels(
        self,
        thinned: Sequence[tuple[Series, Points]],
        lines: Sequence[tuple[Level, float]],
        y_axis: Axis,
        columns: int,
        rows: int,
    ) -> None:
        """Write each level's name on its line, at the end where there is more room; two on a row at most."""
        taken: set[tuple[int, str]] = set()
        for level, at in lines:
            side = _free_side(at, thinned)
            row = int(0.5 + y_axis.share(at) * (rows - 1))
            if (row, side) in taken:
                side = "left" if side == "right" else "right"
            if (row, side) in taken:
                continue  # two names are all that a row has room for
            taken.add((row, side))
            label = f" {single_line(level.name, _LEVEL_LABEL)} "
            if cell_len(label) == len(label):  # plotext counts characters, not cells
                column = 0 if side == "left" else columns - 1
                self._plot.text(label, column, row, color=_CODES[level.role], alignment=side)

    def _mark_ends(
        self, thinned: Sequence[tuple[Series, Points]], x_axis: Axis, y_axis: Axis, columns: int, rows: int
    ) -> None:
        """Write each curve's mark at its last point, beside those that are there already."""
        taken: set[tuple[int, int]] = set()
        for one, (x, y) in thinned:
            if not one.mark:
                continue
            column = int(cell_of(x_axis.shares(x[-1:]), columns)[0])
            row = int(cell_of(y_axis.shares(y[-1:]), rows)[0])
            while (column, row) in taken and column:
                column -= 1
            taken.add((column, row))
            self._plot.text(one.mark, column, row, color=_CODES[one.role], alignment="left")


def _finite(series: Series, logarithmic: bool, logarithmic_x: bool) -> Points:
    """The points that can be drawn, x and y as drawn."""
    x, y = series.x.astype(np.float64, copy=False), series.y.astype(np.float64, copy=False)
    good = np.isfinite(x) & (np.abs(y) < _LARGEST)
    if logarithmic:
        good &= y > 1 / _LARGEST
    if logarithmic_x:
        good &= x > 1 / _LARGEST
    if not good.all():
        x, y = x[good], y[good]
    return (np.log10(x) if logarithmic_x else x), (np.log10(y) if logarithmic else y)


def _drawn_levels(levels: Sequence[Level], logarithmic: bool) -> list[tuple[Level, float]]:
    """The levels that can be drawn, with their y as drawn."""
    good = [
        level for level in levels if abs(level.y) < _LARGEST and (level.y > 1 / _LARGEST or not logarithmic)
    ]
    return [(level, float(np.log10(level.y)) if logarithmic else float(level.y)) for level in good]


def _x_axis(low: float, high: float, columns: int, *, whole: bool, logarithmic: bool) -> Axis:
    """An x axis with as many ticks as there is room for: plotext drops a label that touches another."""
    count = max(2, columns // 8)
    while True:
        axis = (
            logarithmic_axis(low, high, count) if logarithmic else linear_axis(low, high, count, whole=whole)
        )
        widest = max(map(len, axis.labels), default=0)
        if len(axis.ticks) <= 1 or count <= 1 or columns // len(axis.ticks) >= widest + 3:
            return axis
        count -= 1


def _free_side(y: float, thinned: Sequence[tuple[Series, Points]]) -> Literal["left", "right"]:
    """The end of a level at which the curves are farther from it."""
    ends = np.array(
        [[ys[: len(ys) // 4 + 1].mean(), ys[-(len(ys) // 4 + 1) :].mean()] for _, (_, ys) in thinned]
    )
    left, right = np.abs(ends - y).min(axis=0)
    return "left" if left > right else "right"


def _runs(row: str) -> tuple[Run, ...]:
    """A row of plotext's ANSI as runs; a blank takes the colour of what stands before it, to save runs."""
    runs: list[Run] = []
    for code, text in _RUN.findall(row):
        role = _ROLES[code]
        if runs and (role == runs[-1][0] or not role):
            runs[-1] = (runs[-1][0], runs[-1][1] + text)
        else:
            runs.append((role, text))
    return tuple(runs)
