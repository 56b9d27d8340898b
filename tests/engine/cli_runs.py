"""What the tests of the command line share: a text, small runs, and the program as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli.__main__ import main

HOUSE = Path(__file__).resolve().parents[2]
TEXT = "the cat sat on the mat; the dog sat on the log.\n" * 40
PROGRAM = (sys.executable, "-W", "error", "-m", "engine.cli")


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:  # Any: whatever the command found
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found


class Desk:
    """A folder to work in, where commands are carried out in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def run(self, *words: str) -> Done:
        self._capsys.readouterr()
        code = main(words)
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)

    def train(self, *words: str, model: str = "mlp", out: str = "run") -> Done:
        """A tiny model on the text, in a folder called `out`."""
        choices = ("--model", model, "--preset", "tiny", "--out", str(self.folder / out), "--json")
        return self.run("train", "--corpus", str(self.text), *choices, *words)

    @property
    def text(self) -> Path:
        path = self.folder / "text.txt"
        if not path.exists():
            path.write_text(TEXT)
        return path

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def environment(runs: Path, **more: str) -> dict[str, str]:
    """For a process whose runs are kept in a folder."""
    return {**os.environ, "CHARLM_RUNS": str(runs), **more}


def process(runs: Path, *words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    """The program in a session without any terminal."""
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=HOUSE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        env=environment(runs, **more),
        timeout=120,
        check=False,
    )
