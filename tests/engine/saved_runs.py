"""What the tests of saved runs share: small runs, and a model that keeps something from step to step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from corpora.corpus import Corpus
from corpora.vocabulary import IdArray
from engine.autograd.tensor import FloatArray
from engine.models import catalog
from engine.models.language_model import Forward
from engine.models.mlp import MLP, Sizes
from engine.training.checkpoint import Checkpoint
from engine.training.course import Course
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=4, batch=4, seed=5, rate=0.05)
FULL = SMALL.with_values(dropout=0.3, momentum=0.9, schedule="cosine", warmup=3, steps=20)


def trained(recipe: Recipe, corpus: Corpus, steps: int) -> Trainer:
    trainer = Trainer(recipe, corpus)
    for _ in range(steps):
        trainer.step()
    return trainer


def picture(course: Course) -> bytes:
    """All that a run is, as bytes."""
    return Checkpoint.of(course, 0.0).to_bytes()


class Remembering(MLP):
    """A model that keeps something from step to step, as one with carried states does."""

    def __init__(self, sizes: Sizes, *, seed: int) -> None:
        super().__init__(sizes, seed=seed)
        self._kept: Mapping[str, FloatArray] = {}

    @property
    def memory(self) -> Mapping[str, FloatArray]:
        return self._kept

    def remember(self, memory: Mapping[str, FloatArray]) -> None:
        if not set(memory) <= {"seen", "state.0"}:
            raise ValueError(f"{sorted(memory)} is not what this model keeps")
        self._kept = memory

    def forward(self, contexts: IdArray) -> Forward:
        seen = np.asarray(self._kept.get("seen", 0), dtype=np.float32)
        self._kept = {
            "seen": np.asarray(seen + np.float32(len(contexts))),
            "state.0": np.full((2, 1, 3), seen, dtype=np.float64),
        }
        return super().forward(contexts)


def remember_in_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let "mlp" name this model."""

    def build(recipe: Recipe, vocabulary: int, _: int) -> Remembering:
        sizes = Sizes(
            vocabulary=vocabulary, context=recipe.context, embedding=recipe.embedding, hidden=recipe.hidden
        )
        return Remembering(sizes, seed=recipe.seed)

    monkeypatch.setitem(catalog.MODELS, "mlp", dataclasses.replace(catalog.MODELS["mlp"], build=build))
