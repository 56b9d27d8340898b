"""The words after `charlm`: the commands, their options and ranges, and the keys of what `--json` prints."""

from __future__ import annotations

import argparse
import difflib
import math
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from engine.cli import rate_finding, results, sampling
from engine.cli.failures import CommandError
from engine.models.presets import STANDARD, TINY
from engine.sampling import MAX_TEMPERATURE
from engine.scoreboard.export import COLUMNS
from engine.training.rules import RULES

SAMPLE_LENGTH = 200
MAX_LENGTH = 10_000_000
"""Characters that one sample may have."""
MAX_STEPS = int(RULES["stop_steps"].high)
MAX_SEED = int(RULES["seed"].high)
MAX_CHARACTERS = 0x110000
"""Of a vocabulary: all that Unicode has room for."""


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence, and takes options by their whole name: what a script says keeps its meaning."""

    def __init__(self, **choices: Any) -> None:  # Any: whatever argparse takes
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(**{"allow_abbrev": False, "formatter_class": layout, **choices})

    def parse_known_args(self, *args: Any, **kwargs: Any) -> tuple[Any, list[str]]:  # Any: as argparse has it
        """The words understood, and no others: each command refuses what means nothing to it.

        Raises:
            CommandError: if some cannot be used; the message names the nearest option.
        """
        words, unknown = super().parse_known_args(*args, **kwargs)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], options, n=1)
            hint = f", did you mean {near[0]}?" if near else ""
            raise CommandError(f"{unknown[0]} means nothing to {self.prog}{hint}; see {self.prog} --help")
        return words, unknown

    def error(self, message: str) -> NoReturn:
        """Raises: CommandError, always."""
        if message.startswith("argument "):
            message = message.removeprefix("argument ").replace(": ", " ", 1)
        raise CommandError(f"{message}; see {self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The commands and their options, with their help.

    Its `parse_args` raises CommandError for words that cannot be used.
    """
    words = _Parser(
        prog="charlm",
        description="Train, score and sample character-level language models without a screen.",
        epilog="Results go to standard output, everything else to standard error. `charlm train --help` says what\n"
        "the keys of --json mean.",
    )
    words.add_argument("--version", action="store_true", help="print the version, and exit")
    commands = words.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _train(commands.add_parser("train", help="train a model on a text", epilog=_of_training()))
    resume = commands.add_parser(
        "resume",
        help="go on with a run, bit for bit as if it had never stopped",
        epilog=_keys("train", results.KEYS),
    )
    _folder(resume)
    resume.add_argument(
        "--steps",
        type=_whole(1, MAX_STEPS),
        metavar="N",
        help="stop after N steps in all, in place of every stop condition of the run",
    )
    _json(resume)
    evaluate = commands.add_parser(
        "evaluate",
        help="score a whole part of a run's text",
        epilog=_keys("train", results.KEYS) + "\nThe losses of the parts that were not scored are null.",
    )
    _folder(evaluate)
    evaluate.add_argument(
        "--split",
        choices=("train", "validation", "test"),
        help="which part (default: the test part; else, where it is empty, validation or train)",
    )
    _best(evaluate)
    _json(evaluate)
    _sample(
        commands.add_parser("sample", help="let a trained model write", epilog=_keys("sample", sampling.KEYS))
    )
    columns = {key: meaning for key, (meaning, _) in COLUMNS.items()}
    _compare(
        commands.add_parser(
            "compare",
            help="train several models on the same text, and list how they did",
            epilog=_keys('compare: its "rows", one for each model, the best first', columns),
        )
    )
    _find_rate(
        commands.add_parser(
            "find-rate",
            help="look for a good learning rate by a range test",
            epilog=_keys("find-rate", rate_finding.KEYS),
        )
    )
    for name, what in (("corpora", "texts that have a name"), ("models", "models")):
        _json(commands.add_parser(name, help=f"list the {what}"))
    runs = commands.add_parser("runs", help="list the runs that are kept")
    runs.add_argument(
        "folder", nargs="?", type=_named, metavar="DIR", help="where they are (default: among your data)"
    )
    _json(runs)
    return words


def _train(words: argparse.ArgumentParser) -> None:
    _recipe(words)
    words.add_argument(
        "--steps",
        type=_whole(1, MAX_STEPS),
        metavar="N",
        help="stop after N steps, by which a schedule that falls has fallen; left aside by models that count",
    )
    words.add_argument(
        "--out", type=_named, metavar="DIR", help="the run's folder (default: a new one among your data)"
    )
    _json(words)


def _find_rate(words: argparse.ArgumentParser) -> None:
    _recipe(words)
    _json(words)


def _recipe(words: argparse.ArgumentParser) -> None:
    _corpus(words)
    words.add_argument(
        "--model", type=_named, required=True, metavar="NAME", help="which model; `charlm models` lists them"
    )
    _preset(words)
    words.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="an ingredient of the recipe, such as hidden=64 or split=0.9/0.05/0.05; again for more",
    )
    words.add_argument(
        "--seed", type=_whole(0, MAX_SEED), metavar="S", help="the seed of the run (default: 0)"
    )


def _sample(words: argparse.ArgumentParser) -> None:
    _folder(words)
    words.add_argument("--prompt", default="", metavar="TEXT", help="what to go on from")
    words.add_argument(
        "--length",
        type=_whole(0, MAX_LENGTH),
        default=SAMPLE_LENGTH,
        metavar="N",
        help=f"characters to write (default: {SAMPLE_LENGTH})",
    )
    heat = words.add_mutually_exclusive_group()
    heat.add_argument(
        "--temperature",
        type=_number(0, MAX_TEMPERATURE),
        default=1.0,
        metavar="T",
        help=f"what the scores are divided by, 0 to {MAX_TEMPERATURE:g} (default: 1)",
    )
    heat.add_argument("--greedy", action="store_true", help="always the most likely character")
    words.add_argument(
        "--top-k",
        type=_whole(0, MAX_CHARACTERS),
        default=0,
        metavar="K",
        help="only the K most likely characters (default: 0, all)",
    )
    words.add_argument(
        "--top-p",
        type=_number(0, 1),
        default=1.0,
        metavar="P",
        help="only the most likely characters that hold the share P (default: 1, all)",
    )
    words.add_argument(
        "--seed", type=_whole(0, MAX_SEED), default=0, metavar="S", help="of the random numbers (default: 0)"
    )
    _best(words)
    _json(words)


def _compare(words: argparse.ArgumentParser) -> None:
    _corpus(words)
    words.add_argument(
        "--models",
        type=_named,
        metavar="A,B,...",
        help="which, beside kneser-ney; each may name a preset of its own: lstm:tiny",
    )
    _preset(words)
    words.add_argument(
        "--split", type=_named, metavar="T/V/E", help="shares of training, validation and test"
    )
    budget = words.add_mutually_exclusive_group()
    budget.add_argument(
        "--seconds",
        type=_number(0.01, RULES["stop_seconds"].high),
        metavar="S",
        help="seconds of training for each model that learns by gradients (default: 60)",
    )
    budget.add_argument("--steps", type=_whole(1, MAX_STEPS), metavar="N", help="steps for each of them")
    words.add_argument(
        "--seed", type=_whole(0, MAX_SEED), default=0, metavar="S", help="the seed of all runs (default: 0)"
    )
    words.add_argument("--csv", type=_named, metavar="FILE", help="write the table there, too")
    words.add_argument("--markdown", type=_named, metavar="FILE", help="write the table there, too")
    _json(words)


def _corpus(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "--corpus",
        type=_named,
        required=True,
        metavar="NAME|PATH",
        help="the text: a name (`charlm corpora` lists them; ./NAME is a file), a path, an address, or - for "
        "standard input",
    )


def _preset(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "--preset",
        type=_named,
        default=STANDARD,
        metavar="P",
        help=f"choices to begin from, such as {TINY} (default: {STANDARD})",
    )


def _folder(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "folder", type=_named, metavar="DIR", help="the run's folder, or its name among your data"
    )
    words.add_argument(
        "--corpus", type=_named, metavar="PATH", help="where its text is now, if that is elsewhere by now"
    )


def _best(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "--best", action="store_true", help="the model with the lowest validation loss, kept with patience"
    )


def _json(words: argparse.ArgumentParser) -> None:
    words.add_argument("--json", action="store_true", help="print one JSON object")


# What help says beside the options.


def _keys(command: str, keys: Mapping[str, str]) -> str:
    width = max(map(len, keys))
    lines = [f"  {key:<{width}}  {meaning}" for key, meaning in keys.items()]
    return "\n".join([f"keys of --json, as of charlm {command}:", *lines])


def _of_training() -> str:
    width = max(map(len, RULES))
    lines = [
        line
        for name, rule in RULES.items()
        if name not in ("corpus", "fingerprint", "model")
        for line in textwrap.wrap(
            f"{name:<{width}}  {rule.meaning}: {rule.allowed}",
            width=100,
            initial_indent="  ",
            subsequent_indent=" " * (width + 4),
        )
    ]
    return "\n".join(
        [
            _keys("train", results.KEYS),
            "",
            "what --set can set (split=T/V/E sets both shares):",
            *lines,
        ]
    )


# What an option may be.


def _named(word: str) -> str:
    if not word:
        raise argparse.ArgumentTypeError("is empty; give a name")
    return word


def _whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`."""

    def read(word: str) -> int:
        number = int(word) if word.isascii() and word.isdecimal() and len(word) < 25 else -1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{word}: must be a whole number from {low} to {high}")
        return number

    return read


def _number(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""

    def read(word: str) -> float:
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{word}: must be a number from {low:g} to {high:g}")
        return number

    return read
