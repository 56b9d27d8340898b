"""Writing a file so that it is there whole or not at all, whatever happens on the way.

The bytes go to a file beside the target, to the disk, and only then to the target's name; a reader at any moment
sees the old content or the new. One writer at a time is the caller's promise: what a killed one left behind is
overwritten by the next.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from engine.training.errors import SaveError

_WAYS_OUT = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.EACCES: "get permission to write there, or choose another folder",
    errno.EPERM: "get permission to write there, or choose another folder",
    errno.EROFS: "choose a folder on a disk that can be written to",
    errno.ENOENT: "make the folder again, or choose another one",
}


def part_of(path: Path) -> Path:
    """Where the bytes for `path` stand until they are complete."""
    return path.with_name(f".{path.name}.part")


def write_atomically(path: Path, data: bytes) -> None:
    """Make `data` the whole content of `path`, on the disk when this returns.

    Raises:
        SaveError: if that fails; the file is what it was, or what it was to become.
    """
    part = part_of(path)
    try:
        with part.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)  # noqa: PTH105  the one call that counts; its name is the system's own
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):  # the first failure is the one to tell
            part.unlink(missing_ok=True)
        raise save_error(path, error) from error


def save_error(path: Path, error: OSError) -> SaveError:
    """`error`, met while writing `path`, in words."""
    way_out = _WAYS_OUT.get(error.errno or 0, "choose another folder")
    reason = error.strerror or error
    return SaveError(
        f"{str(path)!r} could not be written: {reason}; what was saved before still stands; {way_out}"
    )


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, where a folder can be opened for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
