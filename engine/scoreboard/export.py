"""A scoreboard as CSV, as Markdown and as plain values for JSON: pure functions of its view.

The keys of a row are the columns of the CSV and the keys of the JSON; their meanings stand in `COLUMNS`. What
is not known is an empty cell, "–" or null; what is infinite is "inf", which no number in JSON can be.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.scoreboard.view import Curve, Row, ScoreboardView, bits, perplexity
from engine.training.atomic import write_atomically

Cell = str | int | float | None
NOT_YET = "not yet"
MISSING = "–"
INFINITE = "inf"


def beaten(row: Row) -> Cell:
    """Seconds to beat Kneser-Ney, "not yet", or None where there is nothing to compare."""
    if row.seconds_to_beat is None:
        return NOT_YET if row.beating else None
    return row.seconds_to_beat


COLUMNS: Mapping[str, tuple[str, Callable[[Row], Cell]]] = {
    "model": ("its name in recipes", lambda row: row.model),
    "name": ("with what tells it from others", lambda row: row.name),
    "state": ("waiting, training, scoring, paused, skipped, done or failed", lambda row: row.state.value),
    "why": ("why it ended, failed or was skipped", lambda row: row.why),
    "parameters": ("weights; for a counting model the counts it keeps", lambda row: row.size),
    "steps": ("of training; none for a counting model", lambda row: row.steps),
    "seconds": ("spent on training, or on counting", lambda row: row.seconds),
    "steps_per_second": ("over all of the training", lambda row: row.steps_per_second),
    "train_loss": ("nats per character", lambda row: row.train),
    "validation_loss": ("nats per character", lambda row: row.validation),
    "test_loss": ("nats per character", lambda row: row.test),
    "train_bits": ("bits per character", lambda row: bits(row.train)),
    "validation_bits": ("bits per character", lambda row: bits(row.validation)),
    "test_bits": ("bits per character", lambda row: bits(row.test)),
    "train_perplexity": ("exp of the loss", lambda row: perplexity(row.train)),
    "validation_perplexity": ("exp of the loss", lambda row: perplexity(row.validation)),
    "test_perplexity": ("exp of the loss", lambda row: perplexity(row.test)),
    "bits_per_character": ("of the test loss, else of validation", lambda row: bits(row.headline)),
    "perplexity": ("of the test loss, else of validation", lambda row: perplexity(row.headline)),
    "generalisation_gap": ("validation - train, nats per character", lambda row: row.gap),
    "seconds_to_beat_kneser_ney": ('of training, or "not yet"', beaten),
    "train_characters_scored": ("how many the training loss is the mean of", lambda row: row.train_scored),
    "recipe": ("all choices, as one line", lambda row: row.recipe),
    "prompt": ("what the sample goes on from", lambda row: row.prompt),
    "sample": ("what the model wrote", lambda row: row.sample),
}
"""The keys of a row, what they mean, and where they come from."""


def as_rows(view: ScoreboardView) -> list[dict[str, Cell]]:
    """A dictionary for each entrant, the best first, with the keys of `COLUMNS`; fit for JSON."""
    return [{key: _plain(value(row)) for key, (_, value) in COLUMNS.items()} for row in view.rows]


def as_json(view: ScoreboardView) -> dict[str, object]:
    """All of a scoreboard: its terms and protocol, the rows with their curves, and the unseen shares."""
    _, train, validation, end = view.borders
    rows = [
        {
            **values,
            "validation_curve": _curve(row.validation_curve),
            "training_curve": _curve(row.training_curve),
        }
        for values, row in zip(as_rows(view), view.rows, strict=True)
    ]
    return {
        "corpus": view.corpus,
        "characters": view.characters,
        "vocabulary": view.vocabulary,
        "split": {"train": train, "validation": validation - train, "test": end - validation},
        "budget": {"steps": view.terms.steps or None, "seconds": view.terms.seconds or None},
        "seed": view.terms.seed,
        "protocol": list(view.protocol),
        "rows": rows,
        "kneser_ney": {"name": view.bar_name or None, "validation_loss": _plain(view.bar)},
        "unseen_in": view.unseen_in or None,
        "unseen": [
            {"order": one.order, "contexts": _plain(one.contexts), "ngrams": _plain(one.ngrams)}
            for one in view.unseen
        ],
        "finished": view.finished,
        "note": view.note,
    }


def to_csv(view: ScoreboardView) -> str:
    """A line of heads and a line an entrant; an empty cell is a number that is not known."""
    out = io.StringIO()
    writer = csv.DictWriter(
        out, list(COLUMNS), lineterminator="\r\n"
    )  # RFC 4180; then both are quoted in a sample
    writer.writeheader()
    writer.writerows(as_rows(view))
    return out.getvalue()


def to_markdown(view: ScoreboardView) -> str:
    """The table, the unseen shares, the samples and the protocol, as a page."""
    parts = [f"# {_cell(view.corpus)}: {len(view.rows)} models, {view.terms.budget} each"]
    if not view.finished:
        parts.append("Not finished: some rows are still to come.")
    parts.append(_table(_HEADS, [_markdown_row(place, row) for place, row in enumerate(view.rows, 1)]))
    parts.append(
        "Losses and gap in nats per character; models that count have as parameters the counts they keep."
    )
    if view.unseen:
        shares = [(str(one.order), _percent(one.contexts), _percent(one.ngrams)) for one in view.unseen]
        parts.append(f"## Unseen in the {view.unseen_in} part")
        parts.append(_table(("n", "contexts of n-1 characters", "n-grams"), shares))
    samples = [(row.name, row.prompt, row.sample) for row in view.rows if row.sample is not None]
    if samples:
        parts.append("## Samples")
        parts.append(_table(("model", "goes on from", "sample"), samples))
    parts.append("## Protocol")
    parts.append("\n".join(f"* {_text(sentence)}" for sentence in view.protocol))
    parts.append("## Recipes")
    parts.append(_table(("model", "recipe"), [(row.name, row.recipe) for row in view.rows]))
    return "\n\n".join(parts) + "\n"


def export(view: ScoreboardView, path: Path) -> None:
    """Write a scoreboard to `path`, whole or not at all: as CSV if it ends in .csv, else as Markdown.

    Raises:
        SaveError: if it cannot be written.
    """
    text = to_csv(view) if path.suffix.lower() == ".csv" else to_markdown(view)
    write_atomically(path, text.encode("utf-8", "replace"))


_HEADS = (
    "",
    "model",
    "parameters",
    "steps",
    "seconds",
    "steps/s",
    "train",
    "validation",
    "test",
    "bits",
    "perplexity",
    "gap",
    "beats Kneser-Ney after",
    "state",
)


def _markdown_row(place: int, row: Row) -> tuple[str, ...]:
    after = beaten(row)
    state = f"{row.state}: {row.why}" if row.why and row.state.value in ("failed", "skipped") else row.state
    return (
        str(place),
        row.name,
        MISSING if row.size is None else f"{row.size:,}",
        MISSING if row.steps is None else f"{row.steps:,}",
        _number(row.seconds, 1),
        _number(row.steps_per_second, 1),
        *(_number(loss, 4) for loss in (row.train, row.validation, row.test)),
        _number(bits(row.headline), 4),
        _number(perplexity(row.headline), 3),
        _number(row.gap, 4),
        f"{after:.1f} s" if isinstance(after, float) else str(after or MISSING),
        state,
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines: list[Sequence[str]] = [heads, ("---",) * len(heads), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, decimals: int) -> str:
    if value is None:
        return MISSING
    return f"{value:,.{decimals}f}" if math.isfinite(value) else INFINITE


def _percent(share: float) -> str:
    return MISSING if math.isnan(share) else f"{share:.1%}"


_SPECIAL = re.compile(r"[\\`*_\[\]<|~$&]")


def _text(text: str) -> str:
    """A text on one line of Markdown, in which nothing is markup; other control characters are replaced."""
    shown = text.replace("\r", "").replace("\n", " ↵ ").replace("\t", " → ")
    unseen = {True: " ", False: "\N{REPLACEMENT CHARACTER}"}
    return "".join(c if c.isprintable() else unseen[c.isspace()] for c in shown)


def _cell(text: str) -> str:
    """The same in a cell of a table, its special characters escaped."""
    return _SPECIAL.sub(r"\\\g<0>", _text(text))


def _plain(value: Cell) -> Cell:
    """A value that JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else INFINITE
    return value


def _curve(curve: Curve) -> dict[str, list[Cell]]:
    return {
        "steps": curve.steps.tolist(),
        "seconds": curve.seconds.tolist(),
        "losses": [_plain(float(loss)) for loss in curve.losses],
    }
