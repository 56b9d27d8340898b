"""Memory over a million steps: it stays flat, because the history is thinned and not grown.

    python tests/benchmarks/memory.py [STEPS]

Trains a small model for STEPS (default 1,000,000) steps on an engine thread, drawing a snapshot now and then as the
screen does, and prints the resident size at each tenth.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from corpora.catalog import load
from engine.commands import Run, Start
from engine.thread import EngineThread
from engine.training.recipe import Recipe


def resident_mb() -> float:
    """This process's resident size in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    """Train and print."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    engine = EngineThread()
    engine.start()
    recipe = Recipe(corpus="story", context=3, embedding=4, hidden=16, layers=1, batch=1, rate=0.01)
    engine.send(Start(recipe, load("story")))
    engine.send(Run(steps))
    print("     steps   resident MB")
    mark = 0
    while mark < 10:
        engine.request_snapshot()
        time.sleep(0.2)
        done = engine.snapshot.step
        while mark < 10 and done >= steps * (mark + 1) // 10:
            mark += 1
            print(f"{done:10,} {resident_mb():13.1f}", flush=True)
    engine.close()


if __name__ == "__main__":
    main()
