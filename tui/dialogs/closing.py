"""Screens that close once.

What it promises: a second Escape or Enter that is on its way while a screen closes, or a text that arrives
while another screen lies on top, closes nothing else. (Textual pops whichever screen is on top, and fails where
there is none.) What it does not know: what the screens ask.
"""

from __future__ import annotations

from typing import Any, TypeVar

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

Answer = TypeVar("Answer")

# Textual takes style classes from the first base only, so its own classes come first below.


class ClosesOnce(Screen[Answer]):
    """Closes itself only, and only while it is on top."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with this answer, or do nothing if it does not lie on top (any more)."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Dialog(ModalScreen[Answer], ClosesOnce[Answer]):
    """What every dialog is."""


class Palette(CommandPalette, ClosesOnce[None]):
    """The command palette, which searches for nothing once it is closed: there is no list any more to fill."""

    def run_worker(self, *arguments: Any, **named: Any) -> Worker[Any]:  # Any: whatever Textual's own takes
        """Begin a search; a letter that comes while the palette closes has begun it for nobody."""
        worker = super().run_worker(*arguments, **named)
        if not self.is_active:
            worker.cancel()
        return worker
