"""How long it takes until something is on the screen, against an empty Textual app that imports numpy.

    python tests/benchmarks/start.py

Both are started in a real pseudo-terminal, in turns, and timed from the start of the process to the first painted
frame: the first output that holds a visible word of theirs. Prints the ratio of the medians (at most 1.5), and the
same for the frame in which all panes stand and the default text is in them.
"""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time

ROUNDS = 10
EMPTY = """
import numpy
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("paintedword " + str(numpy.ones(1)[0]))
Empty().run()
"""
CONTENDERS = {
    "charlm": ([sys.executable, "-m", "tui"], b"charlm"),
    "charlm, all panes": ([sys.executable, "-m", "tui"], b"bundled"),
    "empty": ([sys.executable, "-c", EMPTY], b"paintedword"),
}


def first_paint(command: list[str], word: bytes) -> float:
    """Seconds from starting `command` until `word` appears on its terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 42, 140, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    seen = b""
    while word not in seen:
        seen = seen[-65536:] + os.read(leader, 65536)
    seconds = time.perf_counter() - begun
    child.send_signal(signal.SIGKILL)
    child.wait()
    os.close(leader)
    return seconds


def main() -> None:
    """Take turns and print the ratio."""
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for turn in range(ROUNDS + 1):
        for name, (command, word) in CONTENDERS.items():
            seconds = first_paint(command, word)
            if turn:  # the first turn fills the caches
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{os.cpu_count()} cores, median of {ROUNDS}")
    for name, seconds in medians.items():
        print(f"{name:18} {seconds:.3f} s   ratio {seconds / medians['empty']:.2f}")


if __name__ == "__main__":
    main()
