"""The door through which everything is printed: nothing in a text is obeyed by a terminal.

A text that people see keeps its line feeds and tabs; every other control, format, surrogate, private or unassigned
character gets a stand-in, so no text can move the cursor, colour what follows, set a title or turn its neighbours
round. JSON needs none of this: it escapes them all, and gives back the exact text to whoever reads it.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TextIO

from engine.cli.failures import FAILED, CommandError

_PICTURES = 0x2400  # the block of control pictures begins with the one for NUL


def harmless(text: str) -> str:
    """`text` with a visible stand-in for whatever a terminal would obey."""
    return text if text.isprintable() else "".join(map(_stand_in, text))


def cells(character: str) -> int:
    """How many cells a printable character takes up, as far as the standard tells."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def standard(name: str) -> TextIO | None:
    """`stdin`, `stdout` or `stderr`; None if it was closed before the program began."""
    stream: TextIO | None = getattr(sys, name)
    return stream


def print_out(text: str) -> None:
    """Write to standard output, at once; a character that its encoding lacks is written as an escape.

    Raises:
        BrokenPipeError: if whoever read it has gone.
        CommandError: if it cannot be written to.
    """
    stream = standard("stdout")
    if stream is None:
        raise CommandError("standard output is closed, so there is nowhere to print the result to", FAILED)
    try:
        write(stream, text)
    except BrokenPipeError:
        discard(stream)
        raise
    except OSError as error:
        discard(stream)
        raise CommandError(f"standard output cannot be written to: {error.strerror}", FAILED) from error


def write(stream: TextIO, text: str) -> None:
    """Write at once, in the stream's encoding."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: flushed at the end of the program, it would fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _stand_in(character: str) -> str:
    code = ord(character)
    if character in "\n\t":
        return character
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    category = unicodedata.category(character)
    if category == "Cf":
        return "\N{MIDDLE DOT}"
    return "\N{REPLACEMENT CHARACTER}" if category[0] == "C" or category in ("Zl", "Zp") else character
