"""A file that is written is there whole, or what was there before still is; the message says why."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.training.atomic import part_of, write_atomically
from engine.training.errors import SaveError


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_content_is_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"old", b"new and longer", b""):
        write_atomically(path, content)
        assert path.read_bytes() == content
        assert names(tmp_path) == {"file"}


def test_what_a_killed_writer_left_is_in_nobody_s_way(tmp_path: Path) -> None:
    path = tmp_path / "file"
    part_of(path).write_bytes(b"half of something that was longer")
    write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == {"file"}


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EACCES, "get permission"),
        (errno.EIO, "choose another folder"),
    ],
)
def test_a_failure_leaves_what_was_there_and_says_the_way_out(
    call: str, number: int, way_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(SaveError) as refused:
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"file"}
    for said in (str(path), os.strerror(number), way_out):
        assert said in str(refused.value)


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def watched_sync(handle: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        sync(handle)

    def watched_replace(source: Path, target: Path) -> None:
        done.append("name")
        replace(source, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not tell what an open file is")
    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write_atomically(tmp_path / "file", b"content")
    assert done == ["file", "name", "folder"]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=r"No such file or directory.*make the folder again"):
        write_atomically(tmp_path / "gone" / "file", b"content")
