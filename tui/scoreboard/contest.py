"""Contest: the comparison of this sitting on a thread of its own, which outlives the screen it is shown on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.thread import WorkThread

if TYPE_CHECKING:  # the models are imported by the engine's thread; nobody waits for them here
    from engine.scoreboard.scoreboard import Scoreboard, Wish
    from engine.scoreboard.view import ScoreboardView


class Contest:
    """At most one comparison at a time.

    Attributes:
        thread: where it is at work; None before the first.
    """

    def __init__(self) -> None:
        self.thread: WorkThread[Wish, ScoreboardView] | None = None

    def begin(self, board: Scoreboard) -> None:
        """Let `board` work; what was there before ends, and is forgotten."""
        self.close()
        self.thread = WorkThread("scoreboard", board.picture(), lambda: board)
        self.thread.start()

    def close(self) -> bool:
        """End the comparison; whether its thread has ended, which one that is fitting a model may be slow to do."""
        return self.thread is None or self.thread.close()
