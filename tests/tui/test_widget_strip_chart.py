"""Strips are exact to the cell, tell signs and dead units apart without colour, and follow the theme."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.widgets.strip_chart import HOTTEST_BITS, heat_row, tint_level, tinted

anything = hnp.arrays(np.float32, st.integers(0, 80), elements=st.floats(width=32))


@given(anything, st.integers(0, 60))
def test_a_strip_is_as_wide_as_asked_whatever_the_numbers(values: np.ndarray, width: int) -> None:
    strip = heat_row(values, width)
    assert strip.cell_length == width
    if len(values) <= width:
        for value, cell in zip(values.tolist(), strip.plain, strict=False):
            assert (cell == "·") == (value == 0)
            assert (cell == "!") == (not math.isfinite(value))


def reversed_cells(strip: Content) -> set[int]:
    return {i for span in strip.spans if "reverse" in str(span.style) for i in range(span.start, span.end)}


def test_magnitude_is_height_and_sign_is_side() -> None:
    strip = heat_row(np.array([1.0, 0.5, 0.01, 0.0, -0.01, -0.5, -1.0, math.nan]), 10)
    assert strip.plain == "█▄▁·▇▄ !  "  # reversed, the hanging ones show what is left blank
    assert reversed_cells(strip) == {4, 5, 6}


def test_pooling_keeps_the_largest_magnitude_with_its_sign() -> None:
    values = np.zeros(100)
    values[13], values[14], values[55] = 0.25, -1.0, 0.5
    strip = heat_row(values, 10)
    assert strip.plain == "· ···▄····"
    assert reversed_cells(strip) == {1}
    values[99] = math.inf
    assert heat_row(values, 10).plain[-1] == "!"


def test_a_scale_can_be_shared_by_rows() -> None:
    assert heat_row(np.array([0.5, 2.0]), 2, scale=1.0).plain == "▄█"


def test_all_dead_units_look_dead() -> None:
    assert heat_row(np.zeros(5), 5).plain == "·····"


@given(st.lists(st.floats(0, 40), min_size=2))
def test_more_surprise_is_never_calmer(bits: list[float]) -> None:
    levels = [tint_level(b) for b in sorted(bits)]
    assert levels == sorted(levels)
    assert max(levels) <= tint_level(HOTTEST_BITS)


def test_tints_run_from_none_to_the_hottest() -> None:
    assert tint_level(0) == tint_level(1) == 0
    assert 0 < tint_level(3) < tint_level(HOTTEST_BITS) == tint_level(math.inf) == tint_level(math.nan)


def test_each_character_carries_its_own_tint() -> None:
    strip = tinted("a\n[/]\x1b", [0, 8, 0, 0, 0, 4])
    assert strip.plain == "a⏎\n[/]␛"
    assert [(span.start, span.end) for span in strip.spans] == [(1, 3), (6, 7)]
    assert "$error" in str(strip.spans[0].style)
    assert tinted("a\nb", [0, 0, 0], newlines=False).plain == "a⏎b"


def test_characters_and_surprises_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="3 characters came with 2 surprises"):
        tinted("abc", [1.0, 2.0])


class StripApp(App[None]):
    """Both kinds of strip."""

    def compose(self) -> ComposeResult:
        yield Static(heat_row(np.linspace(-1, 1, 31), 31), id="heat")
        yield Static(tinted("hot[/]", [8.0, 6.0, 4.0, 2.0, 8.0, 8.0]), id="tinted")


@pytest.mark.parametrize("name", ["heat", "tinted"])
async def test_colours_come_from_the_theme_and_change_with_it(name: str) -> None:
    app = StripApp()
    async with app.run_test(size=(40, 6)) as pilot:
        await pilot.pause()
        static = app.query_one(f"#{name}", Static)
        dark = list(static.render_line(0))
        app.theme = "textual-light"
        await pilot.pause()
        light = list(static.render_line(0))
        assert [segment.text for segment in dark] == [segment.text for segment in light]
        assert len(dark) >= 3
        assert not {segment.style for segment in dark} & {segment.style for segment in light}
