"""What the screen costs the training, and how quickly a key is answered meanwhile.

    python tests/benchmarks/screen.py [BATCH]

Runs `charlm-tui`'s app in a real pseudo-terminal of 140x42 cells, at full speed on the default model, in turns with
the same engine thread without any screen; prints the ratio of steps a second (aim: 0.95, at least 0.85). Then,
while the run goes on, it presses the key that turns the temperature, and measures how long the new value takes to
reach the terminal (95th percentile at most 50 ms).
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

SECONDS = 6.0
ROUNDS = 4
COLUMNS, LINES = 140, 42

HEADLESS = """
import json, sys, time
from corpora.catalog import load
from engine.commands import Run, Start
from engine.thread import EngineThread
from engine.training.recipe import Recipe
engine = EngineThread()
engine.start()
engine.send(Start(Recipe(corpus="story", batch=int(sys.argv[2])), load("story")))
engine.send(Run())
time.sleep(1)
first, begun = engine.settled(10).step, time.perf_counter()
time.sleep(float(sys.argv[3]))
last, ended = engine.settled(10).step, time.perf_counter()
open(sys.argv[1], "w").write(json.dumps((last - first) / (ended - begun)))
"""

SCREEN = """
import json, sys, time
from engine.commands import Run
from engine.training.recipe import Recipe
from tui.app import CharlmApp
from tui.command_line import Wishes
app = CharlmApp(Wishes(Recipe(corpus="story", batch=int(sys.argv[2]))))
def begin():
    app.engine.send(Run())
    app.set_timer(1, count)
def count():
    global first, begun
    first, begun = app.engine.snapshot.step, time.perf_counter()
    app.set_timer(float(sys.argv[3]), finish)
def finish():
    rate = (app.engine.snapshot.step - first) / (time.perf_counter() - begun)
    open(sys.argv[1], "w").write(json.dumps(rate))
    app.set_timer(float(sys.argv[3]), app.exit)
app.call_later(lambda: app.set_timer(1.5, begin))
app.run()
"""


def headless(batch: int) -> float:
    """Steps a second without a screen."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "rate"
        subprocess.run([sys.executable, "-c", HEADLESS, result, str(batch), str(SECONDS)], check=True)
        return float(json.loads(result.read_text()))


def with_screen(batch: int) -> tuple[float, list[float]]:
    """Steps a second with the screen open, and the seconds that each key took to be answered."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "rate"
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        child = subprocess.Popen(
            [sys.executable, "-c", SCREEN, result, str(batch), str(SECONDS)],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        os.close(follower)
        answers: list[float] = []
        temperature, pressed, awaited = 100, 0.0, b""
        next_key: float | None
        next_key = None  # the keys come after the steps are counted: answering them takes time, too
        tail = b""
        while child.poll() is None:
            now = time.perf_counter()
            if next_key is None:
                next_key = now if result.exists() else None
            elif not awaited and now >= next_key:
                temperature += -5 if temperature >= 195 else 5
                key = b"]"
                if temperature > 190:
                    temperature = 100
                    awaited = b""
                    os.write(leader, b"[" * 18)
                    next_key = now + 1.0
                    continue
                awaited, pressed, tail = f"{temperature / 100:.2f}".encode(), now, b""
                os.write(leader, key)
            if select.select([leader], [], [], 0.001)[0]:
                try:
                    tail = tail[-4096:] + os.read(leader, 65536)
                except OSError:
                    break
                if awaited and awaited in tail:
                    answers.append(time.perf_counter() - pressed)
                    awaited, next_key = b"", time.perf_counter() + 0.13
        child.wait()
        os.close(leader)
        return float(json.loads(result.read_text())), answers


def main() -> None:
    """Take turns and print the ratios."""
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    print(f"{os.cpu_count()} cores, batch {batch}, {ROUNDS} rounds of {SECONDS:g} s")
    ratios, answers = [], []
    for _ in range(ROUNDS):
        bare = headless(batch)
        rate, seconds = with_screen(batch)
        ratios.append(rate / bare)
        answers += seconds
        print(f"headless {bare:8.0f} steps/s   with the screen {rate:8.0f}   ratio {rate / bare:.2f}")
    late = statistics.quantiles(answers, n=20)[-1] * 1000
    print(f"median ratio {statistics.median(ratios):.2f} (at least 0.85, aim 0.95)")
    print(
        f"{len(answers)} keys: median {statistics.median(answers) * 1000:.0f} ms, "
        f"95th percentile {late:.0f} ms (at most 50)"
    )


if __name__ == "__main__":
    main()
