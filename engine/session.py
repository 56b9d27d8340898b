"""Session: commands in, pictures out, all on one thread.

`handle` carries out a command, `work` does a few milliseconds of what there is to do and says whether there was
anything, `picture` draws a snapshot. It is plain and synchronous; `thread.py` gives it a thread of its own. No
exception leaves it: what goes wrong becomes a notice or a trouble, and the run stays as it was.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from corpora.errors import CorpusError
from engine.commands import (
    Alter,
    Ask,
    Command,
    Compare,
    Generate,
    NextPhase,
    Pause,
    Rewind,
    Rival,
    Run,
    Start,
    Step,
    StopGenerating,
    TurnSampling,
)
from engine.live_run import LiveRun
from engine.models.language_model import LanguageModel
from engine.rivals import Rivals
from engine.sampling import PromptError
from engine.snapshot import NextCharacter, Remedy, RivalView, Sample, SampleState, Snapshot, Status, Trouble
from engine.training.beginning import begin
from engine.training.course import Finished
from engine.training.divergence import Diverged
from engine.training.rewind import BUDGET
from engine.training.rules import RecipeError
from engine.training.trace import example_of
from engine.writing import Writer

SLICE_SECONDS = 0.004
"""How long work goes on before the next look at the commands."""
SAMPLES_KEPT = 200


class Session:
    """Everything the engine thread owns.

    Arguments:
        rewind_budget: bytes for the memory of the past.
    """

    def __init__(self, rewind_budget: int = BUDGET) -> None:
        self._budget = rewind_budget
        self.run: LiveRun | None = None
        self._status = Status.EMPTY
        self._last: int | None = None  # the step to stop after
        self._trouble: Trouble | None = None
        self._notice, self._notices = "", 0
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self._written = 0
        self._writer: Writer | None = None
        self._scribe: LanguageModel | None = None
        self._rivals: Rivals | None = None
        self._version = 0

    def handle(self, command: Command) -> None:
        """Carry out a command; what it cannot do becomes a notice."""
        try:
            with np.errstate(all="ignore"):  # the trainer itself looks for what is not finite
                self._carry_out(command)
        except Diverged as diverged:
            self._stop(diverged.trouble)
        except (RecipeError, PromptError, CorpusError, Finished) as refused:  # their messages are for people
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
            samples=tuple(self._samples),
            trouble=self._trouble,
            notice=self._notice,
            notice_number=self._notices,
        )

    def _picture(self) -> Snapshot:
        self._version += 1
        run = self.run
        expected = None if run is None else self._expected(run)
        samples = tuple(self._samples)
        if self._writer is not None:
            samples = (*samples, self._writer.sample())
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
            samples=samples,
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
            case Start():
                self._start(command)
            case StopGenerating():
                self._end_text(SampleState.STOPPED)
            case TurnSampling(sampling=sampling):
                if self._writer is not None:
                    self._writer.turn(sampling)
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
            case Alter(name=name, value=value):
                self.run.trainer.alter(name, value)
            case Ask(context=context):
                self.run.question = context
            case Compare(rivals=rivals):
                self._compare(self.run, rivals)
            case Generate():
                self._begin_text(self.run, command)

    def _start(self, command: Start) -> None:
        run = LiveRun(
            begin(command.recipe, command.corpus, self._budget)
        )  # may refuse: then the old run stays
        self._end_text(SampleState.STOPPED)
        self.run, self._scribe = run, None
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

    def _rewind(self, run: LiveRun, steps: int) -> None:
        self._pause(run)
        reached = run.rewind(steps)
        self._trouble = None
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
        self._end_text(SampleState.STOPPED)
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
        if self._writer is not None:
            busy = True
            self._write(self._writer)
        elif run is not None and run.validator.due(run.seconds if running else None):
            busy = True
            run.validate()
        return self._watch_rivals(busy) or busy

    def _watch_rivals(self, busy: bool) -> bool:
        """Tell what went wrong with them; whether one still reads, which is waited for if nothing else is to do."""
        if self._rivals is None:
            return False
        reading = self._rivals.wait(0 if busy else SLICE_SECONDS)
        for failure in self._rivals.failures():
            self._say(failure)
        return reading

    def _begin_text(self, run: LiveRun, request: Generate) -> None:
        self._end_text(SampleState.STOPPED)
        self._written += 1
        trainer = run.trainer
        if self._scribe is None:
            self._scribe = run.replica()
        try:
            self._writer = Writer(
                self._scribe,
                trainer.model,
                trainer.corpus.vocabulary.characters,
                request,
                number=self._written,
                step=trainer.steps_made,
                dtype=trainer.corpus.ids.dtype,
            )
        except ValueError as refused:  # the prompt, or a seed below 0
            refusal = Sample(
                self._written, trainer.steps_made, request, SampleState.REFUSED, note=str(refused)
            )
            self._samples.append(refusal)

    def _write(self, writer: Writer) -> None:
        deadline = time.perf_counter() + SLICE_SECONDS
        try:
            while not writer.done and time.perf_counter() < deadline:
                writer.advance()
        except ValueError as refused:  # weights that have blown up leave nothing to draw from
            self._samples.append(replace(writer.sample(SampleState.STOPPED), note=str(refused)))
            self._writer = None
            return
        if writer.done:
            self._end_text(SampleState.DONE)

    def _end_text(self, state: SampleState) -> None:
        if self._writer is not None:
            self._samples.append(self._writer.sample(state))
            self._writer = None

    def _say(self, notice: str) -> None:
        self._notice = notice
        self._notices += 1
