"""Leaving: the ways out of the program, none of which loses a run that somebody may want.

A person is asked before unsaved steps go, and a run that is kept is saved first. SIGTERM and SIGHUP, which a closed
window or a lost connection sends, save every run that has made a step, kept so far or not, before the program ends.
What it does not know: the screen, and how runs are saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import Any

from engine.commands import KeepAll, Pause
from engine.snapshot import Snapshot, Status
from engine.thread import EngineThread

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
PATIENCE = 60.0
"""Seconds to wait for the step under way and for the disk."""
GRACE = 3.0
"""Seconds for the screen to go once all is saved; it never does where the terminal went first."""
LAST_MOMENT = 5.0
"""Seconds to wait for the engine where the screen is gone already."""
WORTH_STEPS, WORTH_SECONDS = 100, 10.0
"""A run of so many steps, or of so many seconds, is one that a person would miss; any other is soon made again."""


class Parting(StrEnum):
    """What a person wants who was asked whether to leave."""

    STAY = "stay"
    SAVE = "save and quit"
    LEAVE = "quit"


@dataclass(frozen=True)
class AtRisk:
    """What would be lost if the program ended now.

    Attributes:
        steps: of the run that goes on.
        aside: of the runs that were set aside, one number a run.
    """

    steps: int
    aside: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.steps or self.aside)


def worth_keeping(step: int, seconds: float) -> bool:
    """Whether a person would miss a run of so many steps that took so many seconds."""
    return step >= WORTH_STEPS or seconds >= WORTH_SECONDS


class Leaving:
    """Sees to it that leaving loses nothing.

    Arguments:
        engine: where the runs are.
        leave: ends the program with this exit code.
        stay: told why the program goes on.

    Attributes:
        last: the engine's last word, None until everything was saved for the end.
    """

    def __init__(
        self, engine: EngineThread, leave: Callable[[int], None], stay: Callable[[str], None]
    ) -> None:
        self._engine, self._leave, self._stay = engine, leave, stay
        self._failed = False
        self._over = threading.Event()
        self._before: dict[signal.Signals, Any] = {}  # Any: whatever handler Python gives back
        self.last: Snapshot | None = None

    def at_risk(self, snapshot: Snapshot) -> AtRisk:
        """What has to be asked about; a run that is kept is none of it, unless saving it has failed."""
        kept = snapshot.kept
        safe = kept is not None and not kept.trouble and not self._failed
        return AtRisk(
            steps=0 if safe else snapshot.step,
            aside=tuple(
                run.step
                for run in snapshot.set_aside
                if not run.kept and worth_keeping(run.step, run.seconds)
            ),
        )

    async def go(self, snapshot: Snapshot, *, new: bool) -> None:
        """Save the runs that are kept, and those that are `new`, and end the program; stay if that fails."""
        if snapshot.kept is None and not new:
            self._leave(0)
            return
        try:
            last = await asyncio.to_thread(self._saved, new=new)
        except TimeoutError:
            self._failed = True
            self._stay("not saved yet: the engine is in the middle of a step; wait, or quit without saving")
            return
        if _all_saved(last, new=new):
            self.last = last
            self._leave(0)
        else:
            self._failed = True  # the engine has said why

    def obey_signals(self) -> None:
        """From now on a signal that asks the program to end saves every run first; the event loop must run.

        A handler of Python's own is called even where the loop waits for a terminal that nobody reads any more.
        """
        loop = asyncio.get_running_loop()

        def obey(number: int, frame: FrameType | None) -> None:
            signal.signal(number, signal.SIG_DFL)  # the second one is meant
            threading.Thread(target=self._end, args=(number, loop), name="leaving", daemon=True).start()

        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, obey) for number in SIGNALS}

    def over(self) -> None:
        """The screen is gone as it should."""
        self._over.set()

    def close(self) -> None:
        """Save what is kept if that was not done, as after an error of the screen; signals mean what they did."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.last is None and self._engine.snapshot.kept is not None:
            self._engine.send(KeepAll(new=False))
            try:
                self.last = self._engine.settled(LAST_MOMENT)
            except TimeoutError:  # a step that takes long: what was saved last has to do
                return

    def _end(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        """Save, then end the program: the usual way if the screen still can, else at once."""
        with contextlib.suppress(TimeoutError):  # nothing more can be done: the sender will not wait longer
            self.last = self._saved(new=True)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._leave, 128 + number)
        if not self._over.wait(GRACE):
            os._exit(128 + number)

    def _saved(self, *, new: bool) -> Snapshot:
        """Let the engine pause and save; its picture after that.

        Raises:
            TimeoutError: if it has no time for it.
        """
        if self._engine.snapshot.status is Status.RUNNING:
            self._engine.send(Pause())
        self._engine.send(KeepAll(new=new))
        return self._engine.settled(PATIENCE)


def _all_saved(snapshot: Snapshot, *, new: bool) -> bool:
    kept = snapshot.kept
    if new and not all(run.kept for run in snapshot.set_aside):
        return False
    return snapshot.step == 0 or (
        not new if kept is None else kept.step == snapshot.step and not kept.trouble
    )
