"""How the numbers of a scoreboard come about, in words: a part of every result, which says little without them."""

from __future__ import annotations

from corpora.corpus import Corpus
from engine.scoreboard.terms import Terms

TRAIN_SCORED = 100_000
"""Characters at the end of the training part that a neural model's training loss is the mean of, at most."""
SAMPLE_LENGTH = 200
"""Characters of a sample."""
PROMPT_LENGTH = 24
"""Characters from the end of the training part that a sample goes on from."""


def protocol(corpus: Corpus, borders: tuple[int, int, int, int], terms: Terms) -> tuple[str, ...]:
    """The sentences for one comparison."""
    _, train, validation, end = borders
    parts = [f"the first {train:,} characters train"]
    parts += [f"the next {validation - train:,} validate" if validation > train else "none validate"]
    parts += [f"the last {end - validation:,} test" if end > validation else "none test"]
    judged = "test" if end > validation else "validation"
    if not terms.steps:
        schedule = "the schedule of a preset's rate ends after the steps that a short rehearsal promises"
    else:
        schedule = "the schedule of a preset's rate ends with it"
    scored = (
        "all of it"
        if train <= TRAIN_SCORED
        else f"all of it for models that count, its last {TRAIN_SCORED:,} characters for the others"
    )
    seen = "as much as the model can use" if terms.thorough else "the characters before it"
    return (
        f"Text: {end:,} characters, {len(corpus.vocabulary)} distinct; {', '.join(parts)}, nothing is shuffled.",
        f"Budget: {terms.budget} of training for each neural model, one after another, seed {terms.seed}; "
        f"validation and scoring are not counted; {schedule}. Models that count read the training part once.",
        "Losses: the mean over every character of a part, in order, without dropout, each given "
        f"{seen}, also where those lie before the part; by the weights as they stand when training ends.",
        f"Training loss: {scored}, by the same function. Gap: validation - training loss.",
        f"Bits per character and perplexity are of the {judged} loss, which the rows are sorted by.",
        "To beat Kneser-Ney: seconds of training until a validation along the way first came below the validation "
        "loss of the strongest Kneser-Ney here.",
        f"Samples: {SAMPLE_LENGTH} characters after the last {min(PROMPT_LENGTH, train)} of the training part, "
        f"temperature 1, seed {terms.seed}.",
    )
