"""Samples: the texts that a sitting's models have written, and the one under way."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from engine.commands import Generate
from engine.live_run import LiveRun
from engine.models.language_model import LanguageModel
from engine.sampling import NothingToDraw, Sampling
from engine.snapshot import Sample, SampleState
from engine.writing import Writer

SAMPLES_KEPT = 200


class Samples:
    """At most one text is under way; the last of those that ended are kept."""

    def __init__(self) -> None:
        self._ended: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self._begun = 0
        self._writer: Writer | None = None
        self._scribe: LanguageModel | None = None  # of the run's shape, for the writer alone

    @property
    def writing(self) -> bool:
        """Whether a text is under way."""
        return self._writer is not None

    def all(self) -> tuple[Sample, ...]:
        """Every text, newest last."""
        return tuple(self._ended) if self._writer is None else (*self._ended, self._writer.sample())

    def begin(self, run: LiveRun, request: Generate) -> None:
        """Write a text with the model as it stands; the one under way ends. A prompt may be refused."""
        self.end(SampleState.STOPPED)
        self._begun += 1
        trainer, author = run.trainer, run.trainer.recipe.model
        if self._scribe is None:
            self._scribe = run.replica()
        try:
            self._writer = Writer(
                self._scribe,
                trainer.model,
                trainer.corpus.vocabulary.characters,
                request,
                number=self._begun,
                step=trainer.steps_made,
                dtype=trainer.corpus.ids.dtype,
                author=author,
            )
        except ValueError as refused:  # the prompt, or a seed below 0
            state, step = SampleState.REFUSED, trainer.steps_made
            refusal = Sample(self._begun, step, request, state, note=str(refused), author=author)
            self._ended.append(refusal)

    def turn(self, sampling: Sampling) -> None:
        """Write the rest of the text under way with another temperature, top-k or top-p."""
        if self._writer is not None:
            self._writer.turn(sampling)

    def write(self, deadline: float) -> None:
        """Write on until the clock (`time.perf_counter`) passes `deadline` or the text is done."""
        writer = self._writer
        if writer is None:
            return
        try:
            while not writer.done and time.perf_counter() < deadline:
                writer.advance()
        except NothingToDraw as refused:  # the weights have blown up
            self._ended.append(replace(writer.sample(SampleState.STOPPED), note=str(refused)))
            self._writer = None
            return
        if writer.done:
            self.end(SampleState.DONE)

    def end(self, state: SampleState) -> None:
        """End the text under way, if there is one; what stands is kept."""
        if self._writer is not None:
            self._ended.append(self._writer.sample(state))
            self._writer = None

    def change_run(self) -> None:
        """Another run begins: its model may have another shape."""
        self.end(SampleState.STOPPED)
        self._scribe = None
