"""How a command ends when it cannot do what it was asked for: words on standard error, and an exit code."""

from __future__ import annotations

BAD_INPUT = 2
"""Exit code for words, files or recipes that cannot be used."""
FAILED = 1
"""Exit code for work that was begun and went wrong."""


class CommandError(Exception):
    """A command cannot be carried out.

    Arguments:
        message: why, and what to do.
        code: the exit code.
    """

    def __init__(self, message: str, code: int = BAD_INPUT) -> None:
        super().__init__(message)
        self.code = code
