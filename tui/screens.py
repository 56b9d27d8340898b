"""Screens that stand firm where Textual's own fall.

What they promise: a second Escape or Enter that is on its way while a screen closes, a text that arrives while
another screen lies on top, and a click on something that is just going away do nothing, where Textual closes
whichever screen is on top, or ends the program. What they do not know: what they show or ask.
"""

from __future__ import annotations

from typing import Any, TypeVar

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.geometry import Offset
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import Worker

Answer = TypeVar("Answer")


class FirmScreen(Screen[Answer]):
    """Closes itself only, and only while it is on top."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with this answer, or do nothing if it does not lie on top (any more)."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """What is under the mouse, from where a selection of text may begin; not a widget that is gone."""
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is not None and not widget.is_attached else (widget, offset)


# Textual takes style classes from the first base only, so its own classes come first below.


class Dialog(ModalScreen[Answer], FirmScreen[Answer]):
    """What every dialog is."""


class Palette(CommandPalette, FirmScreen[None]):
    """The command palette, which searches for nothing once it is closed: there is no list any more to fill."""

    def run_worker(self, *arguments: Any, **named: Any) -> Worker[Any]:  # Any: whatever Textual's own takes
        """Begin a search; a letter that comes while the palette closes has begun it for nobody."""
        worker = super().run_worker(*arguments, **named)
        if not self.is_active:
            worker.cancel()
        return worker
