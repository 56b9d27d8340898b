"""LadderSlider: a slider over a ladder of values, for what is turned by factors and not by steps.

What it promises: it shows exactly the value it is told to follow, on a rung of its own if the ladder has none
there; and a value that a person chose is not taken back by a snapshot drawn before the engine heard of it.
What it does not know: which ingredient it turns.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui.panes.numerals import plain
from tui.widgets.slider import Slider

PATIENCE = 3
"""Snapshots that may contradict the person: one drawn before, one asked for before, and one to spare."""
NUMBER_CELLS = 7
"""Of the widest common rung, 0.00001, so that tracks one above the other end together."""


class LadderSlider(Slider):
    """A slider whose positions are the rungs of a ladder."""

    def __init__(
        self,
        label: str,
        rungs: Sequence[float],
        *,
        off_at_minimum: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
    ) -> None:
        """A slider at its lowest rung.

        Arguments:
            label: what is turned, safe to show.
            rungs: ascending, at least two.
            off_at_minimum: written in place of the lowest rung, which switches the thing off.
            id: as for every widget.
        """
        self._standard = self._rungs = tuple(rungs)
        self._awaited: float | None = None
        self._patience = 0
        self._following = False
        super().__init__(
            label,
            0,
            len(rungs) - 1,
            1,
            0,
            format=self._written,
            off_at_minimum=None if off_at_minimum is None else off_at_minimum.rjust(NUMBER_CELLS),
            id=id,
        )

    @property
    def rung(self) -> float:
        """The value it stands at."""
        return self._rungs[round(self.value)]

    def follow(self, value: float) -> None:
        """Stand at `value`, as a new snapshot has it, and say nothing about it.

        While the engine has not yet confirmed what the person chose, a few snapshots are let pass.
        """
        if self._awaited is not None:
            if value != self._awaited and self._patience:
                self._patience -= 1
                return
            self._awaited = None
        rungs = tuple(sorted({*self._standard, value}))
        if rungs == self._rungs and value == self.rung:
            return
        self._following = True
        self._rungs = rungs
        self.maximum = len(rungs) - 1
        self.value = rungs.index(value)
        self._following = False
        self.refresh()

    def watch_value(self, value: float) -> None:
        """Tell those who listen what a person chose, and wait for it to come true."""
        if not self._following:
            self._awaited, self._patience = self.rung, PATIENCE
            super().watch_value(value)

    def _written(self, position: float) -> str:
        return plain(self._rungs[round(position)]).rjust(NUMBER_CELLS)
