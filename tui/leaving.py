"""Leaving: the ways out of the program, none of which loses a run that somebody may want.

A person is asked before unsaved steps go, and a run that is kept is saved first. SIGTERM and SIGHUP, which a closed
window or a lost connection sends, save every run that has made a step, kept so far or not, before the program ends.
What it does not know: the screen, and how runs are saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from engine.commands import KeepAll, Pause
from engine.snapshot import Snapshot, Status
from engine.thread import EngineThread

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
PATIENCE = 60.0
"""Seconds to wait for the step under way and for the disk."""
LAST_MOMENT = 5.0
"""The same where the screen is gone already."""
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
        self._ending: asyncio.Task[None] | None = None
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
            last = await self._saved(new=new)
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
        """From now on a signal that asks the program to end saves every run first; the event loop must run."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            try:
                loop.add_signal_handler(number, self._obey, number)
            except (
                NotImplementedError,
                RuntimeError,
            ):  # Windows has none; nor has a thread that is not the first
                return

    def at_the_last_moment(self) -> None:
        """Save what is kept if that was not done; for an end that nobody announced."""
        if self.last is None and self._engine.snapshot.kept is not None:
            self._engine.send(KeepAll(new=False))
            try:
                self.last = self._engine.settled(LAST_MOMENT)
            except TimeoutError:  # a step that takes long: what was saved last has to do
                return

    def _obey(self, number: int) -> None:
        if self._ending is not None:  # the second one is meant
            self._leave(128 + number)
            return
        self._ending = asyncio.get_running_loop().create_task(self._end(number))

    async def _end(self, number: int) -> None:
        with contextlib.suppress(TimeoutError):  # nothing more can be done: the sender will not wait longer
            self.last = await self._saved(new=True)
        self._leave(128 + number)

    async def _saved(self, *, new: bool) -> Snapshot:
        """Let the engine pause and save; its picture after that.

        Raises:
            TimeoutError: if it has no time for it.
        """
        if self._engine.snapshot.status is Status.RUNNING:
            self._engine.send(Pause())
        self._engine.send(KeepAll(new=new))
        return await asyncio.to_thread(self._engine.settled, PATIENCE)


def _all_saved(snapshot: Snapshot, *, new: bool) -> bool:
    kept = snapshot.kept
    if new and not all(run.kept for run in snapshot.set_aside):
        return False
    return snapshot.step == 0 or (
        not new if kept is None else kept.step == snapshot.step and not kept.trouble
    )
