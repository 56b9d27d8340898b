"""`charlm`, and `python -m engine.cli`."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from corpora.errors import CorpusError
from engine.cli import commands, listing
from engine.cli.comparing import compare
from engine.cli.failures import BAD_INPUT, FAILED, CommandError
from engine.cli.progress import Progress
from engine.cli.rate_finding import rate_finding
from engine.cli.terminal import print_out
from engine.cli.words import parser
from engine.training.errors import RunError
from engine.training.rules import RecipeError

COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "train": commands.train,
    "resume": commands.resume,
    "evaluate": commands.evaluate,
    "sample": commands.sample,
    "compare": compare,
    "find-rate": rate_finding,
    "corpora": listing.print_corpora,
    "models": listing.print_models,
    "runs": listing.print_runs,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command; returns the exit code, 0 only on success."""
    try:
        words = parser().parse_args(arguments)
        if words.version:
            from importlib.metadata import version  # takes as long to import as all the corpora

            print_out(f"charlm {version('charlm')}\n")
            return 0
        if words.command is None:
            Progress().say(parser().format_help())
            return BAD_INPUT
        with np.errstate(all="ignore"):  # the trainer itself looks for what is not finite
            return COMMANDS[words.command](words)
    except CommandError as error:
        return _refuse(str(error), error.code)
    except (CorpusError, RecipeError, RunError) as error:
        return _refuse(str(error), BAD_INPUT)
    except MemoryError:
        return _refuse("memory ran out; choose a smaller model, batch or text", FAILED)
    except BrokenPipeError:  # whoever read the output has gone: there is nobody to tell
        return FAILED
    except KeyboardInterrupt:  # before there was anything to save
        return _refuse("interrupted", 128 + signal.SIGINT)


def _refuse(message: str, code: int) -> int:
    Progress().say(f"charlm: {message}")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
