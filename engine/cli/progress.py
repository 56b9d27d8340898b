"""How far a piece of work is: a bar that is drawn over on a terminal, now and then a plain line elsewhere.

Everything goes to standard error, so that results on standard output stay clean. If nobody reads it any more (a
terminal that was hung up, a pipe that was closed) it goes nowhere, and the work goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TextIO

from engine.cli.terminal import cells, discard, harmless, standard, write

BAR_CELLS = 20
USUAL_COLUMNS = 80
"""Of a terminal that does not say."""
TERMINAL_INTERVAL, PIPE_INTERVAL = 0.2, 10.0
"""Seconds from one drawing to the next."""


class Progress:
    """Draws how far something is.

    Arguments:
        stream: where to.
        clock: gives the time in seconds; only differences count.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = standard("stderr") if stream is None else stream
        self._terminal = self._stream is not None and self._stream.isatty()
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
        bar_before = "" if done is None else bar(done) + " "
        line = f"{bar_before}{words}{self._left(done, now)}"
        if self._terminal:
            self._draw(cut(harmless(line), self._width()))
            if last:
                self.end()
        else:
            share = "" if done is None else f"{done:4.0%} "
            self._write(harmless(f"{share}{words}{self._left(done, now)}") + "\n")

    def say(self, line: str) -> None:
        """A line that stays, above the bar."""
        self._draw("")
        self._write(harmless(line) + "\n")

    def end(self) -> None:
        """The bar stays as it is, and what comes next goes on a line of its own."""
        if self._drawn:
            self._write("\n")
            self._drawn = ""

    def _draw(self, line: str) -> None:
        if self._terminal and (line or self._drawn):
            left_over = sum(map(cells, self._drawn)) - sum(map(cells, line))
            self._write("\r" + line + " " * left_over + ("" if line else "\r"))
            self._drawn = line

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            write(self._stream, text)
        except OSError:
            discard(self._stream)
            self._stream, self._terminal = None, False

    def _width(self) -> int:
        """Cells of a line, the last left out: some terminals go on to the next line after it."""
        if self._stream is None:
            return 0
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            columns = 0
        return (columns or USUAL_COLUMNS) - 1

    def _left(self, done: float | None, now: float) -> str:
        if done is None or not 0 < done < 1:
            return ""
        return f", {duration((now - self._begun) * (1 - done) / done)} left"


def cut(line: str, width: int) -> str:
    """As much of a line as fits into `width` cells."""
    kept, used = 0, 0
    for character in line:
        used += cells(character)
        if used > width:
            break
        kept += 1
    return line[:kept]


def bar(done: float) -> str:
    """A bar of fixed width, (0 to 1)."""
    full = round(min(max(done, 0.0), 1.0) * BAR_CELLS)
    return "━" * full + "─" * (BAR_CELLS - full)


def duration(seconds: float) -> str:
    """A time as a person says it: 7 s, 3:07, 1:40:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
