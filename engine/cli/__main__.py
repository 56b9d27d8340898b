"""`charlm`, and `python -m engine.cli`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from corpora.errors import CorpusError
from engine.cli import commands, listing
from engine.cli.comparing import compare
from engine.cli.failures import BAD_INPUT, FAILED, CommandError
from engine.cli.results import as_json
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
    except BrokenPipeError:  # whoever read the output has gone
        sys.stderr.close()
        return FAILED


def _corpora(words: argparse.Namespace) -> int:
    rows = listing.corpora()
    if words.json:
        sys.stdout.write(as_json({"corpora": rows}) + "\n")
    else:
        sys.stdout.write(listing.columns(rows, ("name", "origin", "description")) + "\n")
    return 0


def _models(words: argparse.Namespace) -> int:
    rows = listing.models()
    if words.json:
        sys.stdout.write(as_json({"models": rows}) + "\n")
    else:
        sys.stdout.write(listing.columns(rows, ("name", "description", "source")) + "\n")
    return 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "train": commands.train,
    "resume": commands.resume,
    "evaluate": commands.evaluate,
    "sample": commands.sample,
    "compare": compare,
    "corpora": _corpora,
    "models": _models,
}


def _refuse(message: str, code: int) -> int:
    sys.stderr.write(f"charlm: {message}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
