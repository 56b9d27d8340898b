"""`charlm compare`: several models on the same text, split and budget, and a table of how they did."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from engine.cli.choosing import require_model
from engine.cli.columns import in_columns, on_one_line
from engine.cli.failures import FAILED, CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import MISSING, as_json, written
from engine.cli.terminal import harmless, print_out
from engine.cli.texts import STANDARD_INPUT, text_for
from engine.scoreboard.export import as_json as board_as_json
from engine.scoreboard.export import beaten, to_csv, to_markdown
from engine.scoreboard.scoreboard import Scoreboard, Wish
from engine.scoreboard.terms import Entrant, Terms, entrant
from engine.scoreboard.view import Row, ScoreboardView, State, bits, perplexity
from engine.training.atomic import write_atomically
from engine.training.kept_text import sayable
from engine.training.recipe import split_shares
from engine.training.rules import RecipeError

USUAL = ("unigram", "witten-bell", "kneser-ney", "mlp", "rnn", "lstm", "gru", "transformer")
"""The models that are compared where none are named."""
SECONDS = 60.0
"""The budget of each neural model where none is given."""
SLICE_SECONDS = 0.1
OVER = (State.DONE, State.SKIPPED, State.FAILED)
HEADS = (
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
)


def compare(words: argparse.Namespace) -> int:
    """Train every model in turn, and print the table."""
    progress = Progress()
    named = words.models.split(",") if words.models else USUAL
    entrants = [_entrant(name.strip(), words.preset) for name in named]
    shares = split_shares(words.split) if words.split else {}
    terms = Terms(
        train_share=float(shares.get("train_share", Terms.train_share)),
        validation_share=float(shares.get("validation_share", Terms.validation_share)),
        steps=words.steps or 0,
        seconds=0.0 if words.steps else words.seconds or SECONDS,
        seed=words.seed,
        text="" if words.corpus == STANDARD_INPUT else sayable(words.corpus),
    )
    for path in filter(None, (words.csv, words.markdown)):
        _require_place(Path(path).expanduser())  # now, not after the hour that the models take
    board = Scoreboard(text_for(words.corpus, progress), entrants, terms)
    with Interrupts() as interrupts:
        while board.work(SLICE_SECONDS):
            if interrupts.received is not None:
                board.handle(Wish.STOP)
            view = board.picture()
            progress.show(_where(view), _share_done(view))
        progress.end()
    view = board.picture()
    if interrupts.received is not None:
        progress.say(f"charlm: stopped by {interrupts.received.name}; {_where(view)}")
    print_out((as_json(board_as_json(view)) if words.json else harmless(page(view))) + "\n")  # type: ignore[arg-type]  # plain all the way down
    for path, export in ((words.csv, to_csv), (words.markdown, to_markdown)):
        if path is not None:
            write_atomically(Path(path).expanduser(), export(view).encode("utf-8", "replace"))
    failed = [row for row in view.rows if row.state is State.FAILED]
    for row in failed:
        progress.say(f"charlm: {row.name} failed: {row.why}")
    return interrupts.exit_code or (FAILED if failed else 0)


def page(view: ScoreboardView) -> str:
    """The table, the shares of what was never seen, and the samples, a line each."""
    parts = [table(view)]
    if view.unseen:
        shares = ", ".join(f"{one.order}: {_percent(one.contexts)}" for one in view.unseen)
        parts.append(
            f"contexts of n-grams that the training part lacks, in the {view.unseen_in} part, by n\n{shares}"
        )
    samples = [f"{row.name}: {on_one_line(row.sample)}" for row in view.rows if row.sample is not None]
    return "\n\n".join([*parts, "\n".join(samples)])


def table(view: ScoreboardView) -> str:
    """The best first, in columns."""
    return in_columns([HEADS, *(_cells(row) for row in view.rows)], numbers=True)


def _entrant(name: str, usual: str) -> Entrant:
    """A model by its name, with a preset behind it or the usual one."""
    model, _, preset = name.partition(":")
    require_model("--models", model)
    try:
        return entrant(model, preset or usual)
    except RecipeError as error:
        raise CommandError(f"--models {name}: {error}" if preset else f"--preset {usual}: {error}") from error


def _require_place(path: Path) -> None:
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise CommandError(f"{str(path)!r} cannot be written; name a file in a folder that is there")


def _cells(row: Row) -> tuple[str, ...]:
    headline = row.headline
    return (
        row.name,
        _count(row.size),
        _count(row.steps),
        MISSING if row.seconds is None else f"{row.seconds:,.1f}",
        MISSING if row.steps_per_second is None else f"{row.steps_per_second:,.1f}",
        _loss(row.train),
        _loss(row.validation),
        _loss(row.test),
        _loss(bits(headline)),
        _loss(perplexity(headline)),
        _loss(row.gap),
        _seconds(beaten(row)),
    )


def _seconds(beaten: object) -> str:
    """Seconds to beat Kneser-Ney, or the words that stand for them."""
    if not isinstance(beaten, float):
        return str(beaten or MISSING)
    return f"{beaten:,.0f} s" if beaten >= 10 else f"{beaten:.1f} s"


def _count(number: int | None) -> str:
    return MISSING if number is None else f"{number:,}"


def _loss(loss: float | None) -> str:
    return MISSING if loss is None else written(loss)


def _percent(share: float) -> str:
    return MISSING if math.isnan(share) else f"{share:.1%}"


def _share_done(view: ScoreboardView) -> float:
    return sum(1.0 if row.state in OVER else row.progress or 0.0 for row in view.rows) / len(view.rows)


def _where(view: ScoreboardView) -> str:
    """What is done right now."""
    done = sum(row.state is State.DONE for row in view.rows)
    now = next((row for row in view.rows if row.state in (State.TRAINING, State.SCORING)), None)
    doing = "" if now is None else f"; {now.name}: {now.state}, step {now.steps or 0:,}"
    return f"{done} of {len(view.rows)} models done{doing}"
