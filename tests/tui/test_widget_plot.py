"""The plot shows the data it is given, at any size, in any theme, and says where the mouse points."""

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from textual.app import App, ComposeResult
from textual.color import Color
from textual.pilot import Pilot

from tui.widgets.axis import linear_axis, logarithmic_axis
from tui.widgets.figure import LINES, Figure, Level, LevelRole, Series, SeriesRole
from tui.widgets.plot import LinePlot
from tui.widgets.raster import braille, cell_of, marks, thin

STEPS = np.arange(1000)
COURSE = 4 * np.exp(-STEPS / 300) + 0.5


class PlotApp(App[None]):
    """One plot that fills the screen, and what it said."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[float, bool]] = []

    def compose(self) -> ComposeResult:
        yield LinePlot()

    def on_line_plot_cursor_moved(self, event: LinePlot.CursorMoved) -> None:
        assert event.control is self.query_one(LinePlot)
        self.said.append((event.x, event.clicked))


def texts(plot: LinePlot) -> list[str]:
    """What the rows of a mounted plot say."""
    return [plot.render_line(y).text for y in range(plot.size.height)]


async def shown(pilot: Pilot[None], *series: Series, **options: object) -> list[str]:
    plot = pilot.app.query_one(LinePlot)
    plot.show(series, **options)  # type: ignore[arg-type]  # options are passed on as they come
    await pilot.pause()
    return texts(plot)


# --- the raster


points = st.integers(1, 400).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(-100, 100)).map(np.sort),
        hnp.arrays(np.float64, n, elements=st.sampled_from([-2.0, 0.0, 0.5, 3.0, 7.0])),
    )
)


@given(points, st.integers(1, 40))
def test_thinning_keeps_the_lowest_and_the_highest_of_every_column(
    xy: tuple[np.ndarray, np.ndarray], columns: int
) -> None:
    x, y = xy
    low, high = float(x.min()), float(x.max())
    kept_x, kept_y = thin(x, y, low, high, columns)
    assert len(kept_x) == len(kept_y) <= max(2 * columns, 1) or high <= low
    assert (np.diff(kept_x) >= 0).all()
    if high > low:
        column, kept_column = (cell_of((v - low) / (high - low), columns) for v in (x, kept_x))
        for c in np.unique(column):
            assert kept_y[kept_column == c].min() == y[column == c].min()
            assert kept_y[kept_column == c].max() == y[column == c].max()


def test_a_dot_is_in_the_braille_cell_of_its_place() -> None:
    ends = np.array([0.0, 1.0])
    cells = braille(ends, ends, 5, 3, joined=False)
    assert (cells.columns, cells.rows) == ([0, 4], [0, 2])
    # the middle of the first cell (right column, third dot from below) and of the last
    assert cells.glyphs == ["⠐", "⠐"]
    assert marks(ends, ends, 5, 3, "•").columns == [0, 4]


@given(hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(0, 1)))
def test_joined_points_leave_no_gap(up: np.ndarray) -> None:
    across = np.linspace(0, 1, len(up))
    cells = braille(across, up, 30, 10, joined=True)
    if len(up) > 1:
        assert set(cells.columns) == set(range(30))
    by_column = {
        c: [r for d, r in zip(cells.columns, cells.rows, strict=True) if c == d] for c in cells.columns
    }
    for rows in by_column.values():
        assert max(rows) - min(rows) + 1 == len(rows)


# --- the axes


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 12), st.booleans())
def test_linear_ticks_lie_inside_and_differ(low: float, span: float, count: int, whole: bool) -> None:
    axis = linear_axis(low, low + span, count, whole=whole)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low <= low
    assert axis.high >= low + span
    assert len(axis.ticks) <= count
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in axis.ticks)
    assert len(set(axis.labels)) == len(axis.labels)
    if whole:
        assert all(tick == round(tick) for tick in axis.ticks)


@pytest.mark.parametrize(
    ("low", "high", "count", "labels"),
    [
        (0, 12_500, 6, ("0", "2500", "5000", "7500", "10000", "12500")),
        (0, 3_000_000, 4, ("0", "1M", "2M", "3M")),
        (0.1, 3.4, 4, ("1", "2", "3")),
        (2.21, 2.29, 5, ("2.22", "2.24", "2.26", "2.28")),
        (7, 7, 3, ("6.5", "7.0", "7.5")),
    ],
)
def test_linear_labels_are_short_and_exact(
    low: float, high: float, count: int, labels: tuple[str, ...]
) -> None:
    assert linear_axis(low, high, count).labels == labels


def test_whole_axes_never_show_fractions() -> None:
    assert linear_axis(0, 3, 9, whole=True).labels == ("0", "1", "2", "3")


def test_logarithmic_labels_are_the_values() -> None:
    axis = logarithmic_axis(math.log10(0.1), math.log10(50), 9)
    assert axis.labels == ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50")
    assert [10**tick for tick in axis.ticks] == pytest.approx([float(label) for label in axis.labels])
    assert logarithmic_axis(math.log10(2.1), math.log10(2.9), 4).labels == ("2.2", "2.4", "2.6", "2.8")


# --- the drawing


@given(
    st.integers(1, 160),
    st.integers(1, 50),
    hnp.arrays(np.float64, st.integers(0, 60), elements=st.floats()),
    st.booleans(),
)
def test_rows_fill_the_size_whatever_the_numbers(
    width: int, height: int, y: np.ndarray, logarithmic: bool
) -> None:
    series = [Series("s", np.arange(len(y)), y.astype(np.float64)), Series("r", np.arange(len(y)), -y, "raw")]
    drawing = Figure().draw(series, [Level("l", 1.0)], width, height, logarithmic=logarithmic)
    if drawing is not None:
        assert [sum(len(text) for _, text in row) for row in drawing.rows] == [width] * height
        assert drawing.left + drawing.columns == width


def test_the_same_input_gives_the_same_rows() -> None:
    series = [Series("raw", STEPS, COURSE, "raw"), Series("v", STEPS[::50], COURSE[::50], "validation")]
    levels = [Level("ln V", 4.17), Level("entropy", 0.3, "floor")]
    first = Figure().draw(series, levels, 90, 20, logarithmic=False)
    assert first == Figure().draw(series, levels, 90, 20, logarithmic=False)


def test_columns_and_x_are_each_others_inverse() -> None:
    drawing = Figure().draw([Series("s", STEPS, COURSE)], [], 90, 20, logarithmic=False)
    assert drawing is not None
    assert drawing.x_at(drawing.left) == 0
    assert drawing.x_at(89) == 999
    for column in range(drawing.left, 90):
        assert drawing.column_at(drawing.x_at(column)) == column
    assert drawing.column_at(-1) is None


def test_a_logarithmic_x_axis_has_equal_room_for_equal_factors_and_leaves_out_what_has_no_logarithm() -> None:
    rates = np.array([-1.0, 0.0, 1e-5, 1e-3, 1e-1, 10.0])
    line = Series("rates", rates, np.arange(6.0))
    drawing = Figure().draw([line], (), 70, 12, logarithmic=False, logarithmic_x=True)
    assert drawing is not None
    columns = [drawing.column_at(rate) for rate in rates]
    assert columns[:2] == [None, None]
    assert columns[2] == drawing.left
    assert columns[5] == drawing.left + drawing.columns - 1
    gaps = np.diff(np.array(columns[2:], dtype=float))
    assert gaps.max() - gaps.min() <= 1
    written = "".join(text for _, text in drawing.rows[-1])
    assert {"1e-5", "1e-4", "1e-3", "0.01", "0.1", "10"} <= set(written.split())
    for column in range(drawing.left, drawing.left + drawing.columns):
        assert drawing.column_at(drawing.x_at(column)) == column


def test_every_x_tick_that_is_asked_for_is_drawn() -> None:
    ends = [np.array([0, last]) for last in (6, 98, 12_500, 1_250_000)] + [np.array([1.00001, 1.00009])]
    for x in ends:
        for width in (16, 23, 50, 101, 140):
            drawing = Figure().draw([Series("s", x, np.array([1.0, 2.0]))], [], width, 12, logarithmic=False)
            assert drawing is not None
            assert "".join(text for _, text in drawing.rows[-1]).split() == list(drawing.x.labels)


def test_levels_are_inside_the_plot_with_their_names() -> None:
    drawing = Figure().draw(
        [Series("s", STEPS, COURSE)],
        [Level("ln V", 9.0), Level("H", 0.1, "floor")],
        60,
        12,
        logarithmic=False,
    )
    assert drawing is not None
    rows = [(dict(row).keys(), "".join(text for _, text in row)) for row in drawing.rows]
    assert any("ceiling" in roles and "── ln V" in text for roles, text in rows[:2])
    assert any("floor" in roles and " H ─" in text for roles, text in rows[-5:])


@pytest.mark.parametrize(("y", "role"), [(COURSE[1:], "raw"), (COURSE, "thick")])
def test_a_series_that_makes_no_sense_is_refused_by_name(y: np.ndarray, role: SeriesRole) -> None:
    with pytest.raises(ValueError, match="series 'x' has"):
        Series("x", STEPS, y, role)


def test_a_level_of_no_known_role_is_refused_by_name() -> None:
    role: LevelRole = "wall"  # type: ignore[assignment]  # the point of the test
    with pytest.raises(ValueError, match="level 'x' has role 'wall'; choose one of ceiling, floor"):
        Level("x", 1.0, role)


# --- the widget


@pytest.mark.parametrize("size", [(1, 1), (12, 3), (16, 5), (40, 6), (140, 42)])
async def test_it_is_drawn_at_any_size(size: tuple[int, int]) -> None:
    app = PlotApp()
    async with app.run_test(size=size) as pilot:
        rows = await shown(pilot, Series("loss", STEPS, COURSE), cursor=500.0)
        assert [len(row) for row in rows] == [size[0]] * size[1]


async def test_without_data_it_says_so_in_the_middle() -> None:
    app = PlotApp()
    async with app.run_test(size=(40, 9)) as pilot:
        rows = await shown(pilot, Series("loss", STEPS, np.full(1000, np.nan)))
        assert rows[4].strip() == "nothing to plot yet"
        assert rows[4].index("n") == (40 - len("nothing to plot yet")) // 2
        assert not "".join(rows[:4] + rows[5:]).strip()


async def test_the_legend_names_axes_curves_and_levels() -> None:
    app = PlotApp()
    async with app.run_test(size=(80, 20)) as pilot:
        rows = await shown(
            pilot,
            Series("train", STEPS, COURSE, "raw"),
            Series("val", STEPS[::100], COURSE[::100], "validation"),
            levels=[Level("ln V", 4.2)],
            x_label="step",
            y_label="nats",
        )
        assert rows[0].split() == ["nats", "⠢⡁", "train", "••", "val", "──", "ln", "V", "step"]
        assert "".join(rows[1:]).count("•") == 10


async def test_the_legend_leaves_out_a_name_that_would_be_cut() -> None:
    app = PlotApp()
    async with app.run_test(size=(25, 20)) as pilot:
        curve = Series("train", STEPS, COURSE, "raw")
        rows = await shown(pilot, curve, levels=[Level("ln V", 4.2)], x_label="step", y_label="nats")
        assert rows[0].split() == ["nats", "⠢⡁", "train", "──", "ln", "V"]
        rows = await shown(pilot, curve, levels=[Level("ln V!", 4.2)], x_label="step", y_label="nats")
        assert rows[0].split() == ["nats", "⠢⡁", "train", "step"]


async def test_the_mouse_reads_the_x_of_its_column() -> None:
    app = PlotApp()
    async with app.run_test(size=(100, 20)) as pilot:
        await shown(pilot, Series("loss", STEPS, COURSE))
        drawing = app.query_one(LinePlot)._drawing
        assert drawing is not None
        await pilot.hover(LinePlot, offset=(drawing.left, 5))
        await pilot.hover(LinePlot, offset=(drawing.left, 6))  # the same column: nothing new
        await pilot.hover(LinePlot, offset=(99, 5))
        await pilot.hover(LinePlot, offset=(50, 0))  # the legend
        await pilot.hover(LinePlot, offset=(50, 19))  # the tick labels
        await pilot.hover(LinePlot, offset=(0, 5))  # the labels of the y axis
        assert app.said == [(0.0, False), (999.0, False)]
        await pilot.click(LinePlot, offset=(50, 5))
        column = (50 - drawing.left) / (drawing.columns - 1)
        x, clicked = app.said[-1]
        assert x == pytest.approx(column * 999)
        assert clicked


async def test_the_cursor_is_a_line_that_spares_the_curve_and_draws_nothing_anew() -> None:
    app = PlotApp()
    async with app.run_test(size=(80, 20)) as pilot:
        before = await shown(pilot, Series("loss", STEPS, COURSE))
        plot = app.query_one(LinePlot)
        drawing = plot._drawing
        assert drawing is not None
        plot.move_cursor(drawing.x_at(40))
        after = texts(plot)
        assert plot._drawing is drawing
        changed = [(y, x) for y in range(20) for x in range(80) if before[y][x] != after[y][x]]
        assert {x for _, x in changed} == {40}
        assert {after[y][x] for y, x in changed} == {"│"}
        curve_rows = [y for y in range(1, 18) if before[y][40] != " "]
        assert len(changed) + len(curve_rows) == 17
        assert curve_rows


async def test_it_is_drawn_anew_for_new_data_size_and_theme_only() -> None:
    app = PlotApp()
    async with app.run_test(size=(80, 20)) as pilot:
        plot = app.query_one(LinePlot)
        series = Series("loss", STEPS, COURSE)
        await shown(pilot, series)
        drawn = plot._drawing
        await shown(pilot, series)
        assert plot._drawing is drawn
        await shown(pilot, Series("loss", STEPS, COURSE + 1))
        assert plot._drawing is not drawn
        drawn = plot._drawing
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        assert [len(row) for row in texts(plot)] == [60] * 15
        assert plot._drawing is not drawn
        dark = {segment.style for y in range(15) for segment in plot.render_line(y)}
        app.theme = "textual-light"
        await pilot.pause()
        light = {segment.style for y in range(15) for segment in plot.render_line(y)}
        assert not dark & light


def luminance(color: Color) -> float:
    """Relative luminance, WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "nord", "gruvbox", "solarized-light"])
async def test_every_role_can_be_told_from_the_ground(theme: str) -> None:
    app = PlotApp()
    app.theme = theme
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        plot = app.query_one(LinePlot)
        for name in LinePlot.COMPONENT_CLASSES:
            style = plot.get_component_rich_style(name)
            assert style.color is not None
            assert style.bgcolor is not None
            colors = [Color.from_rich_color(c) for c in (style.color, style.bgcolor)]
            dark, light = sorted(map(luminance, colors))
            assert (light + 0.05) / (dark + 0.05) >= 2.5, name


async def test_roles_differ_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = PlotApp()
    async with app.run_test(size=(80, 20)) as pilot:
        glyphs = {}
        for role in get_args(SeriesRole):
            rows = await shown(pilot, Series("s", STEPS[::50], COURSE[::50], role))
            glyphs[role] = "".join(rows[1:])
        assert len(set(glyphs.values())) == 4


# --- many curves of one kind


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_lines_have_colours_of_their_own_in_every_theme_and_marks_where_they_end(theme: str) -> None:
    app = PlotApp()
    async with app.run_test(size=(80, 20)) as pilot:
        app.theme = theme
        ends = [1.0, 2.0, 3.0]
        lines = [
            Series(f"model {i}", STEPS[: 300 * i + 100], np.linspace(4, end, 300 * i + 100), role, str(i))
            for i, (end, role) in enumerate(zip(ends, LINES, strict=False))
        ]
        rows = await shown(pilot, *lines)
        plot = app.query_one(LinePlot)
        assert len({plot.colour(role) for role in LINES}) == 8
        assert all(f" {i} model {i}" in rows[0] for i in range(3))
        heights = {mark: next(y for y, row in enumerate(rows) if y and mark in row[6:]) for mark in "012"}
        assert heights["0"] > heights["1"] > heights["2"]
        colours = [s.style.color for s in plot.render_line(heights["2"]) if s.style and s.style.color]
        assert plot.colour("line3").lower() in {colour.get_truecolor().hex for colour in colours}


def test_marks_that_would_lie_on_each_other_stand_side_by_side() -> None:
    lines = [Series(f"model {i}", STEPS, COURSE, role, str(i)) for i, role in enumerate(LINES)]
    drawing = Figure().draw(lines, (), 60, 20, logarithmic=False)
    assert drawing is not None
    text = ["".join(part for _, part in row) for row in drawing.rows]
    assert any("76543210" in row for row in text)
    assert all(len(row) == 60 for row in text)


@pytest.mark.parametrize("mark", ["ab", "漢", "\u0301"])
def test_a_mark_is_one_character_of_one_cell(mark: str) -> None:
    with pytest.raises(ValueError, match="mark"):
        Series("x", STEPS, COURSE, "line1", mark)
