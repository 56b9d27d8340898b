"""`charlm sample`: a model that stands still writes, and what it writes is seen as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from corpora.vocabulary import SHOWN, character_name
from engine.cli.failures import FAILED, CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.results import Plain
from engine.commands import Generate
from engine.models.catalog import build
from engine.sampling import NothingToDraw, PromptError
from engine.training.course import Course
from engine.writing import Writer

SLICE_SECONDS = 0.05
"""How long it writes before it shows what is new and looks for signals."""

KEYS: Mapping[str, str] = {
    "prompt": "what it went on from",
    "text": "what it wrote, exactly",
    "length": "characters written",
    "step": "at which the model stood",
    "seed": "of the random numbers",
    "temperature": "0 is greedy",
    "top_k": "0: all characters",
    "top_p": "1: all characters",
    "bits_per_character": "what the text costs the model; null if it is empty",
    "note": "what was done to the prompt",
}
"""The keys of a result, and what they mean."""


def write(
    course: Course, request: Generate, interrupts: Interrupts, wrote: Callable[[str], None]
) -> dict[str, Plain]:
    """Write what is asked for, or as much as there is time for.

    Arguments:
        course: the run whose model writes.
        request: what to write.
        interrupts: ends it early.
        wrote: called with the prompt, then with what is new.
    Raises:
        CommandError: if the prompt has characters that the model does not know, or its scores are no numbers.
    """
    characters = course.corpus.vocabulary.characters
    try:
        writer = Writer(
            build(course.recipe, characters),
            course.model,
            characters,
            request,
            number=1,
            step=course.steps_made,
            dtype=course.corpus.ids.dtype,
        )
    except PromptError as error:
        raise CommandError(f"--prompt {request.prompt}: {_strangers(request.prompt, characters)}") from error
    wrote(request.prompt)
    shown = 0
    while not writer.done and interrupts.received is None:
        try:
            pause = time.perf_counter() + SLICE_SECONDS
            while not writer.done and time.perf_counter() < pause:
                writer.advance()
        except NothingToDraw as error:
            raise CommandError(f"the model cannot write: {error}", FAILED) from error
        text = writer.sample().text
        wrote(text[shown:])
        shown = len(text)
    sample = writer.sample()
    return {
        "prompt": request.prompt,
        "text": sample.text,
        "length": len(sample.text),
        "step": sample.step,
        "seed": request.seed,
        "temperature": request.sampling.temperature,
        "top_k": request.sampling.top_k,
        "top_p": request.sampling.top_p,
        "bits_per_character": sum(sample.surprises) / len(sample.surprises) if sample.surprises else None,
        "note": sample.note,
    }


def _strangers(prompt: str, characters: Sequence[str]) -> str:
    """Which characters of a prompt the model has never seen, in words."""
    new = sorted(set(prompt) - set(characters))
    names = ", ".join(map(character_name, new[:SHOWN]))
    more = f" and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    return f"the model's text has no {names}{more}; leave that out"
