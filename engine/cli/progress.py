"""How far a piece of work is: a bar that is drawn over on a terminal, now and then a plain line elsewhere.

Everything goes to standard error, so that results on standard output stay clean.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_CELLS = 20
TERMINAL_INTERVAL, PIPE_INTERVAL = 0.2, 10.0
"""Seconds from one drawing to the next."""


class Progress:
    """Draws how far something is.

    Arguments:
        stream: where to.
        clock: gives the time in seconds; only differences count.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._begun = self._drawn_at = clock()
        self._drawn = ""

    def begin(self) -> None:
        """Another piece of work begins: time is counted from here."""
        self._begun = self._drawn_at = self._clock()

    def show(self, words: str, done: float | None = None, *, last: bool = False) -> None:
        """Say where the work is, if it is time to.

        Arguments:
            words: what to say.
            done: the share that is done, from which the time that is left is guessed; None if that is unknown.
            last: whether this is to be said in any case.
        """
        now = self._clock()
        if not last and now - self._drawn_at < (TERMINAL_INTERVAL if self._terminal else PIPE_INTERVAL):
            return
        self._drawn_at = now
        line = words if done is None else f"{bar(done)} {words}{self._left(done, now)}"
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._draw(line[:width])
            if last:
                self.end()
        else:
            self._stream.write(
                words + "\n" if done is None else f"{done:4.0%} {words}{self._left(done, now)}\n"
            )
            self._stream.flush()

    def say(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._draw("")
        self._stream.write(line + "\n")
        self._stream.flush()

    def end(self) -> None:
        """The bar stays as it is, and what comes next goes on a line of its own."""
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()
            self._drawn = ""

    def _draw(self, line: str) -> None:
        if self._terminal and (line or self._drawn):
            self._stream.write("\r" + line.ljust(len(self._drawn)) + ("" if line else "\r"))
            self._stream.flush()
            self._drawn = line

    def _left(self, done: float, now: float) -> str:
        if not 0 < done < 1:
            return ""
        return f", {duration((now - self._begun) * (1 - done) / done)} left"


def bar(done: float) -> str:
    """A bar of fixed width, (0 to 1)."""
    full = round(min(max(done, 0.0), 1.0) * BAR_CELLS)
    return "━" * full + "─" * (BAR_CELLS - full)


def duration(seconds: float) -> str:
    """A time as a person says it: 07 s, 3:07, 1:40:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
