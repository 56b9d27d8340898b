"""A lock on a folder: one process at a time writes there.

The system holds it for the open file and lets it go when the process ends, however that comes about: what a killed
one leaves behind is a file, not a lock. It binds only those who ask for it; readers need not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engine.training.atomic import save_error
from engine.training.errors import BusyError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        """Lock a byte far behind the end, so that the content stays readable."""
        os.lseek(handle, 1 << 30, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

    _BUSY: type[OSError] = PermissionError
else:
    import fcntl

    def _take(handle: int) -> None:
        """Lock the open file."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    _BUSY: type[OSError] = BlockingIOError


class FolderLock:
    """Held from its making to `release`.

    Arguments:
        path: the lock file, made if it is not there; it holds the number of the process.
    Raises:
        BusyError: if somebody else holds it.
        SaveError: if the file cannot be made or locked.
    """

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise save_error(path, error) from error
        try:
            _take(handle)
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        except _BUSY as error:
            holder = os.read(handle, 20).decode("ascii", "replace")
            os.close(handle)
            raise BusyError(
                f"{str(path.parent)!r} is in use: process {holder or '?'} writes to it; "
                "end that one first, fork the run, or choose another folder"
            ) from error
        except OSError as error:
            os.close(handle)
            raise save_error(path, error) from error
        self._handle = handle

    def release(self) -> None:
        """Let others in; once is enough."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
