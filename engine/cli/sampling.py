"""`charlm sample`: a model that stands still writes, and what it writes is seen as it comes."""

from __future__ import annotations

import sys
from collections.abc import Callable

from engine.cli.failures import CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.results import Plain
from engine.commands import Generate
from engine.models.catalog import build
from engine.sampling import Sampling
from engine.training.course import Course
from engine.writing import Writer


def write(
    course: Course, request: Generate, interrupts: Interrupts, wrote: Callable[[str], None]
) -> dict[str, Plain]:
    """Write what is asked for, or as much as there is time for.

    Arguments:
        course: the run whose model writes.
        request: what to write.
        interrupts: ends it early.
        wrote: called with each character.
    Raises:
        CommandError: if the prompt has characters that the model does not know.
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
    except ValueError as error:
        raise CommandError(f"--prompt: {error}") from error
    shown = 0
    while not writer.done and interrupts.received is None:
        writer.advance()
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


def sampling_of(temperature: float, top_k: int, top_p: float, *, greedy: bool) -> Sampling:
    """The sampling that the options ask for.

    Raises:
        CommandError: if one of them is out of its range.
    """
    try:
        return Sampling(temperature=0.0 if greedy else temperature, top_k=top_k, top_p=top_p)
    except ValueError as error:
        raise CommandError(str(error)) from error


def to_standard_output(text: str) -> None:
    """Show what was written so far."""
    sys.stdout.write(text)
    sys.stdout.flush()
