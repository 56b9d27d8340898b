"""What there is to choose from: texts, models and the runs that are kept."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from corpora.catalog import CATALOG
from engine.cli.columns import in_columns
from engine.cli.failures import CommandError
from engine.cli.progress import Progress
from engine.cli.results import MISSING, Plain, as_json, written
from engine.cli.terminal import print_out
from engine.models.catalog import MODELS
from engine.models.presets import PRESETS
from engine.training.rules import COUNTING, RULES
from engine.training.runs import RunSummary, default_folder, list_runs

RUN_COLUMNS = ("name", "text", "model", "steps", "train", "validation", "saved")


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


def print_runs(words: argparse.Namespace) -> int:
    """`charlm runs`."""
    try:
        folder = Path(words.folder).expanduser() if words.folder else default_folder()
    except RuntimeError as error:  # a home of nobody
        raise CommandError(f"{words.folder}: {error}") from error
    found = list_runs(folder)
    if words.json:
        print_out(as_json({"folder": str(folder), "runs": [_as_plain(run) for run in found]}) + "\n")
    elif found:
        heads: dict[str, Plain] = {name: name for name in RUN_COLUMNS}
        print_out(columns([heads, *map(_as_words, found)], RUN_COLUMNS) + "\n")
    else:
        Progress().say(f"charlm: no runs are kept in {folder}; `charlm train` keeps one")
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


def _as_plain(run: RunSummary) -> dict[str, Plain]:
    """All that a list knows of a run."""
    return {
        "name": run.name,
        "folder": str(run.path),
        "corpus": None if run.recipe is None else run.recipe.corpus,
        "model": None if run.recipe is None else run.recipe.model,
        "recipe": None if run.recipe is None else str(run.recipe),
        "steps": run.step,
        "seconds": run.seconds,
        "train_loss": run.train_loss,
        "validation_loss": run.validation_loss,
        "saved": datetime.fromtimestamp(run.saved, UTC).isoformat(timespec="seconds"),
        "trouble": run.trouble or None,
    }


def _as_words(run: RunSummary) -> dict[str, Plain]:
    """A run's line; one that cannot be gone on with says so in place of its numbers."""
    recipe = run.recipe
    moment = datetime.fromtimestamp(run.saved).astimezone()
    return {
        "name": run.name,
        "text": MISSING if recipe is None else Path(recipe.corpus).name,
        "model": MISSING if recipe is None else recipe.model,
        "steps": MISSING if run.trouble else f"{run.step:,}",
        "train": MISSING if run.train_loss is None else written(run.train_loss),
        "validation": MISSING if run.validation_loss is None else written(run.validation_loss),
        "saved": run.trouble or moment.strftime("%Y-%m-%d %H:%M"),
    }


def _may_mean(model: str, name: str) -> bool:
    """Whether an ingredient means something to a model, with the right choice of what it belongs to."""
    belongs = RULES[name].belongs
    if belongs is None:
        return True
    owner, choices = belongs
    return model in choices if owner == "model" else _may_mean(model, owner)


def columns(rows: list[dict[str, Plain]], names: tuple[str, ...]) -> str:
    """Some of the rows' values in columns."""
    return in_columns([[str(row[name]) for name in names] for row in rows])
