"""What there is to choose from: texts and models."""

from __future__ import annotations

import argparse

from corpora.catalog import CATALOG
from engine.cli.results import Plain, as_json
from engine.cli.terminal import print_out
from engine.models.catalog import MODELS
from engine.models.presets import PRESETS
from engine.training.rules import COUNTING, RULES


def print_corpora(words: argparse.Namespace) -> int:
    """`charlm corpora`."""
    rows = corpora()
    print_out(
        (as_json({"corpora": rows}) if words.json else columns(rows, ("name", "origin", "description")))
        + "\n"
    )
    return 0


def print_models(words: argparse.Namespace) -> int:
    """`charlm models`."""
    rows = models()
    print_out(
        (as_json({"models": rows}) if words.json else columns(rows, ("name", "description", "source"))) + "\n"
    )
    return 0


def corpora() -> list[dict[str, Plain]]:
    """Every text with a name."""
    return [
        {
            "name": entry.name,
            "origin": entry.origin.value,
            "description": entry.description,
            "bytes": entry.size,
            "here": entry.here,
        }
        for entry in CATALOG.values()
    ]


def models() -> list[dict[str, Plain]]:
    """Every model, with its presets and the ingredients that mean something to it."""
    return [
        {
            "name": entry.name,
            "description": entry.description,
            "source": entry.source,
            "learns": "by counting" if entry.name in COUNTING else "by gradients",
            "presets": {name: dict(values) for name, values in PRESETS[entry.name].items()},
            "ingredients": [
                name for name, rule in RULES.items() if rule.group != "text" and _may_mean(entry.name, name)
            ],
        }
        for entry in MODELS.values()
    ]


def _may_mean(model: str, name: str) -> bool:
    """Whether an ingredient means something to a model, with the right choice of what it belongs to."""
    belongs = RULES[name].belongs
    if belongs is None:
        return True
    owner, choices = belongs
    return model in choices if owner == "model" else _may_mean(model, owner)


def columns(rows: list[dict[str, Plain]], names: tuple[str, ...]) -> str:
    """Some of the rows' values in columns, the last as long as it is."""
    texts = [[str(row[name]) for name in names] for row in rows]
    widths = [max(len(text[i]) for text in texts) for i in range(len(names))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(text, widths, strict=True)).rstrip()
        for text in texts
    )
