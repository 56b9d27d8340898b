"""`charlm compare`: several models on the same text, split and budget, and a table of how they did."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.cli.choosing import settings
from engine.cli.failures import CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import MISSING, as_json
from engine.cli.texts import text_for
from engine.information import nats_to_bits
from engine.models.presets import STANDARD
from engine.scoreboard.export import as_json as board_as_json
from engine.scoreboard.export import beaten, export
from engine.scoreboard.scoreboard import Scoreboard, Wish
from engine.scoreboard.terms import Entrant, Terms, entrant
from engine.scoreboard.view import Row, ScoreboardView, State

USUAL = ("unigram", "witten-bell", "kneser-ney", "mlp", "rnn", "lstm", "gru", "transformer")
"""The models that are compared where none are named."""
SECONDS = 60.0
"""The budget of each neural model where none is given."""
SLICE_SECONDS = 0.1
OVER = (State.DONE, State.SKIPPED, State.FAILED)
HEADS = ("model", "parameters", "steps", "train", "validation", "test", "bits", "steps/s", "beats Kneser-Ney")


def compare(words: argparse.Namespace) -> int:
    """Train every model in turn, and print the table."""
    progress = Progress()
    entrants = (
        [_entrant(name) for name in words.models.split(",")] if words.models else list(map(entrant, USUAL))
    )
    corpus = text_for(words.corpus, progress)
    shares = settings([f"split={words.split}"]) if words.split else {}
    budget = {"steps": words.steps} if words.steps is not None else {"seconds": words.seconds or SECONDS}
    board = Scoreboard(corpus, entrants, Terms(seed=words.seed, text=words.corpus, **budget, **shares))  # type: ignore[arg-type]  # shares are numbers by the recipe's rules
    with Interrupts() as interrupts:
        while board.work(SLICE_SECONDS):
            if interrupts.received is not None:
                board.handle(Wish.STOP)
            progress.show(_where(board.picture()))
        progress.end()
    view = board.picture()
    for row in view.rows:
        if row.state is State.FAILED:
            progress.say(f"charlm: {row.name} failed: {row.why}")
    for path in filter(None, (words.csv, words.markdown)):
        export(view, Path(path).expanduser())
    sys.stdout.write((as_json(board_as_json(view)) if words.json else table(view)) + "\n")  # type: ignore[arg-type]  # plain all the way down
    return interrupts.exit_code


def table(view: ScoreboardView) -> str:
    """The best first, in columns."""
    rows = [HEADS, *(_cells(row) for row in view.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _entrant(name: str) -> Entrant:
    model, _, preset = name.strip().partition(":")
    try:
        return entrant(model, preset or STANDARD)
    except ValueError as error:
        raise CommandError(f"--models {name.strip()}: {error}") from error


def _cells(row: Row) -> tuple[str, ...]:
    headline = row.headline
    return (
        row.name,
        _count(row.size),
        _count(row.steps),
        _loss(row.train),
        _loss(row.validation),
        _loss(row.test),
        MISSING if headline is None else f"{nats_to_bits(headline):.4f}",
        MISSING if row.steps_per_second is None else f"{row.steps_per_second:,.1f}",
        _seconds(beaten(row)),
    )


def _seconds(beaten: object) -> str:
    """Seconds to beat Kneser-Ney, or the words that stand for them."""
    return f"{beaten:,.0f} s" if isinstance(beaten, float) else str(beaten or MISSING)


def _count(number: int | None) -> str:
    return MISSING if number is None else f"{number:,}"


def _loss(loss: float | None) -> str:
    return MISSING if loss is None else f"{loss:.4f}"


def _where(view: ScoreboardView) -> str:
    """What is done right now."""
    done = sum(row.state in OVER for row in view.rows)
    now = next((row for row in view.rows if row.state in (State.TRAINING, State.SCORING)), None)
    doing = "" if now is None else f"; {now.name}: {now.state}, step {now.steps or 0:,}"
    return f"{done} of {len(view.rows)} models done{doing}"
