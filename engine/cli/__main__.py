"""`charlm`, and `python -m engine.cli`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from corpora.errors import CorpusError
from engine.cli import listing
from engine.cli.choosing import has_an_end, recipe_for
from engine.cli.failures import BAD_INPUT, FAILED, CommandError
from engine.cli.interrupts import Interrupts
from engine.cli.progress import Progress
from engine.cli.results import Plain, as_json, as_lines
from engine.cli.sampling import sampling_of, to_standard_output, write
from engine.cli.scoring import THOROUGH, Interrupted, part_borders, score, score_all
from engine.cli.texts import load_text, text_for
from engine.cli.training import Ending, Training, numbers_of
from engine.cli.words import parser
from engine.commands import Generate
from engine.information import nats_to_bits, perplexity
from engine.live_run import LiveRun
from engine.training.beginning import begin
from engine.training.course import Course
from engine.training.divergence import Diverged
from engine.training.errors import RunError
from engine.training.run_folder import RunFolder
from engine.training.runs import runs_folder
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
