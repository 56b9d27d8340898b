"""The course of the losses, in memory that does not grow.

The last half of the rows is always complete. Whenever the table is full, the older half is thinned to one row in
every 1, 2, 4, 8, ... steps, evenly over the whole past, and every row that is left is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CAPACITY = 8192
SMOOTHING = 0.99
"""Weight of the past in the moving average: a memory of about 100 steps."""


class LossHistory:
    """Steps in ascending order, each with one or more numbers.

    Arguments:
        columns: how many numbers a row has.
        capacity: rows kept, at least 4.
    """

    def __init__(self, columns: int, capacity: int = CAPACITY) -> None:
        self._steps = np.empty(capacity, dtype=np.int64)
        self._rows = np.empty((capacity, columns), dtype=np.float64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def last(self) -> tuple[float, ...] | None:
        """The numbers of the last row, None if there is none."""
        return tuple(self._rows[self._count - 1].tolist()) if self._count else None

    def append(self, step: int, *numbers: float) -> None:
        """Add a row; `step` is larger than any before."""
        if self._count == len(self._steps):
            self._thin()
        self._steps[self._count] = step
        self._rows[self._count] = numbers
        self._count += 1

    def extend(self, steps: NDArray[np.int64], rows: NDArray[np.float64]) -> None:
        """Add many rows, (N,) and (N, columns), such as another history's `steps()` and `rows()`.

        Raises:
            ValueError: if the shapes do not fit, or the steps do not go on rising from the last.
        """
        if rows.shape != (len(steps), self._rows.shape[1]):
            raise ValueError(
                f"rows {rows.shape} for {len(steps)} steps; they must be ({len(steps)}, {self._rows.shape[1]})"
            )
        if (np.diff(steps, prepend=self._steps[self._count - 1 : self._count]) <= 0).any():
            raise ValueError("the steps must rise from row to row")
        for step, row in zip(steps.tolist(), rows.tolist(), strict=True):
            self.append(step, *row)

    def truncate(self, step: int) -> None:
        """Forget every row after `step`."""
        self._count = int(np.searchsorted(self._steps[: self._count], step, side="right"))

    def steps(self) -> NDArray[np.int64]:
        """The recorded steps, a copy."""
        return self._steps[: self._count].copy()

    def column(self, index: int) -> NDArray[np.float64]:
        """One number of every row, a copy."""
        return self._rows[: self._count, index].copy()

    def rows(self) -> NDArray[np.float64]:
        """All numbers of every row, (N, columns), a copy."""
        return self._rows[: self._count].copy()

    def _thin(self) -> None:
        """Thin the older half until at least half of it is gone.

        Strides are powers of two, so the first row of a long stretch was the first of a shorter one and is still
        there: thinning again takes nothing from what is even already.
        """
        half = self._count // 2
        old, stride = self._steps[:half], 1
        kept = np.arange(half)
        while len(kept) > half // 2:
            stride *= 2
            kept = np.flatnonzero(np.diff(old // stride, prepend=-1))  # the first row of every stretch
        kept = np.concatenate([kept, np.arange(half, self._count)])
        self._steps[: len(kept)] = self._steps[kept]
        self._rows[: len(kept)] = self._rows[kept]
        self._count = len(kept)


class MovingAverage:
    """An exponential moving average that is right from the first number on.

    The sum of weights is divided out (Kingma & Ba 2015, section 3), so the start is not drawn towards 0.
    """

    def __init__(self) -> None:
        self.state: tuple[float, float] = (
            0.0,
            0.0,
        )  # weighted sum, sum of weights; both part of the run's state

    def add(self, number: float) -> float:
        """Take in `number` and return the average."""
        total, weight = self.state
        total = SMOOTHING * total + (1 - SMOOTHING) * number
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        self.state = (total, weight)
        return total / weight
