"""The program as a person meets it: a process in a real terminal, from its first words to its exit code.

The terminal is a pseudo-terminal with a model of its screen that knows what Textual writes: cursor moves, erasing
and text. Whoever waits reads until something is on the screen.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from corpora import catalog
from corpora.corpus import Corpus, open_corpus
from engine.training.run_folder import RunFolder
from engine.training.runs import list_runs

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

HOUSE = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
"""Seconds after which what has not come will not come."""
COLUMNS, LINES = 100, 30

CONTROLLING = """
import fcntl, os, sys, termios
fcntl.ioctl(1, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one that /dev/tty means, then becomes the program."""

_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])"  # control sequence
    r"|\x1b[\]P_^].*?(?:\x07|\x1b\\)"  # a string to the terminal: title, clipboard
    r"|\x1b[ -/]*[0-OQ-Z\\`-~]"  # but for [ ] P ^ _, which begin something longer
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)


class Screen:
    """What stands in the cells of a terminal after what was written to it."""

    def __init__(self, columns: int, lines: int) -> None:
        self._columns = columns
        self._cells = [[" "] * columns for _ in range(lines)]
        self._x = self._y = 0
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._rest = ""

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join("".join(row) for row in self._cells)

    def feed(self, data: bytes) -> None:
        """Write to it; a sequence that is not whole yet waits for its end."""
        self._rest += self._decode(data)
        while match := _TOKEN.match(self._rest):
            self._rest = self._rest[match.end() :]
            if match["text"]:
                self._write(match["text"])
            elif match["control"]:
                self._control(match["control"])
            elif match["final"]:
                self._sequence(match["parameters"], match["final"])

    def _write(self, text: str) -> None:
        for character in text:
            width = cell_len(character)
            if self._x + width > self._columns:
                self._x, self._y = 0, self._y + 1
            row = self._cells[min(self._y, len(self._cells) - 1)]
            if width == 0:
                row[max(self._x - 1, 0)] += character
                continue
            row[self._x : self._x + width] = [character, *[""] * (width - 1)]
            self._x += width

    def _control(self, control: str) -> None:
        if control == "\r":
            self._x = 0
        elif control == "\n":
            self._y = min(self._y + 1, len(self._cells) - 1)

    def _sequence(self, parameters: str, final: str) -> None:
        numbers = [int(number) if number.isdigit() else 0 for number in parameters.split(";")]
        if final == "H":
            self._y = min(max(numbers[0] - 1, 0), len(self._cells) - 1)
            self._x = min(max([*numbers, 0][1] - 1, 0), self._columns - 1)
        elif final == "J" and numbers[0] == 2:
            self._cells = [[" "] * self._columns for _ in self._cells]


class Terminal:
    """A program in a pseudo-terminal.

    Arguments:
        command: the program and its words.
        home: a folder that stands for the person's home.
    """

    def __init__(self, command: list[str], home: Path) -> None:
        self.screen = Screen(COLUMNS, LINES)
        self.written = b""
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("TEXTUAL", "NO_COLOR", "COLUMNS", "LINES"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONTROLLING, *command],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=HOUSE,
            env={
                **kept,
                "TERM": "xterm-256color",
                "HOME": str(home),
                "XDG_CONFIG_HOME": str(home / "config"),
                "CHARLM_RUNS": str(home / "runs"),
            },
            start_new_session=True,
        )
        os.close(follower)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._leader, keys.encode())

    def until(self, condition: str | Callable[[str], object]) -> str:
        """Read until something is on the screen; the screen."""
        deadline = time.monotonic() + DEADLINE
        wanted = (lambda text: condition in text) if isinstance(condition, str) else condition
        while not wanted(self.screen.text):
            if time.monotonic() > deadline or not self._read(0.1):
                pytest.fail(f"{condition!r} never came; on the screen is\n{self.screen.text}")
        return self.screen.text

    def exit_code(self) -> int:
        """Read to the end."""
        deadline = time.monotonic() + DEADLINE
        while self._read(0.1):
            if time.monotonic() > deadline:
                pytest.fail(f"it did not end; on the screen is\n{self.screen.text}")
        return self.process.wait(DEADLINE)

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._leader)
        self._leader = -1

    def close(self) -> None:
        """Leave nothing behind."""
        if self._leader >= 0:
            os.close(self._leader)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)

    def _read(self, seconds: float) -> bool:
        """Read what comes within so many seconds; whether there is somebody who may still write."""
        if not select.select([self._leader], [], [], seconds)[0]:
            return self.process.poll() is None
        try:
            data = os.read(self._leader, 65536)
        except OSError:  # nobody has the other side open any more
            return False
        self.written += data
        self.screen.feed(data)
        return bool(data)


Open = Callable[..., Terminal]


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Open]:
    """Starts a program in a terminal that is gone after the test."""
    terminals: list[Terminal] = []

    def start(*command: str) -> Terminal:
        terminals.append(Terminal(list(command), tmp_path))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


PLAYGROUND = (sys.executable, "-W", "error", "-m", "tui")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A text of one's own."""
    path = tmp_path / "notes.txt"
    path.write_text("the cat sat on the mat; the dog sat on the log.\n" * 40, "utf-8")
    return path


def step_on(screen: str) -> int:
    """The number of the step that the first line tells."""
    found = re.search(r"step ([\d,]+)", screen.splitlines()[0])
    return int(found[1].replace(",", "")) if found else -1


def test_a_whole_visit(open_terminal: Open, notes: Path) -> None:
    terminal = open_terminal(*PLAYGROUND, str(notes), "--seed", "7")
    first = terminal.until(lambda text: step_on(text) == 0 and "the cat sat" in text)
    assert "notes.txt" in first.splitlines()[0]
    for step in (1, 2, 3):
        terminal.press("s")
        terminal.until(f"paused  step {step} ")
    terminal.press(" ")
    terminal.until(lambda text: "running" in text and step_on(text) > 20)
    terminal.press(" ")
    paused = step_on(terminal.until("paused"))
    terminal.press("b")
    terminal.until(lambda text: step_on(text) == paused - 1)
    terminal.press("g")
    terminal.until("1 text")  # the pane of texts counts what is finished
    terminal.press("q")
    terminal.until(f"{paused - 1:,} steps of training would be lost")
    terminal.press("n")
    terminal.until(lambda text: "Quit?" not in text)
    terminal.press("q")
    terminal.until("Quit?")
    terminal.press("y")
    assert terminal.exit_code() == 0
    assert b"\x1b[?1049l" in terminal.written  # the screen of before is back
    assert b"\x1b[?25h" in terminal.written  # and the cursor


def test_quitting_in_the_middle_of_a_run_ends_the_program(open_terminal: Open) -> None:
    terminal = open_terminal(*PLAYGROUND)
    terminal.until(lambda text: step_on(text) == 0)
    terminal.press(" ")
    terminal.until(lambda text: step_on(text) > 50)
    terminal.press("q")
    terminal.until("Quit?")
    terminal.press("y")
    assert terminal.exit_code() == 0


def test_control_q_leaves_whatever_is_open(open_terminal: Open) -> None:
    terminal = open_terminal(*PLAYGROUND, "--corpus", "names")
    terminal.until(lambda text: step_on(text) == 0)
    terminal.press("o")
    terminal.until("Open a text")
    terminal.press("\x11")
    assert terminal.exit_code() == 0


def test_a_text_comes_from_a_pipe_and_the_keys_from_the_terminal(open_terminal: Open, notes: Path) -> None:
    shell = f'cat "$1" | "{sys.executable}" -m tui -'
    terminal = open_terminal("sh", "-c", shell, "sh", str(notes))
    terminal.until(lambda text: step_on(text) == 0 and "the cat sat" in text)
    terminal.press("s")
    terminal.until(lambda text: step_on(text) == 1)
    terminal.press("q")
    terminal.until("Quit?")
    terminal.press("y")
    assert terminal.exit_code() == 0


def test_what_a_text_says_cannot_reach_the_terminal(open_terminal: Open, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile\x1b]0;name\x07.txt"
    hostile.write_bytes(b"\x1b]0;owned\x07\x1b[2J\x1b[31m [/] [@click=app.quit]x[/] \x9b31m abc\n" * 50)
    terminal = open_terminal(*PLAYGROUND, str(hostile))
    terminal.until("Replace malformed bytes")  # \x9b alone is no UTF-8
    terminal.press("\r")
    terminal.until(lambda text: step_on(text) == 0 and "]0;owned" in text)
    terminal.press("s")
    terminal.until(lambda text: step_on(text) == 1)
    terminal.press("\x11")
    terminal.until("Quit?")
    terminal.press("\x11")
    assert terminal.exit_code() == 0
    assert b"\x1b]0;" not in terminal.written
    assert "\x9b" not in terminal.written.decode()


def after_one_step(terminal: Terminal) -> Terminal:
    """The playground, once its first run has made a step."""
    terminal.until(lambda text: step_on(text) == 0)
    terminal.press("s")
    terminal.until("paused  step 1 ")
    return terminal


def test_a_run_is_kept_and_another_visit_goes_on_with_it(
    open_terminal: Open, notes: Path, tmp_path: Path
) -> None:
    terminal = after_one_step(open_terminal(*PLAYGROUND, str(notes)))
    terminal.press("q")
    terminal.until("Quit?")
    terminal.press("s")
    assert terminal.exit_code() == 0
    assert f"--run {tmp_path}/runs/notes-mlp`" in terminal.written.decode()
    assert saved_steps(tmp_path) == {"notes-mlp": 1}
    again = open_terminal(*PLAYGROUND, "--run", str(tmp_path / "runs" / "notes-mlp"))
    again.until(lambda text: step_on(text) == 1 and "kept" in text.splitlines()[0])
    again.press("s")
    again.until("paused  step 2 ")
    again.press("q")  # nothing is asked: nothing would be lost
    assert again.exit_code() == 0
    assert saved_steps(tmp_path) == {"notes-mlp": 2}


def test_the_farewell_tells_of_kept_runs_that_were_set_aside_as_well(
    open_terminal: Open, notes: Path, tmp_path: Path
) -> None:
    terminal = after_one_step(open_terminal(*PLAYGROUND, str(notes)))
    terminal.press("w")
    terminal.until("kept in")
    terminal.press("R")
    terminal.until("paused  step 0 ")
    terminal.press("s")
    terminal.until("paused  step 1 ")
    terminal.press("q")
    terminal.until("Quit?")
    terminal.press("s")
    assert terminal.exit_code() == 0
    said = terminal.written.decode()
    assert f"--run {tmp_path}/runs/notes-mlp-2`" in said
    assert f"1 run that was set aside is kept, too; `charlm runs` lists those in {tmp_path}/runs" in said
    assert saved_steps(tmp_path) == {"notes-mlp": 1, "notes-mlp-2": 1}


def saved_steps(home: Path) -> dict[str, int]:
    """Where the runs stand that are kept, by their names; each of them can be gone on with."""
    steps = {run.name: run.step for run in list_runs(home / "runs")}
    for name, step in steps.items():
        folder = RunFolder.open(home / "runs" / name)
        assert folder.load(by_name).course.steps_made == step
    return steps


def by_name(name: str) -> Corpus:
    return catalog.load(name) if catalog.has(name) else open_corpus(name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_saves_every_run_before_the_program_ends(
    open_terminal: Open, tmp_path: Path, number: signal.Signals
) -> None:
    terminal = after_one_step(open_terminal(*PLAYGROUND))
    terminal.press("R")  # the run before is set aside
    terminal.until("paused  step 0 ")
    terminal.press(" ")
    reached = step_on(terminal.until(lambda text: step_on(text) > 50))
    terminal.process.send_signal(number)
    assert terminal.exit_code() == 128 + number
    assert b"\x1b[?1049l" in terminal.written
    saved = saved_steps(tmp_path)
    assert saved["proverbs-mlp"] == 1
    assert saved["proverbs-mlp-2"] >= reached


def test_the_window_is_closed_and_the_run_is_saved(open_terminal: Open, tmp_path: Path) -> None:
    terminal = open_terminal(*PLAYGROUND)
    terminal.until(lambda text: step_on(text) == 0)
    terminal.press(" ")
    reached = step_on(terminal.until(lambda text: step_on(text) > 50))
    terminal.hang_up()
    terminal.process.wait(DEADLINE)
    assert saved_steps(tmp_path)["proverbs-mlp"] >= reached


def test_a_run_that_cannot_be_gone_on_with_is_said_before_the_screen_opens(
    open_terminal: Open, tmp_path: Path
) -> None:
    terminal = open_terminal(*PLAYGROUND, "--run", str(tmp_path / "nowhere"))
    assert terminal.exit_code() == 2
    assert b"check the spelling" in terminal.written
    assert b"\x1b[?1049h" not in terminal.written


def test_a_smaller_window_is_told_so_and_a_larger_one_goes_on(open_terminal: Open) -> None:
    terminal = open_terminal(*PLAYGROUND)
    terminal.until(lambda text: step_on(text) == 0)
    for columns, lines, told in ((40, 12, "charlm needs"), (COLUMNS, LINES, "1 Corpus")):
        fcntl.ioctl(terminal._leader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.killpg(terminal.process.pid, signal.SIGWINCH)
        terminal.until(told)
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_the_screen_opens_also_where_errors_go_to_a_file(open_terminal: Open, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    terminal = open_terminal("sh", "-c", 'exec "$@" 2> "$0"', str(errors), *PLAYGROUND)
    terminal.until(lambda text: step_on(text) == 0)
    terminal.press("q")
    assert terminal.exit_code() == 0
    assert errors.read_bytes() == b""  # the screen is nothing that belongs there


def test_a_key_file_that_cannot_be_used_is_said_before_the_screen_opens(
    open_terminal: Open, tmp_path: Path
) -> None:
    keys = tmp_path / "config" / "charlm" / "keys.toml"
    keys.parent.mkdir(parents=True)
    keys.write_text('"run.togle" = "f5"\n')
    terminal = open_terminal(*PLAYGROUND)
    assert terminal.exit_code() == 2
    assert b"run.togle" in terminal.written
    assert b"\x1b[?1049h" not in terminal.written
