"""Measurements are appended line by line, survive torn lines, and can be cut back to a step."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.errors import RunError, SaveError
from engine.training.metrics import Metrics


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metrics") / "metrics.jsonl"


def steps(metrics: Metrics) -> list[object]:
    return [record["step"] for record in metrics.records()]


def filled(path: Path, last: int) -> Metrics:
    path.unlink(missing_ok=True)
    metrics = Metrics(path)
    for step in range(1, last + 1):
        metrics.append({"step": step, "loss": 1 / step})
    metrics.close()
    return metrics


def test_a_record_is_a_line_of_json_as_soon_as_it_is_appended(place: Path) -> None:
    metrics = filled(place, 2)
    metrics.append({"step": 3, "loss": math.nan, "rate": math.inf, "note": "é\n"})
    lines = place.read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == list(metrics.records())
    assert json.loads(lines[-1]) == {"step": 3, "loss": None, "rate": None, "note": "é\n"}
    metrics.close()


def test_there_are_none_before_the_first(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "none")
    assert list(metrics.records()) == []
    metrics.forget_after(5)
    metrics.sync()
    metrics.close()
    assert not (tmp_path / "none").exists()


@settings(deadline=None)  # a disk takes the time it takes
@given(st.integers(0, 6), st.integers(0, 8), st.integers(0, 200))
def test_cut_off_anywhere_and_back_to_a_step_it_goes_on_whole(
    place: Path, last: int, back: int, torn: int
) -> None:
    metrics = filled(place, last)
    content = place.read_bytes() if last else b""
    place.write_bytes(content[: max(0, len(content) - torn)])
    whole = place.read_bytes().count(b"\n")
    assert steps(metrics) == list(range(1, whole + 1))
    metrics.forget_after(back)
    assert steps(metrics) == list(range(1, min(whole, back) + 1))
    metrics.append({"step": 99})
    metrics.close()
    assert steps(metrics) == [*range(1, min(whole, back) + 1), 99]
    assert len(place.read_bytes().splitlines()) == min(whole, back) + 1


def test_a_torn_line_is_cut_out_before_the_next_is_written(place: Path) -> None:
    filled(place, 2)
    with place.open("ab") as stream:
        stream.write(b'{"step": 3, "lo')
    metrics = Metrics(place)
    metrics.append({"step": 4})
    metrics.close()
    assert steps(metrics) == [1, 2, 4]
    assert place.read_bytes().endswith(b'}\n{"step": 4}\n')


@pytest.mark.parametrize(
    "strange", [b"", b"\x00\xff", b"[1]", b'{"loss": 1}', b'{"step": true}', b"[" * 100_000]
)
def test_a_strange_line_between_is_passed_over_and_costs_no_other(strange: bytes, place: Path) -> None:
    place.write_bytes(b'{"step": 1}\n' + strange + b'\n{"step": 2}\n{"step": 9}\n')
    metrics = Metrics(place)
    assert steps(metrics) == [1, 2, 9]
    metrics.forget_after(5)
    assert place.read_bytes() == b'{"step": 1}\n{"step": 2}\n'


@pytest.mark.parametrize("step", [None, 1.0, "1", True])
def test_a_record_without_a_step_is_refused(step: float | str | None, place: Path) -> None:
    with pytest.raises(ValueError, match="needs a whole number as its step"):
        Metrics(place).append({"step": step})


def test_a_full_disk_is_told_and_costs_no_record_before_or_after(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A file that takes half of what it is given."""

        def __init__(self, path: Path) -> None:
            self._file = path.open("ab", buffering=0)

        def write(self, line: bytes) -> int:
            return self._file.write(line[: len(line) // 2])

        def close(self) -> None:
            self._file.close()

    metrics = filled(place, 2)
    monkeypatch.setattr(metrics, "_stream", Full(place))
    with pytest.raises(SaveError, match="No space left on device"):
        metrics.append({"step": 3})
    metrics.append({"step": 4})
    metrics.close()
    assert steps(metrics) == [1, 2, 4]


CALLS: Mapping[str, Callable[[Metrics], None]] = {
    "sync": Metrics.sync,
    "append": lambda metrics: metrics.append({"step": 4}),
    "forget_after": lambda metrics: metrics.forget_after(1),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_failing_disk_is_told(call: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    metrics = filled(place, 2)
    metrics.append({"step": 3})
    if call != "sync":
        metrics.close()
    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(SaveError, match=r"metrics\.jsonl' could not be written: Input/output error"):
        CALLS[call](metrics)
    with pytest.raises(RunError, match=r"metrics\.jsonl' cannot be read: Input/output error"):
        list(metrics.records())
    metrics.close()
