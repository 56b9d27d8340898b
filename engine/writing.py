"""Writing a text character by character with a model that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from corpora.vocabulary import IdArray
from engine.commands import Generate
from engine.information import log_softmax, nats_to_bits
from engine.models.language_model import LanguageModel
from engine.sampling import Sampling, prepare_prompt
from engine.snapshot import Sample, SampleState

M = TypeVar("M", bound=LanguageModel)


class Writer:
    """One text under way.

    The model is copied when it begins: a text belongs to one step, however the run goes on meanwhile. The same
    model, prompt, sampling and seed write the same text.

    Arguments:
        model: a model of the run's shape that nobody else uses meanwhile.
        source: the model to write with; copied.
        characters: the vocabulary.
        request: what to write.
        number, step, author: as in `Sample`.
    Raises:
        PromptError: if the prompt has characters the vocabulary does not have, and they are not to be replaced.
    """

    def __init__(
        self,
        model: M,
        source: M,
        characters: Sequence[str],
        request: Generate,
        *,
        number: int,
        step: int,
        dtype: np.dtype[np.unsignedinteger],
        author: str = "",
    ) -> None:
        prompt = prepare_prompt(request.prompt, characters, model.context_needed, request.unknown)
        model.adopt(source)
        self._characters = characters
        self._request = request
        self._sampling = request.sampling
        self._rng = np.random.default_rng(request.seed)
        ids: IdArray = np.array(prompt.ids, dtype=dtype)
        self._continuation = model.start(ids)
        self._text: list[str] = []
        self._surprises: list[float] = []
        self._prepared = prompt.note
        self._sample = Sample(number, step, request, SampleState.WRITING, note=prompt.note, author=author)

    @property
    def done(self) -> bool:
        """Whether the asked-for length is reached."""
        return len(self._text) >= self._request.length

    def turn(self, sampling: Sampling) -> None:
        """Go on with another sampling, and say so in the note: the seed alone no longer tells the text."""
        if sampling != self._sampling:
            self._sampling = sampling
            turned = f"sampling turned while it was written, last at character {len(self._text) + 1}"
            before = self._prepared
            self._sample = replace(self._sample, note=f"{before}; {turned}" if before else turned)

    def advance(self) -> None:
        """Write one character."""
        logits = self._continuation.logits
        character = self._sampling.draw(logits, self._rng)
        nats = -log_softmax(logits.astype(np.float64))[character]
        self._text.append(self._characters[character])
        self._surprises.append(float(nats_to_bits(nats)))
        self._continuation.advance(character)

    def sample(self, state: SampleState | None = None) -> Sample:
        """What stands so far."""
        if state is None:
            state = SampleState.DONE if self.done else SampleState.WRITING
        return replace(self._sample, state=state, text="".join(self._text), surprises=tuple(self._surprises))
