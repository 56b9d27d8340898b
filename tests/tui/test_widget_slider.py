"""The slider's value stays on its grid, whatever turns it, and each change is told once."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.events import MouseScrollDown, MouseScrollUp

from tui.widgets.slider import Slider


class SliderApp(App[None]):
    """A temperature and a cut-off, and what they said."""

    CSS = "VerticalScroll { height: 100%; } #filler { height: 50; }"

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str | None, float]] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield Slider("temperature", 0.0, 2.0, 0.05, 0.8, id="temperature")
            yield Slider("top-k", 0, 65, 1, 0, format=lambda k: f"{k:.0f}", off_at_minimum="off", id="top_k")

    def on_slider_changed(self, event: Slider.Changed) -> None:
        assert event.control is event.slider
        self.said.append((event.slider.id, event.value))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1, 3))
def test_the_value_is_always_on_the_grid_between_the_limits(value: float) -> None:
    slider = Slider("t", 0.0, 2.0, 0.05, 0.8)
    slider.set_reactive(Slider.value, slider.validate_value(value))
    assert 0 <= slider.value <= 2
    assert math.isclose(slider.value * 20, round(slider.value * 20), abs_tol=1e-9)
    assert abs(slider.value - min(max(value, 0), 2)) <= 0.025 + 1e-9
    assert len(repr(slider.value)) <= 4


def test_a_value_that_is_not_finite_changes_nothing() -> None:
    slider = Slider("t", 0.0, 2.0, 0.05, 0.8)
    assert slider.validate_value(math.nan) == 0.8


def test_the_maximum_is_reached_even_off_the_grid() -> None:
    assert Slider("t", 0, 10, 3, 10).value == 10
    assert Slider("t", 0, 10, 3, 8.9).value == 9


@pytest.mark.parametrize(("low", "high", "step"), [(1, 1, 0.1), (2, 1, 0.1), (0, 1, 0), (0, math.inf, 1)])
def test_no_range_or_no_step_is_refused_by_name(low: float, high: float, step: float) -> None:
    with pytest.raises(ValueError, match="slider 'rate' goes from"):
        Slider("rate", low, high, step, low)


async def test_every_key_turns_it_and_each_change_is_told_once() -> None:
    app = SliderApp()
    async with app.run_test(size=(60, 4)) as pilot:
        slider = app.query_one("#temperature", Slider)
        slider.focus()
        keys = ["right", "l", "left", "h", "pageup", "pagedown", "end", "end", "right", "home", "left"]
        seen = []
        for key in keys:
            await pilot.press(key)
            seen.append(slider.value)
        assert seen == [0.85, 0.9, 0.85, 0.8, 1.3, 0.8, 2.0, 2.0, 2.0, 0.0, 0.0]
        assert [value for _, value in app.said] == [0.85, 0.9, 0.85, 0.8, 1.3, 0.8, 2.0, 0.0]
        slider.value = 1.51
        await pilot.pause()
        assert slider.value == 1.5
        assert app.said[-1] == ("temperature", 1.5)


async def test_click_and_drag_put_the_knob_under_the_mouse() -> None:
    app = SliderApp()
    async with app.run_test(size=(60, 4)) as pilot:
        slider = app.query_one("#temperature", Slider)
        first, last = len("temperature "), 60 - len(" 0.80") - 1
        await pilot.click(slider, offset=(first, 0))
        assert slider.value == 0.0
        assert slider.has_focus
        await pilot.click(slider, offset=(last, 0))
        assert slider.value == 2.0
        await pilot.click(slider, offset=(3, 0))  # the label is no track
        assert slider.value == 2.0
        await pilot.mouse_down(slider, offset=((first + last) // 2, 0))
        assert slider.value == 1.0
        await pilot.hover(slider, offset=(last - 5, 0))
        assert slider.value == 1.75
        assert slider.render_line(0).text[last - 5] == "●"
        await pilot.hover(slider, offset=(2, 3))  # far from the track, still held
        assert slider.value == 0.0
        await pilot.mouse_up(slider, offset=(first, 0))
        await pilot.hover(slider, offset=(last, 0))  # let go
        assert slider.value == 0.0


async def test_the_wheel_turns_it_and_scrolls_nothing_else() -> None:
    app = SliderApp()
    async with app.run_test(size=(60, 1)) as pilot:
        slider = app.query_one("#temperature", Slider)
        await pilot._post_mouse_events([MouseScrollUp], slider)
        assert slider.value == 0.85
        await pilot._post_mouse_events([MouseScrollDown], slider)
        assert slider.value == 0.8
        assert app.query_one(VerticalScroll).scroll_offset.y == 0


@pytest.mark.parametrize("width", [1, 3, 5, 12, 20, 60, 140])
async def test_it_is_exactly_as_wide_as_its_place(width: int) -> None:
    app = SliderApp()
    async with app.run_test(size=(width, 3)) as pilot:
        await pilot.pause()
        for slider in app.query(Slider):
            line = slider.render_line(0)
            assert cell_len(line.text) == slider.size.width
            if slider.size.width >= 20:
                assert line.text.count("●") == 1


async def test_it_reads_label_track_and_value() -> None:
    app = SliderApp()
    async with app.run_test(size=(32, 4)) as pilot:
        await pilot.pause()
        assert app.query_one("#temperature", Slider).render_line(0).text == "temperature ━━━━━━●──────── 0.80"
        top_k = app.query_one("#top_k", Slider)
        assert top_k.render_line(0).text == "top-k ●───────────────────── off"
        top_k.value = 65
        assert top_k.render_line(0).text == "top-k ━━━━━━━━━━━━━━━━━━━━━●  65"


@pytest.mark.parametrize(("width", "shown"), [(13, "top-k ●── off"), (12, "●─────── off")])
async def test_the_label_stays_as_long_as_there_is_a_track_beside_it(width: int, shown: str) -> None:
    app = SliderApp()
    async with app.run_test(size=(width, 4)) as pilot:
        await pilot.pause()
        assert app.query_one("#top_k", Slider).render_line(0).text == shown


async def test_colours_follow_theme_and_focus() -> None:
    app = SliderApp()
    async with app.run_test(size=(60, 4)) as pilot:
        app.query_one("#top_k", Slider).focus()
        await pilot.pause()
        slider = app.query_one("#temperature", Slider)
        dark = {segment.style for segment in slider.render_line(0)}
        slider.focus()
        await pilot.pause()
        assert dark != {segment.style for segment in slider.render_line(0)}
        app.theme = "textual-light"
        await pilot.pause()
        assert not dark & {segment.style for segment in slider.render_line(0)}
