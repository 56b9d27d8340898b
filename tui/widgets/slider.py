"""Slider: one number turned by keys, wheel or drag.

What it promises: the value is always on the grid of steps between its limits, written without rounding noise;
`Slider.Changed` is posted once for each new value and never for the same one. What it does not know: what the
number means; `format` says how it is written.
"""

import math
from collections.abc import Callable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.text import single_line

_DONE, _KNOB, _LEFT = "━", "●", "─"
_PAGE = 10
"""Steps of a page key."""
_LEAST_TRACK = 3  # cells; with fewer the label is left out


def _two_decimals(value: float) -> str:
    return f"{value:.2f}"


class Slider(Widget, can_focus=True):
    """A labelled track with a knob and the value after it."""

    DEFAULT_CSS = """
    Slider {
        height: 1;
        width: 1fr;
        & > .slider--label { color: $text-muted; }
        & > .slider--done { color: $primary-lighten-1; }
        & > .slider--rest { color: $foreground 35%; }
        & > .slider--value { color: $text; }
        &:focus > .slider--label { color: $text; text-style: bold; }
        &:focus > .slider--done { color: $text-accent; text-style: bold; }
        &:focus > .slider--value { text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"slider--label", "slider--done", "slider--rest", "slider--value"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "less", show=False, id="slider.less", tooltip="one step down"),
        Binding("right,l", "move(1)", "more", show=False, id="slider.more", tooltip="one step up"),
        Binding("pagedown", f"move(-{_PAGE})", "much less", show=False, id="slider.much_less"),
        Binding("pageup", f"move({_PAGE})", "much more", show=False, id="slider.much_more"),
        Binding("home", "lowest", "lowest", show=False, id="slider.lowest"),
        Binding("end", "highest", "highest", show=False, id="slider.highest"),
    ]

    value: reactive[float] = reactive(0.0, init=False)

    class Changed(Message):
        """The value is another one."""

        def __init__(self, slider: "Slider", value: float) -> None:
            super().__init__()
            self.slider = slider
            self.value = value

        @property
        def control(self) -> "Slider":
            """The slider that sent the message."""
            return self.slider

    def __init__(
        self,
        label: str,
        minimum: float,
        maximum: float,
        step: float,
        value: float,
        *,
        format: Callable[[float], str] = _two_decimals,  # noqa: A002 - says best what it is
        off_at_minimum: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        """A slider from `minimum` to `maximum` in steps of `step`.

        Arguments:
            label: what is turned, safe to show.
            minimum: the lowest value, where the grid starts.
            maximum: the highest value, reached even if it is off the grid.
            step: the distance of neighbouring values, above 0.
            value: where it starts; moved onto the grid.
            format: how a value is written.
            off_at_minimum: written in place of the lowest value, which switches the thing off.
            id: as for every widget.
            classes: as for every widget.
        Raises:
            ValueError: if there is no range or no step.
        """
        if not (math.isfinite(minimum) and math.isfinite(maximum) and minimum < maximum and step > 0):
            raise ValueError(
                f"slider {label!r} goes from {minimum} to {maximum} in steps of {step}; "
                "it needs minimum < maximum and a step above 0"
            )
        super().__init__(id=id, classes=classes)
        self.label = label
        self.minimum = minimum
        self.maximum = maximum
        self.step = step
        self._format = format
        self._off_at_minimum = off_at_minimum
        self._dragging = False
        self.set_reactive(Slider.value, self._on_grid(value))

    @property
    def text(self) -> str:
        """The value as it is written."""
        if self._off_at_minimum is not None and self.value == self.minimum:
            return self._off_at_minimum
        return self._format(self.value)

    def validate_value(self, value: float) -> float:
        """Onto the grid, between the limits; the old value in place of one that is not finite."""
        return self._on_grid(value) if math.isfinite(value) else self.value

    def watch_value(self, value: float) -> None:
        """Tell those who listen."""
        self.post_message(self.Changed(self, value))

    def action_move(self, steps: int) -> None:
        """So many steps up or down."""
        self.value += steps * self.step

    def action_lowest(self) -> None:
        """To the lowest value."""
        self.value = self.minimum

    def action_highest(self) -> None:
        """To the highest value."""
        self.value = self.maximum

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One row."""
        return 1

    def render_line(self, y: int) -> Strip:
        """The row, `label ━━━●── value`; nothing below it."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        label, track, number = self._layout(width)
        knob = self._knob(track)
        parts = [
            (label, "label"),
            (_DONE * knob + _KNOB if track else "", "done"),
            (_LEFT * (track - knob - 1), "rest"),
            (number, "value"),
        ]
        segments = [
            Segment(text, self.get_component_rich_style(f"slider--{name}")) for text, name in parts if text
        ]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _on_grid(self, value: float) -> float:
        """The nearest value that can be reached, without the noise of adding steps."""
        if value >= self.maximum:
            return self.maximum
        steps = round((max(value, self.minimum) - self.minimum) / self.step)
        return min(self.maximum, round(self.minimum + steps * self.step, 12))

    def _number_cells(self) -> int:
        """Cells of the widest value, so that the track does not jump while it is turned."""
        texts = [
            self._format(self.minimum),
            self._format(self.maximum),
            self.text,
            self._off_at_minimum or "",
        ]
        return max(map(cell_len, texts))

    def _layout(self, width: int) -> tuple[str, int, str]:
        """Label, cells of the track, and number, as they fit."""
        number = " " + self.text.rjust(self._number_cells())
        label = self.label + " "
        if width - cell_len(label) - cell_len(number) < _LEAST_TRACK:
            label = ""
        track = width - cell_len(label) - cell_len(number)
        if track < 1:
            return "", 0, single_line(self.text, width)
        return label, track, number

    def _knob(self, track: int) -> int:
        """The cell of the track at which the knob stands."""
        share = (self.value - self.minimum) / (self.maximum - self.minimum)
        return round(share * (track - 1)) if track > 1 else 0

    def _drag(self, event: events.MouseEvent) -> None:
        """Put the knob under the mouse."""
        label, track, _ = self._layout(self.size.width)
        if track > 1:
            column = event.get_content_offset_capture(self).x - cell_len(label)
            share = min(max(column / (track - 1), 0.0), 1.0)
            self.value = self.minimum + share * (self.maximum - self.minimum)

    def _on_mouse_down_on_track(self, event: events.MouseDown) -> bool:
        label, track, _ = self._layout(self.size.width)
        column = event.get_content_offset_capture(self).x - cell_len(label)
        return 0 <= column < track

    async def _on_mouse_down(self, event: events.MouseDown) -> None:
        await super()._on_mouse_down(event)
        if event.button == 1 and self._on_mouse_down_on_track(event):
            self._dragging = True
            self.capture_mouse()
            self._drag(event)

    def _on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging:
            self._drag(event)

    async def _on_mouse_up(self, event: events.MouseUp) -> None:
        await super()._on_mouse_up(event)
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.action_move(1)

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.action_move(-1)
