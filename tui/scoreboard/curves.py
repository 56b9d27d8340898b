"""The curves of a comparison, as series of a plot: validation or training loss, by step or by second.

What it promises: a curve that has not changed is the same object, so that the plot draws nothing anew. What it does
not know: keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from engine.scoreboard.view import Curve, Row, ScoreboardView
from tui.panes.units import Unit
from tui.scoreboard.standings import sign
from tui.widgets.figure import LINES, Level, Series, SeriesRole


class Across(StrEnum):
    """What the x axis counts."""

    STEPS = "steps"
    SECONDS = "seconds"


class Shown(StrEnum):
    """Which loss is drawn."""

    VALIDATION = "validation"
    TRAINING = "training, smoothed"


class Curves:
    """Makes series of curves, and keeps them."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[tuple[Curve, Unit, Across], Series]] = {}

    def series(self, rows: Sequence[Row], unit: Unit, across: Across, shown: Shown) -> list[Series]:
        """A series for each neural model that has a curve, in the order of their numbers."""
        made: dict[int, tuple[tuple[Curve, Unit, Across], Series]] = {}
        roles = roles_of(rows)
        for row in sorted(rows, key=lambda row: row.number):
            curve = row.validation_curve if shown is Shown.VALIDATION else row.training_curve
            if not len(curve):
                continue
            asked = (curve, unit, across)
            kept = self._kept.get(row.number)
            if kept is None or kept[0] != asked:
                x = curve.steps if across is Across.STEPS else curve.seconds
                kept = asked, Series(row.name, x, unit.of(curve.losses), roles[row.number], sign(row.number))
            made[row.number] = kept
        self._kept = made
        return [series for _, series in made.values()]


def roles_of(rows: Sequence[Row]) -> dict[int, SeriesRole]:
    """A colour for each neural model, by number; beyond eight they come again, and the signs differ."""
    neural = sorted(row.number for row in rows if not row.counting)
    return {number: LINES[i % len(LINES)] for i, number in enumerate(neural)}


def bar_of(view: ScoreboardView, unit: Unit) -> list[Level]:
    """The line that neural models are to get under, if it is known."""
    return [] if view.bar is None else [Level(view.bar_name, unit.of_one(view.bar), "ceiling")]
