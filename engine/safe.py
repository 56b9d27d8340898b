"""Safe: what sees to it that no run of a sitting is lost unawares.

A run that is kept is saved as it goes; one that has to make room for another is set aside in memory, to be brought
back exactly as it was, and when there are too many it is said that one goes; all of them can be saved at once when
the program has to end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from corpora.corpus import Corpus
from engine.keeping import Keeper, keep, resume
from engine.live_run import LiveRun
from engine.snapshot import SetAside
from engine.training.autosave import INTERVAL
from engine.training.errors import RunError

ROOM = 3
"""Runs that are set aside at most; each takes the memory of a run. With room for one, a few steps after a reset
would push out the work of an hour."""
WORTH_SAYING = 100
"""Steps of a run whose going is told."""
LOOK_SECONDS = 0.004
"""Seconds to wait for a run to be saved before the next look at the commands."""


class Safe:
    """Looks after the run that goes on, and holds those that were set aside.

    Arguments:
        say: tells the person something.
        rewind_budget: bytes for the memory of the past of a run that is resumed.
        clock: by which a run is saved now and then, in seconds; only differences count.
    """

    def __init__(self, say: Callable[[str], None], rewind_budget: int, clock: Callable[[], float]) -> None:
        self._say, self._budget, self._clock = say, rewind_budget, clock
        self._aside: deque[LiveRun] = deque(maxlen=ROOM)

    def set_aside_runs(self) -> tuple[SetAside, ...]:
        """The runs that can be brought back, the next one last."""
        return tuple(
            SetAside(run.trainer.recipe, run.trainer.steps_made, run.seconds, _is_kept(run))
            for run in self._aside
        )

    # One run instead of another.

    def set_aside(self, run: LiveRun | None) -> None:
        """Hold a run that makes room, unless it has made no step: that one is made again by its recipe."""
        if run is not None:
            self._close(run)
            if run.trainer.steps_made:
                if len(self._aside) == ROOM:
                    self._let_go(self._aside[0])
                self._aside.append(run)

    def _let_go(self, oldest: LiveRun) -> None:
        made = oldest.trainer.steps_made
        if not _is_kept(oldest) and made >= WORTH_SAYING:
            self._say(
                f"{ROOM} runs are held in memory: the oldest, at step {made:,}, made room; one that is kept in a "
                "folder stays"
            )

    def bring_back(self, instead_of: LiveRun) -> LiveRun:
        """The run that was set aside last; the present one goes behind the others, so that each has its turn.

        Raises:
            RunError: if there is none.
        """
        if not self._aside:
            raise RunError("no run was set aside; one is when another begins after its first step")
        self._close(instead_of)
        back = self._aside.pop()
        if instead_of.trainer.steps_made:
            self._aside.appendleft(instead_of)
        if back.keeper is not None:
            try:
                back.keeper.go_on()
            except RunError as error:
                back.keeper.folder.close()
                back.keeper = None
                self._say(f"the run is back, but not kept any more: {error}")
        return back

    def resume(self, folder: Path, corpus: Corpus, instead_of: LiveRun | None) -> LiveRun:
        """The run that is kept in a folder; the present one is set aside.

        Raises:
            RunError, RecipeError: if it cannot be gone on with; the present one stays.
        """
        keeper = None if instead_of is None else instead_of.keeper
        if keeper is not None and keeper.folder.path == folder.expanduser().absolute():
            raise RunError(f"the run in {str(folder)!r} is the one that goes on here already")
        run = resume(folder, corpus, self._budget, self._clock)
        self.set_aside(instead_of)
        return run

    def _close(self, run: LiveRun) -> None:
        """Let go of the folder of a run that rests; if it cannot be saved, it still is in memory."""
        run.stop_clock()
        if run.keeper is not None:
            try:
                run.keeper.close()
            except RunError as error:
                self._say(f"the run that was set aside could not be saved: {error}")

    # On the disk.

    def keep(self, run: LiveRun, folder: Path | None) -> None:
        """Keep the run from now on, or save it now; one whose folder failed lately goes into another.

        Raises:
            RunError: if it cannot be saved.
        """
        failed = run.keeper
        if failed is None or failed.trouble:
            keeper = keep(run, folder, self._clock)
            if failed is not None:
                failed.folder.close()
            self._say(f"kept in {str(keeper.folder.path)!r} from now on, saved every {INTERVAL:g} seconds")
        else:
            failed.save()
            self._say(f"saved at step {run.trainer.steps_made:,} in {str(failed.folder.path)!r}")

    def keep_all(self, run: LiveRun | None, *, new: bool) -> None:
        """Save every run that has made a step; what cannot be saved is told, and the others are.

        Arguments:
            run: the one that goes on, if there is one.
            new: whether those that are not kept yet begin to be.
        """
        for each in (*self._aside, *([] if run is None else [run])):
            try:
                if each.keeper is not None:
                    self._save(each.keeper, each is run)
                elif new and each.trainer.steps_made:
                    keep(each, None, self._clock)
            except RunError as error:
                self._say(f"step {each.trainer.steps_made:,} could not be saved: {error}")

    def look_after(self, run: LiveRun | None, busy: bool) -> bool:
        """Save a run that is kept when it is time; whether it still has to be, with nothing else to do.

        Arguments:
            run: the one that goes on, if there is one.
            busy: whether there is something else to do.
        """
        if run is None or run.keeper is None:
            return False
        told = run.keeper.trouble
        try:
            run.keeper.look()
            if busy or not run.keeper.rest():
                return False
        except RunError as error:
            if str(error) != told:
                self._say(f"the run could not be saved; it goes on, and that is tried again: {error}")
            return False
        time.sleep(LOOK_SECONDS)
        return True

    def _save(self, keeper: Keeper, goes_on: bool) -> None:
        """Save a kept run where it stands elsewhere than its file; one that rests claims its folder only then."""
        if not keeper.unsaved:
            return
        if goes_on:
            keeper.save()
        else:
            keeper.go_on()
            keeper.close()


def _is_kept(run: LiveRun) -> bool:
    """Whether a run that rests is in a folder as it stands: not if its last saving failed."""
    return run.keeper is not None and not run.keeper.trouble
