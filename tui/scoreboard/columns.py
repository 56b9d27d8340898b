"""The columns of the standings: what stands in each, how wide it is, and which give way where there is no room.

What it promises: a column is there whole or not at all; what is not known is a dash, never a zero. What it does not
know: widgets, colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.scoreboard.export import NOT_YET, beaten
from engine.scoreboard.view import Row, State
from tui.panes.units import MISSING, Unit, clock, fitted

LOSS_CELLS = 8


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        head: what stands above it.
        cells: its width, without the gap before it.
        importance: those with the least give way first.
        text: a row's entry, in a unit.
        left: whether it is aligned to the left.
    """

    head: str
    cells: int
    importance: int
    text: Callable[[Row, Unit], str]
    left: bool = False


def amount(number: int | None) -> str:
    """A whole number in at most 7 cells: 12,345 or 1.23M."""
    if number is None:
        return MISSING
    return f"{number:,}" if number < 1_000_000 else f"{number / 1e6:.2f}M"


def pace(steps_per_second: float | None) -> str:
    """Steps a second."""
    if steps_per_second is None:
        return MISSING
    return f"{steps_per_second:,.0f}" if steps_per_second >= 100 else f"{steps_per_second:.1f}"


def duration(seconds: float | None) -> str:
    """A time: 0.42 s, 12.3 s, 03:07."""
    if seconds is None:
        return MISSING
    if seconds < 100:
        return f"{seconds:.{2 if seconds < 10 else 1}f} s"
    return clock(seconds)


def loss(nats: float | None, unit: Unit) -> str:
    """A loss in a unit: four decimals, as losses are published, where there is room for them."""
    value = None if nats is None else unit.of_one(nats)
    return f"{value:.4f}" if value is not None and value < 1000 else fitted(value, LOSS_CELLS)


def gap(row: Row, unit: Unit) -> str:
    """By how much validation lies above training, in a unit."""
    if row.gap is None or row.train is None or row.validation is None:
        return MISSING
    difference = unit.of_one(row.validation) - unit.of_one(row.train)
    if not math.isfinite(difference):
        return "∞"
    whole = len(f"{abs(difference):.0f}")
    return f"{difference:+.{max(0, min(4, 5 - whole))}f}"


def beat(row: Row) -> str:
    """When it beat Kneser-Ney."""
    value = beaten(row)
    return duration(value) if isinstance(value, float) else NOT_YET if value == NOT_YET else MISSING


def state(row: Row) -> str:
    """How far it is, with the share that is done."""
    if row.progress is not None and row.state in (State.TRAINING, State.SCORING, State.PAUSED):
        return f"{row.state} {row.progress:.0%}"
    return row.state.value


COLUMNS = (
    Column("model", 16, 10, lambda row, _: row.name, left=True),
    Column("params", 8, 5, lambda row, _: amount(row.size)),
    Column("steps", 8, 3, lambda row, _: amount(row.steps)),
    Column("time", 7, 4, lambda row, _: duration(row.seconds)),
    Column("steps/s", 8, 1, lambda row, _: pace(row.steps_per_second)),
    Column("train", LOSS_CELLS, 7, lambda row, unit: loss(row.train, unit)),
    Column("valid", LOSS_CELLS, 8, lambda row, unit: loss(row.validation, unit)),
    Column("test", LOSS_CELLS, 9, lambda row, unit: loss(row.test, unit)),
    Column("gap", 7, 2, gap),
    Column("beats KN", 8, 6, lambda row, _: beat(row)),
    Column("state", 12, 9, lambda row, _: state(row), left=True),
)
GAP = 1


def columns_for(width: int) -> Sequence[Column]:
    """The columns that fit into `width` cells, the most important ones, in their order."""
    kept = list(COLUMNS)
    while len(kept) > 1 and sum(column.cells + GAP for column in kept) - GAP > width:
        kept.remove(min(kept, key=lambda column: column.importance))
    return kept


def line(columns: Sequence[Column], texts: Sequence[str]) -> str:
    """Entries side by side."""
    cells = (
        text[: column.cells].ljust(column.cells) if column.left else text.rjust(column.cells)
        for column, text in zip(columns, texts, strict=True)
    )
    return (" " * GAP).join(cells)
