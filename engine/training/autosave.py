"""When a run that goes on is to be saved: every so many seconds, by a clock that is passed in."""

from __future__ import annotations

import time
from collections.abc import Callable

INTERVAL = 30.0
"""Seconds: what a crash may cost at most. A large model's checkpoint (60 MB) takes about one."""

FIRST = 3.0
"""Seconds to the first saving of a run of which nothing is saved yet, and which could not be looked at before."""


class Autosave:
    """Counts the seconds since the last saving.

    Arguments:
        every: seconds from one saving to the next, above 0.
        clock: gives the time in seconds; only differences count.
        begun: whether something of the run is saved already; else the first saving comes soon.
    Raises:
        ValueError: unless `every` is above 0.
    """

    def __init__(
        self, every: float = INTERVAL, clock: Callable[[], float] = time.monotonic, *, begun: bool = True
    ) -> None:
        if not every > 0:
            raise ValueError(f"every = {every}: the seconds from one saving to the next must be above 0")
        self._every, self._clock = every, clock
        self._wait = every if begun else min(FIRST, every)
        self._since = clock()

    def due(self) -> bool:
        """Whether it is time to save.

        True once, then False until the interval has passed again: a disk that is full is not asked at every step.
        """
        if self._clock() - self._since < self._wait:
            return False
        self.restart()
        return True

    def restart(self) -> None:
        """The run was just saved for another reason, or begins."""
        self._since, self._wait = self._clock(), self._every
