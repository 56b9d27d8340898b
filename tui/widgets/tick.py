"""Tick: something that is on or off, in one row, told by its box as well as by its colour.

What it promises: `Tick.Changed` once for each turn by a person or a program. It leaves the space bar alone,
which runs and pauses the training wherever the focus is. What it does not know: what is switched.
"""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

CHECKED, UNCHECKED = "\N{BALLOT BOX WITH CHECK}", "\N{BALLOT BOX}"


class Tick(Widget, can_focus=True):
    """A box and a label."""

    DEFAULT_CSS = """
    Tick {
        height: 1;
        width: auto;
        color: $text-muted;
        &.-on { color: $text; }
        &:focus { color: $text-accent; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "turn", "turn", show=False, id="tick.turn", tooltip="Switch it on or off"),
    ]

    value: reactive[bool] = reactive(False, init=False)

    class Changed(Message):
        """It was switched."""

        def __init__(self, tick: "Tick", value: bool) -> None:
            super().__init__()
            self.tick = tick
            self.value = value

        @property
        def control(self) -> "Tick":
            """The tick that sent the message."""
            return self.tick

    def __init__(
        self,
        label: str,
        *,
        value: bool = False,
        tooltip: str = "",
        id: str | None = None,  # noqa: A002 - Textual's own name for it
    ) -> None:
        """A tick that starts as `value`; `label` and `tooltip` are safe to show."""
        super().__init__(id=id)
        self.label = label
        self.tooltip = tooltip or None
        self.set_reactive(Tick.value, value)
        self.set_class(value, "-on")

    def render(self) -> Content:
        """The box and the label."""
        return Content(f"{CHECKED if self.value else UNCHECKED} {self.label}")

    def watch_value(self, value: bool) -> None:
        """Look like it, and tell those who listen."""
        self.set_class(value, "-on")
        self.post_message(self.Changed(self, value))

    def action_turn(self) -> None:
        """On, if it was off; off, if it was on."""
        self.value = not self.value

    def on_click(self, event: events.Click) -> None:
        """The mouse turns it, too."""
        event.stop()
        self.action_turn()
