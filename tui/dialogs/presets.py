"""Presets: choices that go well together, each with a name and a key of its own.

What it promises: a preset sets what it names and leaves the rest of a recipe, text and seed above all, alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.training.rules import Scalar


@dataclass(frozen=True)
class Preset:
    """Some ingredients at once.

    Attributes:
        name: what it is called.
        key: that chooses it.
        purpose: what it is good for, a sentence.
        values: what it sets.
    """

    name: str
    key: str
    purpose: str
    values: Mapping[str, Scalar]


_PLAIN: Mapping[str, Scalar] = {
    "activation": "relu",
    "initialiser": "xavier",
    "dropout": 0.0,
    "optimizer": "sgd",
    "rate": 0.1,
    "momentum": 0.0,
    "clip_norm": 0.0,
    "clip_value": 0.0,
    "schedule": "constant",
}

PRESETS = (
    Preset(
        "section 3.5",
        "f2",
        "the model of the course: 8 characters, two layers of 128",
        {
            **_PLAIN,
            "model": "mlp",
            "context": 8,
            "embedding": 32,
            "hidden": 128,
            "layers": 2,
            "precision": "float32",
            "batch": 32,
        },
    ),
    Preset(
        "tiny",
        "f3",
        "small enough to follow every number",
        {**_PLAIN, "model": "mlp", "context": 3, "embedding": 4, "hidden": 16, "layers": 1, "batch": 32},
    ),
    Preset(
        "scalar",
        "f4",
        "every weight a single Value, one example a step",
        {**_PLAIN, "model": "scalar-mlp", "context": 3, "embedding": 2, "hidden": 8, "layers": 1, "batch": 1},
    ),
    Preset(
        "adam",
        "f5",
        "steps that fit themselves to each parameter; the model stays",
        {"optimizer": "adam", "rate": 0.001, "momentum": 0.0},
    ),
    Preset(
        "cosine",
        "f6",
        "a rate that climbs for 100 steps and falls until step 10,000; the model stays",
        {"schedule": "cosine", "warmup": 100, "steps": 10_000},
    ),
)
