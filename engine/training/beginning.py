"""The beginning of a run: the way of learning that a recipe's model needs, and what watches its steps."""

from __future__ import annotations

from corpora.corpus import Corpus
from engine.training.counting_trace import CountingTracer
from engine.training.counting_trainer import CountingTrainer
from engine.training.course import Course
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET
from engine.training.rules import COUNTING
from engine.training.trace import GradientTracer, Tracer
from engine.training.trainer import Trainer


def begin(recipe: Recipe, corpus: Corpus, rewind_budget: int = BUDGET) -> Course:
    """A fresh run.

    Arguments:
        recipe, corpus: as for every `Course`, whose errors it passes on.
        rewind_budget: bytes for the memory of the past, where going back takes memory.
    """
    if recipe.model in COUNTING:
        return CountingTrainer(recipe, corpus)
    return Trainer(recipe, corpus, rewind_budget=rewind_budget)


def watch(course: Course) -> Tracer:
    """A tracer for the steps of a run.

    Raises:
        TypeError: if it is none that `begin` gives.
    """
    match course:
        case Trainer():
            return GradientTracer(course)
        case CountingTrainer():
            return CountingTracer(course)
    raise TypeError(f"no tracer is known for a {type(course).__name__}")
