"""The horizontal lines of the loss pane: what a guess costs, what the source allows, what others reach.

What it promises: a line is in the unit the person chose, and what is not known has none. What it does not know:
widgets, keys.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle

import numpy as np

from corpora.corpus import Corpus
from engine.commands import Rival
from engine.snapshot import Snapshot
from tui.panes.numerals import significant
from tui.panes.units import Unit
from tui.widgets.figure import RIVAL_ROLES, Level, Series


def levels(snapshot: Snapshot, unit: Unit) -> list[Level]:
    """All lines there are; none without a text that a model could be uncertain of."""
    corpus = snapshot.corpus
    if corpus is None or len(corpus.vocabulary) < 2:
        return []
    return [*_bounds(corpus, unit), *_rivals(snapshot, unit)]


def reached(snapshot: Snapshot) -> list[tuple[Rival, float | None]]:
    """What those one compares with have reached, nats."""
    return [(view.rival, view.loss) for view in snapshot.rivals]


def is_near(level: Level, series: Sequence[Series]) -> bool:
    """Whether a level lies within the curves' range, or as far outside it as the range is wide."""
    values = np.concatenate([one.y for one in series]) if series else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return True
    low, high = float(values.min()), float(values.max())
    return low - (high - low) <= level.y <= high + (high - low)


def _bounds(corpus: Corpus, unit: Unit) -> list[Level]:
    """The loss of a model that knows nothing, and the one that no model can go below where that is known."""
    uniform = math.log(len(corpus.vocabulary))
    if corpus.entropy_rate is None:
        return [Level(f"uniform, {unit.uniform}", unit.of_one(uniform), "ceiling")]
    ceiling = Level(unit.uniform, unit.of_one(uniform), "ceiling")  # short: the legend names both
    return [ceiling, Level("entropy", unit.of_one(corpus.entropy_rate), "floor")]


def _rivals(snapshot: Snapshot, unit: Unit) -> list[Level]:
    """What the models one compares with reach on the validation part, each in a colour of its own."""
    lines = []
    for (rival, nats), role in zip(reached(snapshot), cycle(RIVAL_ROLES), strict=False):
        if nats is not None:
            loss = unit.of_one(nats)
            lines.append(Level(f"{rival} {significant(loss)}", loss, role))
    return lines
