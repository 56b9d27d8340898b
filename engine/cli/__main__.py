"""`charlm`, and `python -m engine.cli`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from corpora.errors import CorpusError
from engine.cli.failures import BAD_INPUT, FAILED, CommandError
from engine.cli.words import parser
from engine.training.errors import RunError
from engine.training.rules import RecipeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command; returns the exit code, 0 only on success."""
    words = parser().parse_args(arguments)
    if words.version:
        from importlib.metadata import version  # takes as long to import as all the corpora

        sys.stdout.write(f"charlm {version('charlm')}\n")
        return 0
    if words.command is None:
        parser().print_help(sys.stderr)
        return BAD_INPUT
    try:
        return COMMANDS[words.command](words)
    except CommandError as error:
        return _refuse(str(error), error.code)
    except (CorpusError, RecipeError, RunError) as error:
        return _refuse(str(error), BAD_INPUT)
    except MemoryError:
        return _refuse("memory ran out; choose a smaller model, batch or text", FAILED)
