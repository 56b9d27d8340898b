"""A program for the tests to kill: goes on with the run in a folder, measuring every step and saving every few.

    python killed_run.py FOLDER GOAL INTERVAL

It says the step it stands at once it has begun, and again after each saving; it ends when the goal is reached.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the sources beside, wherever it is called from

from corpora import catalog
from engine.training.run_folder import RunFolder


def main(path: str, goal: int, interval: int) -> None:
    """Train until `goal`."""
    with RunFolder.open(path) as folder:
        trainer = folder.resume(catalog.load).course
        sys.stdout.write(f"{trainer.steps_made}\n")
        sys.stdout.flush()
        while trainer.steps_made < goal:
            record = trainer.step()
            folder.log({"step": record.step, "loss": record.loss})
            if record.step % interval == 0 or record.step == goal:
                folder.save(trainer, 0.0)
                sys.stdout.write(f"{record.step}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
