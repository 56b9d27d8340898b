"""What can be read off the course of the loss: the part in view, the record nearest a step, the table.

What it promises: a reading is a recorded number of exactly one step, and says when its validation loss was
measured at an earlier one; a column is there whole or not at all, and keeps its width whatever stands in it.
What it does not know: widgets, keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.snapshot import Losses, Snapshot
from tui.panes.units import MISSING, Unit, clock, counted, fitted

NUMBER = 8  # cells of a loss
COLUMNS = (
    ("step", 9),
    ("raw", 9),
    ("smoothed", 10),
    ("validation", 11),
    ("steps/s", 8),
    ("epoch", 7),
    ("time", 6),
)
"""The table's heads and the cells each takes, the gap before it included: 60 together."""


@dataclass(frozen=True)
class Reading:
    """The losses of one recorded step, in nats per character.

    Attributes:
        step: the step.
        raw, smoothed: of the training batch.
        validation: the last one measured up to there, None if there was none.
        validated: the step at which it was measured.
    """

    step: int
    raw: float
    smoothed: float
    validation: float | None
    validated: int | None


def newest(losses: Losses, steps: int | None) -> Losses:
    """The records of the last `steps` steps; all of them for None."""
    if steps is None or not len(losses.steps):
        return losses
    after = losses.steps[-1] - steps
    first = int(np.searchsorted(losses.steps, after, side="right"))
    first_validation = int(np.searchsorted(losses.validation_steps, after, side="right"))
    return dataclasses.replace(
        losses,
        steps=losses.steps[first:],
        raw=losses.raw[first:],
        smoothed=losses.smoothed[first:],
        validation_steps=losses.validation_steps[first_validation:],
        validation=losses.validation[first_validation:],
    )


def looks_different(old: Losses, new: Losses, steps: int | None, columns: int | None) -> bool:
    """Whether curves drawn from `old` have to be drawn anew.

    Arguments:
        old, new: the records then and now.
        steps: how many of the last steps are in view; None: all.
        columns: of the plot while the run runs: then what is new may wait until it is half a column wide. None
            while the run stands: then every number counts.
    """
    if not len(old.steps) or not len(new.steps):
        return len(old.steps) != len(new.steps)
    if columns is None:
        names = ("steps", "raw", "validation_steps", "validation")
        return not all(np.array_equal(getattr(old, name), getattr(new, name)) for name in names)
    made = new.steps[-1] - old.steps[-1]
    if made < 0 or old.raw[0] != new.raw[0] or len(old.validation_steps) != len(new.validation_steps):
        return True  # went back, another run, another validation
    in_view = newest(new, steps).steps
    return made > 0 and bool(2 * columns * made >= in_view[-1] - in_view[0])


def nearest(losses: Losses, step: float) -> int:
    """The index of the record nearest to `step`, the earlier of two equally near; there must be one."""
    after = int(np.searchsorted(losses.steps, step))
    if after == 0:
        return 0
    if after == len(losses.steps):
        return after - 1
    return after - int(step - losses.steps[after - 1] <= losses.steps[after] - step)


def reading(losses: Losses, index: int) -> Reading:
    """The record at `index`."""
    step = int(losses.steps[index])
    measured = int(np.searchsorted(losses.validation_steps, step, side="right")) - 1
    return Reading(
        step,
        float(losses.raw[index]),
        float(losses.smoothed[index]),
        float(losses.validation[measured]) if measured >= 0 else None,
        int(losses.validation_steps[measured]) if measured >= 0 else None,
    )


def losses_in_cells(one: Reading, unit: Unit) -> list[str]:
    """The first four cells of a row."""
    values = (one.raw, one.smoothed, one.validation)
    return [
        counted(one.step, COLUMNS[0][1]),
        *(fitted(None if v is None else unit.of_one(v), NUMBER) for v in values),
    ]


def pace_in_cells(snapshot: Snapshot) -> list[str]:
    """The last three cells of a row: steps/s, epoch, time."""
    pace = snapshot.steps_per_second
    return [
        MISSING if pace is None else f"{pace:,.0f}" if pace >= 100 else f"{pace:.1f}",
        f"{snapshot.epoch:.2f}" if snapshot.epoch < 1000 else f"{snapshot.epoch:.0f}",
        clock(snapshot.seconds),
    ]


def row(cells: Sequence[str], width: int) -> str:
    """Cells under their heads, aligned to the right; columns that `width` has no room for are left out."""
    text = ""
    for (_, cells_wide), cell in zip(COLUMNS, cells, strict=False):
        if len(text) + cells_wide > width:
            break
        text += cell.rjust(cells_wide)
    return text


HEADS = tuple(head for head, _ in COLUMNS)
