"""Bytes of a regular file or a stream, in pieces, and what to say when there are none to be had.

Promises not to wait: a pipe, a socket or a device behind a path is refused without opening it in a way that
blocks. It does not know what the bytes mean.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from corpora.errors import UnreadableError

PIECE: Final = 1 << 20  # bytes read at once


def open_regular(path: str | os.PathLike[str]) -> tuple[BinaryIO, Path]:
    """Open a regular file for reading; a leading ~ is the home directory. The caller closes the stream.

    Raises:
        UnreadableError: if it is missing, forbidden, or no regular file.
    """
    shown = os.fspath(path)
    try:
        expanded = Path(path).expanduser()
        _refuse_unless_regular(expanded.stat().st_mode, shown)  # before opening: some devices act on that
        stream = open(expanded, "rb", opener=_open_without_blocking)  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise _unreadable(error, shown) from error
    except (ValueError, RuntimeError) as error:  # a NUL in the path; a ~user who does not exist
        raise UnreadableError(f"{shown!r} is no path: {error}; check the spelling") from error
    try:
        _refuse_unless_regular(os.fstat(stream.fileno()).st_mode, shown)  # it may have been swapped since
    except UnreadableError:
        stream.close()
        raise
    return stream, expanded


def stands(path: str) -> bool:
    """Whether there is a file or folder of this name, which may be none that anything can have."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, a ~user who does not exist
        return False


def pieces(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The bytes of `stream` in pieces of exactly `PIECE` bytes but for the last, however short its reads are.

    Raises:
        UnreadableError: if a read fails; the message calls the stream `name`.
    """
    piece = bytearray()
    while True:
        try:
            read = stream.read(PIECE - len(piece))
        except OSError as error:
            raise _unreadable(error, name) from error
        if read is None:
            raise UnreadableError(f"{name!r} has no bytes ready and does not wait; save it to a file first")
        piece += read
        if piece and (not read or len(piece) == PIECE):
            yield bytes(piece)
            piece.clear()
        if not read:
            return


def _open_without_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # opening a FIFO would wait for its writer


def _refuse_unless_regular(mode: int, shown: str) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise UnreadableError(f"{shown!r} is a directory; choose a text file in it")
    for is_kind, kind in ((stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket")):
        if is_kind(mode):
            raise UnreadableError(
                f"{shown!r} is a {kind}, not a file; send its text to standard input instead"
            )
    raise UnreadableError(f"{shown!r} is a device, not a file; choose a text file")


def _unreadable(error: OSError, shown: str) -> UnreadableError:
    match error:
        case FileNotFoundError():
            return UnreadableError(f"there is no file {shown!r}; check the spelling and the directory")
        case PermissionError():
            return UnreadableError(f"no permission to read {shown!r}; chmod u+r gives it to the file's owner")
        case _:
            return UnreadableError(
                f"{shown!r} cannot be read ({error.strerror or error}); choose another file"
            )
