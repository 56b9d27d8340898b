"""Watch: when to look at the engine, and when to leave it alone.

It asks for a snapshot, hands it on as soon as it can be there, and spaces its looks so that drawing stays within
its share; where a person waits for something it looks at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from textual.timer import Timer

from engine.thread import WorkThread
from tui.pacing import Pacer

FRESH_PICTURE = 0.015
"""Seconds that a running engine needs at most to draw the snapshot it was asked for; late ones come next time."""


Picture = TypeVar("Picture")


class Watch(Generic[Picture]):
    """Looks at an engine again and again.

    Arguments:
        engine: what is looked at; whatever can be asked of it.
        after: calls a function after so many seconds, on the screen's thread.
        show: takes every snapshot that is looked at, and says whether to look again.
        runs: whether an engine of which this is the snapshot is at work.
    """

    def __init__(
        self,
        engine: WorkThread[Any, Picture],  # Any: it is asked for nothing but pictures
        after: Callable[[float, Callable[[], None]], Timer],
        show: Callable[[Picture], bool],
        runs: Callable[[Picture], bool],
    ) -> None:
        self._engine = engine
        self._after = after
        self._show = show
        self._runs = runs
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
        delay = self._pacer.delay(self._runs(snapshot))
        self._next = self._after(FRESH_PICTURE if self._hurry else delay, self.look)
