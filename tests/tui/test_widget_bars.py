"""The bars are exact to the cell at any width, show only what is in view, and mark the true one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.pilot import Pilot

from tui.text import visible
from tui.widgets.bars import SCALES, Bar, Bars


class BarsApp(App[None]):
    """Bars that fill the screen."""

    def compose(self) -> ComposeResult:
        yield Bars()


async def shown(pilot: Pilot[None], *bars: Bar) -> list[str]:
    widget = pilot.app.query_one(Bars)
    widget.show(bars)
    await pilot.pause()
    return rows(widget)


def rows(widget: Bars) -> list[str]:
    return [widget.render_line(y).text for y in range(widget.size.height)]


shares = st.floats(0, 1) | st.just(float("nan"))
bars = st.builds(
    Bar,
    st.characters().map(visible) | st.text("ab日", max_size=12),
    shares,
    st.none() | shares,
    st.booleans(),
    st.sampled_from(["", "-1.2 nats", "日本"]),
    st.none() | shares,
)


@given(st.lists(bars, min_size=1, max_size=6), st.integers(12, 120))
def test_every_row_is_exactly_as_wide_as_it_has_to_be(some: list[Bar], width: int) -> None:
    widget = Bars()
    widget._remember(some)
    for bar in some:
        parts = widget._parts(bar, width)
        assert sum(cell_len(text) for text, _ in parts) <= width
        text = "".join(text for text, _ in parts[1:])  # what follows the label
        beside = width >= 30 and bar.rival is not None and bar.rival == bar.rival
        known = (bar.value == bar.value) + beside
        assert text.count("%") == known
        assert ("◀" in text) == bar.mark


@pytest.mark.parametrize("size", [(1, 1), (12, 3), (140, 42)])
async def test_it_is_drawn_at_any_size(size: tuple[int, int]) -> None:
    app = BarsApp()
    async with app.run_test(size=size) as pilot:
        some = [Bar(chr(97 + i), 0.5 / (i + 1), mark=i == 1) for i in range(20)]
        lines = await shown(pilot, *some)
        inside = app.query_one(Bars).scrollable_content_region.size
        assert [cell_len(line) for line in lines] == [inside.width] * inside.height


async def test_a_bar_is_as_long_as_its_share_of_the_scale() -> None:
    app = BarsApp()
    async with app.run_test(size=(50, 4)) as pilot:
        lines = await shown(pilot, Bar("a", 0.4), Bar("b", 0.2), Bar("c", 0.1), Bar("d", float("nan")))
        track = 50 - 2 - 7  # label and gap, gap and percent
        assert app.query_one(Bars).scale == 0.4
        assert lines[0] == "a " + "█" * track + "  40.0%"
        assert lines[1].count("█") == track // 2
        assert lines[1][2 + track // 2] == "▌"
        assert lines[2].count("█") == track // 4
        assert lines[3].split() == ["d", "–"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_the_scale_is_the_smallest_that_holds_every_bar(values: list[float]) -> None:
    widget = Bars()
    widget._remember([Bar("x", value) for value in values])
    assert widget.scale >= max(values)
    assert all(scale < max(values) for scale in SCALES if scale < widget.scale)


async def test_the_ghost_shows_behind_a_shorter_and_inside_a_longer_bar() -> None:
    app = BarsApp()
    async with app.run_test(size=(49, 2)) as pilot:
        lines = await shown(pilot, Bar("a", 0.1, ghost=0.4), Bar("b", 0.4, ghost=0.1))
        assert lines[0] == "a " + "█" * 10 + "░" * 30 + "  10.0%"
        assert lines[1] == "b " + "█" * 9 + "│" + "█" * 30 + "  40.0%"


async def test_a_rival_has_a_thin_bar_on_the_same_scale_in_a_column_of_its_own() -> None:
    app = BarsApp()
    async with app.run_test(size=(80, 3)) as pilot:
        some = [Bar("a", 0.4, rival=0.2), Bar("b", 0.2, rival=0.4), Bar("c", 0.0, rival=float("nan"))]
        lines = await shown(pilot, *some)
        assert [line.split()[-1] for line in lines] == ["20.0%", "40.0%", "–"]
        track = lines[1].count("━")
        assert track == (80 - 2 - 7 - 8) // 2  # label, number, gap and number
        assert lines[0].count("━") == track // 2
        assert lines[0].index("━") == lines[1].index("━")
        assert lines[1].count("█") == track // 2 + track % 2
        lines = await shown(pilot, Bar("a", 0.1, rival=0.8))
        assert app.query_one(Bars).scale == 0.8


async def test_the_true_one_is_marked_in_words_where_there_is_room() -> None:
    app = BarsApp()
    async with app.run_test(size=(40, 2)) as pilot:
        lines = await shown(pilot, Bar("a", 0.1, mark=True), Bar("b", 0.4))
        assert lines[0].endswith("10.0% ◀ true")
        assert "◀" not in lines[1]
        await pilot.resize_terminal(14, 2)
        await pilot.pause()
        assert rows(app.query_one(Bars))[0].endswith("10.0% ◀")


async def test_more_bars_than_rows_scroll_and_only_those_in_view_are_drawn() -> None:
    app = BarsApp()
    async with app.run_test(size=(40, 5)) as pilot:
        lines = await shown(pilot, *(Bar(f"{i:02}", i / 100) for i in range(30)))
        widget = app.query_one(Bars)
        assert widget.virtual_size == Size(0, 30)
        assert [line[:2] for line in lines] == ["00", "01", "02", "03", "04"]
        widget.focus()
        await pilot.press("down", "down")
        await pilot.press("end")
        await pilot.pause()
        widget.scroll_end(animate=False)
        await pilot.pause()
        assert [line[:2] for line in rows(widget)] == ["25", "26", "27", "28", "29"]
        lines = await shown(pilot, Bar("x", 1.0))
        assert lines[0].startswith("x █")
        assert widget.scroll_offset.y == 0


async def test_without_bars_it_says_so() -> None:
    app = BarsApp()
    async with app.run_test(size=(40, 3)) as pilot:
        assert (await shown(pilot))[0].strip() == "nothing to show yet"


async def test_colours_follow_the_theme() -> None:
    app = BarsApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await shown(pilot, Bar("a", 0.5, ghost=0.9, mark=True), Bar("b", 0.1, ghost=0.9))
        widget = app.query_one(Bars)
        dark = {segment.style for y in range(3) for segment in widget.render_line(y)}
        app.theme = "textual-light"
        await pilot.pause()
        assert not dark & {segment.style for y in range(3) for segment in widget.render_line(y)}
