"""Pane: a titled frame that draws snapshots and knows neither the app nor the engine."""

from __future__ import annotations

from textual.containers import Vertical

from engine.sampling import Sampling
from engine.snapshot import Snapshot


class Pane(Vertical):
    """What the app asks of every pane.

    `show` is called on the screen's thread with a fresh snapshot, a few times a second and only while the
    pane can be seen; drawing what has not changed is the pane's to avoid. `show_sampling` follows the
    temperature and its companions, which never touch the engine.
    """

    DEFAULT_CSS = """
    Pane {
        border: round $panel-lighten-2;
        border-title-color: $text-muted;
        border-title-style: bold;
        border-subtitle-color: $text-muted;
        padding: 0 1;
        &:focus-within {
            border: round $accent;
            border-title-color: $accent;
        }
    }
    """

    def show(self, snapshot: Snapshot) -> None:
        """Draw `snapshot`."""
        raise NotImplementedError(type(self).__name__)  # abstract, which Textual's metaclass does not enforce

    def show_sampling(self, sampling: Sampling) -> None:
        """Follow the sampling the person chose; a pane that shows none has nothing to do."""

    def focus_first(self) -> None:
        """Put the focus on the first thing in the pane that takes keys."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus()
                return
