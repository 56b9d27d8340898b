"""Watch: when to look at the engine, and when to leave it alone.

It asks for a snapshot, hands it on as soon as it can be there, and spaces its looks so that drawing stays within
its share; where a person waits for something it looks at once.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.timer import Timer

from engine.snapshot import Snapshot, Status
from engine.thread import EngineThread
from tui.pacing import Pacer

FRESH_PICTURE = 0.015
"""Seconds that a running engine needs at most to draw the snapshot it was asked for; late ones come next time."""


class Watch:
    """Looks at an engine again and again.

    Arguments:
        engine: what is looked at.
        after: calls a function after so many seconds, on the screen's thread.
        show: takes every snapshot that is looked at, and says whether to look again.
    """

    def __init__(
        self,
        engine: EngineThread,
        after: Callable[[float, Callable[[], None]], Timer],
        show: Callable[[Snapshot], bool],
    ) -> None:
        self._engine = engine
        self._after = after
        self._show = show
        self._pacer = Pacer()
        self._next: Timer | None = None
        self._awaited = False  # whether a picture is on its way
        self._hurry = False  # whether somebody has been waiting since the last look

    def look(self) -> None:
        """Ask for a fresh snapshot; show it as soon as it can be there, and so on."""
        if self._awaited:  # a timer was stopped when it had gone off already
            return
        self._awaited = True
        if self._next is not None:
            self._next.stop()
        self._hurry = False
        self._engine.request_snapshot()
        self._after(FRESH_PICTURE, self._take)

    def hurry(self) -> None:
        """Somebody waits for what comes next: look as soon as possible."""
        self._hurry = True
        self.look()

    def _take(self) -> None:
        snapshot = self._engine.snapshot
        if not self._show(snapshot):
            return
        self._awaited = False
        delay = self._pacer.delay(snapshot.status is Status.RUNNING)
        self._next = self._after(FRESH_PICTURE if self._hurry else delay, self.look)
