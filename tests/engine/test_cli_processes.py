"""`charlm` as a process: signals, pipes that close, terminals narrow and none."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.engine.cli_runs import HOUSE, PROGRAM, TEXT, environment, process

ENDLESS = ("--model", "mlp", "--preset", "tiny", "--steps", "100000000")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def started(runs: Path, *words: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*prefix, *PROGRAM, *words],
        cwd=HOUSE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(runs),
    )


def wait_for_training(folder: Path, running: subprocess.Popen[bytes]) -> None:
    """Until the first steps are logged: then the signals are being listened to."""
    path = folder / "metrics.jsonl"
    while not (path.exists() and path.stat().st_size):
        assert running.poll() is None, running.communicate()
        os.sched_yield()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_saves_the_run_and_says_where(tmp_path: Path, text: Path, number: signal.Signals) -> None:
    folder = tmp_path / "run"
    with started(
        tmp_path, "train", "--corpus", str(text), *ENDLESS, "--out", str(folder), "--json"
    ) as running:
        wait_for_training(folder, running)
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert out == b""
    assert str(folder).encode() in err
    assert b"charlm resume" in err
    assert b"Traceback" not in err
    kept = process(tmp_path, "evaluate", str(folder), "--json")
    assert json.loads(kept.stdout)["steps"] > 0


def test_the_way_back_names_the_text_that_was_moved_as_well(tmp_path: Path, text: Path) -> None:
    folder, moved = tmp_path / "run", tmp_path / "moved text.txt"
    words = ("--model", "mlp", "--preset", "tiny", "--steps", "5", "--out", str(folder))
    assert process(tmp_path, "train", "--corpus", str(text), *words).returncode == 0
    text.rename(moved)
    again = ("resume", str(folder), "--corpus", str(moved), "--steps", "100000000")
    logged = (folder / "metrics.jsonl").stat().st_size
    with started(tmp_path, *again) as running:
        while (folder / "metrics.jsonl").stat().st_size == logged:
            assert running.poll() is None
            os.sched_yield()
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    assert f"`charlm resume {folder} --steps 100000000 --corpus '{moved}'` goes on from there" in err.decode()


def test_an_interrupted_comparison_prints_what_it_has_and_fails(tmp_path: Path, text: Path) -> None:
    ours, theirs = pty.openpty()
    chosen = ("--models", "mlp,rnn", "--preset", "tiny", "--seconds", "1000000")
    words = ("compare", "--corpus", str(text), *chosen, "--json")
    with subprocess.Popen(
        [*PROGRAM, *words], cwd=HOUSE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
    ) as running:
        os.close(theirs)
        drawn = b""
        while b"mlp tiny: training" not in drawn:
            drawn += os.read(ours, 1 << 12)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    said = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert running.returncode == 128 + signal.SIGINT
    assert said.splitlines()[-1] == "charlm: stopped by SIGINT; 1 of 3 models done"
    rows = {row["model"]: row for row in json.loads(out)["rows"]}
    assert (rows["kneser-ney"]["state"], rows["mlp"]["state"]) == ("done", "skipped")


def test_a_second_process_in_the_same_folder_is_refused_and_readers_are_not(
    tmp_path: Path, text: Path
) -> None:
    folder = tmp_path / "run"
    with started(tmp_path, "train", "--corpus", str(text), *ENDLESS, "--out", str(folder)) as running:
        wait_for_training(folder, running)
        while not (folder / "checkpoint.safetensors").exists():  # the first comes soon
            assert running.poll() is None
            os.sched_yield()
        second = process(tmp_path, "resume", str(folder))
        reader = process(tmp_path, "evaluate", str(folder), "--json")
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert (second.returncode, second.stdout) == (2, b"")
    assert f"process {running.pid}".encode() in second.stderr
    assert reader.returncode == 0, reader.stderr


def test_processes_that_begin_at_once_get_a_folder_each(tmp_path: Path, text: Path) -> None:
    words = ("train", "--corpus", str(text), "--model", "unigram", "--json")
    running = [started(tmp_path, *words) for _ in range(3)]
    folders = {json.loads(one.communicate(timeout=60)[0])["folder"] for one in running}
    assert len(folders) == 3


def test_nohup_is_heeded(tmp_path: Path, text: Path) -> None:
    folder = tmp_path / "run"
    words = ("train", "--corpus", str(text), *ENDLESS, "--out", str(folder))
    with started(tmp_path, *words, prefix=("nohup",)) as running:
        wait_for_training(folder, running)
        running.send_signal(signal.SIGHUP)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    assert b"stopped by SIGTERM" in err


def test_results_go_to_standard_output_and_the_rest_to_standard_error(tmp_path: Path, text: Path) -> None:
    words = ("--model", "lstm", "--preset", "tiny", "--steps", "20", "--json")
    done = process(tmp_path, "train", "--corpus", str(text), *words)
    assert done.returncode == 0
    assert json.loads(done.stdout)["steps"] == 20
    assert done.stderr.startswith(b"100% step 20, ")
    assert b"\r" not in done.stderr
    assert [path.name for path in tmp_path.glob("text-lstm")] == ["text-lstm"]


def test_standard_input_is_a_text_that_the_run_keeps(tmp_path: Path) -> None:
    words = ("train", "--corpus", "-", "--model", "kneser-ney", "--out", str(tmp_path / "run"), "--json")
    done = subprocess.run(
        [*PROGRAM, *words],
        cwd=HOUSE,
        input=TEXT.encode(),
        capture_output=True,
        env=environment(tmp_path),
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["corpus"] == "standard input"
    again = process(tmp_path, "evaluate", str(tmp_path / "run"), "--split", "test", "--json")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [
        ("| true; exit ${PIPESTATUS[0]}", 1, b""),
        ("> /dev/full", 1, b"No space left on device"),
        (">&-", 1, b"standard output is closed"),
        ("2>&- > /dev/null", 0, b""),
        ("2>/dev/full > /dev/null", 0, b""),
    ],
)
def test_an_output_that_cannot_be_written_is_no_crash(
    tmp_path: Path, text: Path, redirected: str, code: int, said: bytes
) -> None:
    folder = tmp_path / "run"
    process(tmp_path, "train", "--corpus", str(text), "--model", "unigram", "--out", str(folder))
    length = "100000" if "|" in redirected else "10"  # longer than a pipe holds: its end is met in any case
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirected}', "bash", *PROGRAM, "sample", str(folder), "--length", length],
        cwd=HOUSE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(tmp_path),
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    if not said:
        assert done.stderr == b""


def test_an_encoding_without_the_characters_escapes_them(tmp_path: Path, text: Path) -> None:
    text.write_text("déjà vu ♥\n" * 60, "utf-8")
    words = ("train", "--corpus", str(text), "--model", "unigram", "--set", "split=1/0/0")
    done = process(tmp_path, *words, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"validation loss     \\u2013" in done.stdout


def test_on_a_terminal_progress_is_one_line_that_fits_and_results_stay_clean(
    tmp_path: Path, text: Path
) -> None:
    ours, theirs = pty.openpty()
    columns = 40
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = (
        "train",
        "--corpus",
        str(text),
        "--model",
        "mlp",
        "--preset",
        "tiny",
        "--set",
        "stop_seconds=0.5",
    )
    with subprocess.Popen(
        [*PROGRAM, *words, "--json"],
        cwd=HOUSE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(tmp_path),
    ) as running:
        os.close(theirs)
        out, _ = running.communicate(timeout=60)
    drawn = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert json.loads(out)["stopped"] == "0.5 seconds of training are over"
    lines = [line for line in drawn.replace("\n", "\r").split("\r") if line]
    assert len(lines) >= 2
    assert all(len(line) < columns for line in lines)
    assert lines[-1].startswith("━" * 20 + " step ")
    assert "\x1b" not in drawn


def test_a_terminal_that_goes_away_does_not_end_the_run(tmp_path: Path, text: Path) -> None:
    ours, theirs = pty.openpty()
    folder = tmp_path / "run"
    words = (
        "--model",
        "mlp",
        "--preset",
        "tiny",
        "--set",
        "stop_seconds=0.6",
        "--out",
        str(folder),
        "--json",
    )
    with subprocess.Popen(
        [*PROGRAM, "train", "--corpus", str(text), *words],
        cwd=HOUSE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(tmp_path),
    ) as running:
        os.close(theirs)
        os.close(ours)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert json.loads(out)["stopped"] == "0.6 seconds of training are over"


def test_the_command_line_never_loads_the_screen() -> None:
    done = subprocess.run(
        [PROGRAM[0], "-X", "importtime", "-m", "engine.cli", "models"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "engine.cli" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {"textual", "rich", "plotext", "tui"}
