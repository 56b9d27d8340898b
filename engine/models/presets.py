"""Presets: for each model two sets of choices that go well together, `tiny` and `standard`, and the course's own.

`tiny` makes a model in which a step is instant and everything can be looked at; `standard` one that learns a text
of a megabyte well within minutes; `course` is the model of section 3.5 that the project grew from. A preset decides
everything but text, seed and stop conditions.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.training.recipe import DEFAULTS, Recipe
from engine.training.rules import COUNTING, NGRAMS, RULES, RecipeError, Scalar

Values = Mapping[str, Scalar]

TINY, STANDARD, COURSE = "tiny", "standard", "course"

_SMALL_ADAM: Values = {"optimizer": "adam", "rate": 0.01}
_SMALL_RECURRENT: Values = {
    **_SMALL_ADAM,
    "context": 16,
    "embedding": 8,
    "hidden": 16,
    "layers": 1,
    "initialiser": "uniform",
    "batching": "streams",
    "batch": 4,
    "clip_norm": 1.0,
}
_RECURRENT: Values = {
    "context": 64,
    "embedding": 64,
    "hidden": 256,
    "layers": 1,
    "initialiser": "uniform",
    "dropout": 0.25,
    "optimizer": "adam",
    "rate": 0.003,
    "batching": "streams",
    "batch": 64,
    "clip_norm": 1.0,
    "schedule": "cosine",
    "warmup": 100,
    "steps": 3_000,
}

PRESETS: Mapping[str, Mapping[str, Values]] = {
    "mlp": {
        TINY: {"context": 3, "embedding": 4, "hidden": 16, "layers": 1},
        STANDARD: {
            "context": 16,
            "embedding": 32,
            "hidden": 256,
            "layers": 2,
            "optimizer": "adam",
            "rate": 0.002,
            "batch": 256,
            "schedule": "cosine",
            "warmup": 100,
            "steps": 20_000,
        },
        COURSE: {},
    },
    "scalar-mlp": {
        TINY: {"context": 3, "embedding": 2, "hidden": 8, "layers": 1, "batch": 1},
        STANDARD: {"context": 3, "embedding": 4, "hidden": 16, "layers": 1, "batch": 4},
    },
    "rnn": {TINY: _SMALL_RECURRENT, STANDARD: {**_RECURRENT, "rate": 0.002}},
    "lstm": {TINY: _SMALL_RECURRENT, STANDARD: _RECURRENT},
    "gru": {
        TINY: _SMALL_RECURRENT,
        # 1.470 nats on the last tenth of tinyshakespeare, where the 7-gram Kneser-Ney reaches 1.516
        STANDARD: {**_RECURRENT, "hidden": 384, "dropout": 0.4, "rate": 0.005},
    },
    "transformer": {
        TINY: {
            **_SMALL_ADAM,
            "context": 16,
            "embedding": 16,
            "layers": 1,
            "heads": 2,
            "activation": "gelu",
            "initialiser": "normal",
            "tied": "yes",
            "batching": "blocks",
            "batch": 4,
        },
        STANDARD: {
            "context": 64,
            "embedding": 128,
            "layers": 4,
            "heads": 4,
            "activation": "gelu",
            "initialiser": "normal",
            "tied": "yes",
            "optimizer": "adamw",
            "rate": 0.001,
            "beta2": 0.99,
            "weight_decay": 0.1,
            "batching": "blocks",
            "batch": 12,
            "clip_norm": 1.0,
            "schedule": "cosine",
            "warmup": 100,
            "steps": 2_000,
        },
    },
    **{name: {TINY: {"order": 3}, STANDARD: {"order": 5}} for name in NGRAMS},
    "kneser-ney": {TINY: {"order": 3}, STANDARD: {"order": 7}},
    **{name: {TINY: {}, STANDARD: {}} for name in COUNTING if name not in NGRAMS},
}
"""By model, then by name: what differs from the defaults."""

_LEFT_ALONE = ("text", "stopping")


def preset(model: str, name: str) -> dict[str, Scalar]:
    """Every ingredient that a preset decides, `model` among them.

    Raises:
        RecipeError: if there is no such model or preset.
    """
    if model not in PRESETS:
        raise RecipeError(f"model = {model}: {RULES['model'].meaning} must be {RULES['model'].allowed}")
    if name not in PRESETS[model]:
        raise RecipeError(f"preset = {name}: choose one of {', '.join(PRESETS[model])} for {model}")
    decided = {
        ingredient: DEFAULTS[ingredient]
        for ingredient, rule in RULES.items()
        if rule.group not in _LEFT_ALONE and ingredient != "seed"
    }
    return {**decided, **PRESETS[model][name], "model": model}


def preset_recipe(model: str, name: str, base: Recipe | None = None) -> Recipe:
    """`base` with a preset's choices, its text, seed and stop conditions kept and planned changes dropped.

    Raises:
        RecipeError: if there is no such model or preset.
    """
    return (base or Recipe()).with_values(**preset(model, name), changes=())
