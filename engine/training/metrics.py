"""The measurements of a run as it goes: one JSON object a line, each with the step it was made at.

A record goes to the system whole as soon as it is appended, so a killed process loses none. A line that is torn or
strange is passed over by readers and cut out before the next one is written.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from engine.training.atomic import save_error
from engine.training.errors import RunError

Record = Mapping[str, float | int | str | None]


class Metrics:
    """The records in one file.

    Arguments:
        path: the file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None

    def records(self) -> Iterator[Record]:
        """Every record, in the order of the file.

        Raises:
            RunError: if the file cannot be read; one that does not exist has no records.
        """
        try:
            with self._path.open("rb") as stream:
                for line in stream:
                    record = _record(line)
                    if record is not None:
                        yield record
        except FileNotFoundError:
            return
        except OSError as error:
            raise RunError(f"{str(self._path)!r} cannot be read: {error.strerror or error}") from error

    def append(self, record: Record) -> None:
        """Add a record; it has a whole "step". A number that is not finite is written as null.

        Raises:
            SaveError: if it cannot be written.
            ValueError: if it has no step.
        """
        line = json.dumps({name: _finite(value) for name, value in record.items()}).encode() + b"\n"
        if _record(line) is None:
            raise ValueError(f"a record needs a whole number as its step: {dict(record)}")
        if self._stream is None:
            self.forget_after(None)
        try:
            if self._stream is None:
                self._stream = self._path.open("ab", buffering=0)
            if self._stream.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.close()  # the next one opens the file anew and cuts out the torn line
            raise save_error(self._path, error) from error

    def forget_after(self, step: int | None) -> None:
        """Cut out what was measured after `step`, if one is given, and every line that is no record.

        Raises:
            SaveError: if that fails.
        """
        self.close()
        if not self._path.exists():
            return
        cut: int | None = None  # where the first line to go begins
        kept = []  # the lines after it that stay
        try:
            with self._path.open("rb+") as stream:
                place = 0
                for line in stream:
                    record = _record(line)
                    stays = record is not None and (step is None or _step(record) <= step)
                    if not stays and cut is None:
                        cut = place
                    elif stays and cut is not None:
                        kept.append(line)
                    place += len(line)
                if cut is not None:
                    stream.seek(cut)
                    stream.truncate()
                    stream.writelines(kept)
        except OSError as error:
            raise save_error(self._path, error) from error

    def sync(self) -> None:
        """Bring what was appended to the disk.

        Raises:
            SaveError: if that fails.
        """
        if self._stream is not None:
            try:
                os.fsync(self._stream.fileno())
            except OSError as error:
                raise save_error(self._path, error) from error

    def close(self) -> None:
        """Let go of the file; the next append opens it again."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _finite(value: float | int | str | None) -> float | int | str | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _record(line: bytes) -> Record | None:
    """The record in a line, None if there is none or the line was not finished."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # torn, or not ours; nested too deep
        return None
    return found if isinstance(found, dict) and type(found.get("step")) is int else None


def _step(record: Record) -> int:
    step = record["step"]
    assert isinstance(step, int)  # `_record` lets nothing else through
    return step
