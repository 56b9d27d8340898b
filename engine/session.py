"""Session: commands in, pictures out, all on one thread.

`handle` carries out a command, `work` does a few milliseconds of what there is to do and says whether there was
anything, `picture` draws a snapshot. It is plain and synchronous; `thread.py` gives it a thread of its own. No
exception leaves it: what goes wrong becomes a notice or a trouble, and the run stays as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from corpora.errors import CorpusError
from engine.commands import (
    Alter,
    Ask,
    BringBack,
    Command,
    Compare,
    Generate,
    Keep,
    KeepAll,
    NextPhase,
    Pause,
    Resume,
    ReturnTo,
    Rewind,
    Rival,
    Run,
    Start,
    Step,
    StopGenerating,
    TurnSampling,
)
from engine.live_run import LiveRun
from engine.rivals import Rivals
from engine.safe import Safe
from engine.samples import Samples
from engine.sampling import PromptError
from engine.snapshot import NextCharacter, Remedy, RivalView, SampleState, Snapshot, Status, Trouble
from engine.training.beginning import begin
from engine.training.course import Finished
from engine.training.divergence import Diverged
from engine.training.errors import RunError
from engine.training.rewind import BUDGET
from engine.training.rules import RecipeError
from engine.training.trace import example_of

SLICE_SECONDS = 0.004
"""How long work goes on before the next look at the commands."""


class Session:
    """Everything the engine thread owns.

    Arguments:
        rewind_budget: bytes for the memory of the past.
        clock: by which a run is saved now and then, in seconds; only differences count.
    """

    def __init__(self, rewind_budget: int = BUDGET, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = rewind_budget
        self.run: LiveRun | None = None
        self._status = Status.EMPTY
        self._last: int | None = None  # the step to stop after
        self._trouble: Trouble | None = None
        self._notice, self._notices = "", 0
        self._samples = Samples()
        self._safe = Safe(self._say, rewind_budget, clock)
        self._rivals: Rivals | None = None
        self._version = 0

    def handle(self, command: Command) -> None:
        """Carry out a command; what it cannot do becomes a notice."""
        try:
            with np.errstate(all="ignore"):  # the trainer itself looks for what is not finite
                self._carry_out(command)
        except Diverged as diverged:
            self._stop(diverged.trouble)
        except (
            RecipeError,
            PromptError,
            CorpusError,
            RunError,
            Finished,
        ) as refused:  # their messages are for people
            self._say(str(refused))
        except Exception as fault:  # noqa: BLE001  nothing may end the thread: it becomes a trouble on the screen
            self._recover(fault)

    def work(self) -> bool:
        """Do a few milliseconds of work: training, writing, validating; False if there is nothing to do."""
        try:
            with np.errstate(all="ignore"):  # as above
                return self._work()
        except Diverged as diverged:
            self._stop(diverged.trouble)
        except Exception as fault:  # noqa: BLE001  as above
            self._recover(fault)
        return True

    def picture(self) -> Snapshot:
        """The state of everything, as a snapshot with a number of its own."""
        try:
            with np.errstate(all="ignore"):  # weights that have blown up are looked at, too
                return self._picture()
        except Exception as fault:  # noqa: BLE001  as above
            self._recover(fault)
            return self._bare_picture()

    def _bare_picture(self) -> Snapshot:
        """What can be said where there is no run, or nothing of it can be read."""
        return Snapshot(
            version=self._version,
            status=self._status,
            samples=self._samples.all(),
            trouble=self._trouble,
            notice=self._notice,
            notice_number=self._notices,
        )

    def _picture(self) -> Snapshot:
        self._version += 1
        run = self.run
        expected = None if run is None else self._expected(run)
        if run is None:
            return self._bare_picture()
        trainer = run.trainer
        return Snapshot(
            version=self._version,
            status=self._status,
            corpus=trainer.corpus,
            recipe=trainer.recipe,
            current=trainer.current,
            borders=trainer.borders,
            step=trainer.steps_made,
            epoch=trainer.epochs,
            seconds=run.seconds,
            steps_per_second=run.steps_per_second,
            rewindable=trainer.rewindable,
            rewind_limit=trainer.rewind_limit,
            phases=trainer.phases,
            parameters=trainer.table,
            formulas=run.formulas,
            example=example_of(trainer.batch) if trainer.batch is not None else None,
            losses=run.losses(),
            next_character=expected,
            rivals=self._expectations_of_rivals(run, expected),
            trace=run.tracer.trace,
            samples=self._samples.all(),
            kept=None if run.keeper is None else run.keeper.picture(),
            set_aside=self._safe.set_aside_runs(),
            trouble=self._trouble,
            notice=self._notice,
            notice_number=self._notices,
        )

    def _expectations_of_rivals(self, run: LiveRun, expected: NextCharacter | None) -> tuple[RivalView, ...]:
        if self._rivals is None:
            return ()
        if expected is None:
            return self._rivals.views(None)
        return self._rivals.views(np.array(expected.context, dtype=run.trainer.corpus.ids.dtype))

    def _expected(self, run: LiveRun) -> NextCharacter | None:
        """The distribution to show; a model that fails here fails in training, too, and is reported once."""
        try:
            return run.next_character()
        except Exception as fault:  # noqa: BLE001  as above
            told = f"the next character cannot be shown: {type(fault).__name__}: {fault}"
            if self._notice != told:
                self._say(told)
            return None

    # Commands.

    def _carry_out(self, command: Command) -> None:
        match command:
            case Start(recipe=recipe, corpus=corpus):
                run = LiveRun(begin(recipe, corpus, self._budget))  # may refuse: then the old run stays
                self._safe.set_aside(self.run)
                self._take_up(run)
            case Resume(folder=folder, corpus=corpus):
                self._take_up(self._safe.resume(folder, corpus, instead_of=self.run))
            case KeepAll(new=new):
                self._safe.keep_all(self.run, new=new)
            case StopGenerating():
                self._samples.end(SampleState.STOPPED)
            case TurnSampling(sampling=sampling):
                self._samples.turn(sampling)
            case _ if self.run is None:
                self._say("no text is open yet: open one first")
            case Run(steps=steps):
                self._set_running(self.run, steps)
            case Pause():
                self._pause(self.run)
            case Step(count=count):
                self._pause(self.run)
                for _ in range(count):
                    self.run.finish_step()
                self._trouble = None
            case NextPhase():
                self._pause(self.run)
                self.run.tracer.advance()
                self._trouble = None
            case Rewind(steps=steps):
                self._rewind(self.run, steps)
            case ReturnTo(step=step):
                self._return_to(self.run, step)
            case Alter(name=name, value=value):
                self.run.trainer.alter(name, value)
            case Ask(context=context):
                self.run.question = context
            case Compare(rivals=rivals):
                self._compare(self.run, rivals)
            case Keep(folder=folder):
                self._safe.keep(self.run, folder)
            case BringBack():
                self._take_up(self._safe.bring_back(instead_of=self.run))
            case Generate():
                self._samples.begin(self.run, command)

    def _take_up(self, run: LiveRun) -> None:
        """Go on with this run instead of the one before, which was set aside."""
        self._samples.change_run()
        self.run = run
        self._status, self._trouble, self._last = Status.PAUSED, None, None
        if self._rivals is not None:
            self._compare(run, self._rivals.chosen)

    def _compare(self, run: LiveRun, rivals: Sequence[Rival]) -> None:
        """Compare with these, keeping what those of the same text and splits have read."""
        corpus, borders = run.trainer.corpus, run.trainer.borders
        if self._rivals is None or not self._rivals.fits(corpus, borders):
            if self._rivals is not None:
                self._rivals.close()
            self._rivals = Rivals(corpus, borders)
        self._rivals.choose(rivals)

    def _set_running(self, run: LiveRun, steps: int | None) -> None:
        self._last = None if steps is None else run.trainer.steps_made + steps
        self._status, self._trouble = Status.RUNNING, None
        run.start_clock()

    def _pause(self, run: LiveRun) -> None:
        if self._status is not Status.EMPTY:
            self._status = Status.PAUSED
        run.stop_clock()

    def _return_to(self, run: LiveRun, step: int) -> None:
        under_way = run.trainer.phase is not None  # and counts as one to be taken back
        steps = run.trainer.steps_made - step + under_way
        if steps > 0:
            self._rewind(run, steps)

    def _rewind(self, run: LiveRun, steps: int) -> None:
        self._pause(run)
        reached = run.rewind(steps)
        self._trouble = None
        if run.keeper is not None:
            run.keeper.went_back()
        if reached == 0 < steps and run.trainer.steps_made == 0:
            self._say("this is the beginning of the run")
        elif reached < steps:
            went = f"went back {reached:,} step{'s' * (reached != 1)}"
            begun = run.trainer.steps_made == 0
            self._say(
                f"{went}, to the beginning of the run" if begun else f"{went}: memory reaches no further"
            )

    def _stop(self, trouble: Trouble) -> None:
        """Stop the run, with the step under way abandoned and the reason kept."""
        if self.run is not None:
            self.run.trainer.abandon()
            self.run.stop_clock()
            self._status = Status.STOPPED
        self._trouble = trouble

    def _recover(self, fault: Exception) -> None:
        """Bring the run back to the end of its last whole step after an exception that nobody expected."""
        where = f"{type(fault).__name__}: {fault}"
        remedies = (Remedy("go on from the last whole step", ()), Remedy("go back 10 steps", (Rewind(10),)))
        step = 0
        self._samples.end(SampleState.STOPPED)
        if self.run is not None:
            step = self.run.trainer.steps_made
            self.run.tracer.forget()
            try:
                self.run.trainer.recover()
            except Exception as again:  # noqa: BLE001  told below; the run is at an earlier whole step
                where = f"{where}; and on the way back: {type(again).__name__}: {again}"
            self.run.validator.stop(failed=True)
        self._stop(Trouble("The engine met an error", f"after step {step}: {where}", remedies, step))

    # Work.

    def _work(self) -> bool:
        run, running = self.run, self._status is Status.RUNNING
        busy = False
        if run is not None and running:
            busy = True
            if not run.validator.owed and (why := run.why_stop()):
                self._pause(run)
                self._say(f"stopped: {why}")
            else:
                run.train(time.perf_counter() + SLICE_SECONDS, self._last)
                if self._last is not None and run.trainer.steps_made >= self._last:
                    self._pause(run)
        if self._samples.writing:
            busy = True
            self._samples.write(time.perf_counter() + SLICE_SECONDS)
        elif run is not None and run.validator.due(run.seconds if running else None):
            busy = True
            run.validate()
        busy = self._watch_rivals(busy) or busy
        return self._safe.look_after(run, busy) or busy

    def _watch_rivals(self, busy: bool) -> bool:
        """Tell what went wrong with them; whether one still reads, which is waited for if nothing else is to do."""
        if self._rivals is None:
            return False
        reading = self._rivals.wait(0 if busy else SLICE_SECONDS)
        for failure in self._rivals.failures():
            self._say(failure)
        return reading

    def _say(self, notice: str) -> None:
        self._notice = notice
        self._notices += 1
