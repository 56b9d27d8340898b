"""The words after `charlm`: the commands and their options."""

from __future__ import annotations

import argparse

from engine.models.presets import STANDARD, TINY
from engine.sampling import MAX_TEMPERATURE

SAMPLE_LENGTH = 200


def parser() -> argparse.ArgumentParser:
    """The commands and their options, with their help."""
    words = argparse.ArgumentParser(
        prog="charlm",
        description="Train, score and sample character-level language models without a screen.",
        epilog="Results go to standard output, everything else to standard error.",
    )
    words.add_argument("--version", action="store_true", help="print the version, and exit")
    commands = words.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _train(commands.add_parser("train", help="train a model on a text"))
    resume = commands.add_parser("resume", help="go on with a run, bit for bit as if it had never stopped")
    _folder(resume)
    resume.add_argument(
        "--steps", type=_count, metavar="N", help="stop after N steps in all, in place of what was planned"
    )
    _json(resume)
    evaluate = commands.add_parser("evaluate", help="score a whole part of a run's text")
    _folder(evaluate)
    evaluate.add_argument(
        "--split", choices=("train", "validation", "test"), help="which part (default: test, else validation)"
    )
    evaluate.add_argument("--best", action="store_true", help="the model with the lowest validation loss")
    _json(evaluate)
    _sample(commands.add_parser("sample", help="let a trained model write"))
    _compare(
        commands.add_parser("compare", help="train several models on the same text, and list how they did")
    )
    for name, what in (("corpora", "texts that have a name"), ("models", "models")):
        _json(commands.add_parser(name, help=f"list the {what}"))
    return words


def _train(words: argparse.ArgumentParser) -> None:
    _corpus(words)
    words.add_argument(
        "--model", required=True, metavar="NAME", help="which model; `charlm models` lists them"
    )
    words.add_argument(
        "--preset",
        default=STANDARD,
        metavar="P",
        help=f"choices to begin from: {TINY} or {STANDARD} (default)",
    )
    words.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="an ingredient of the recipe, such as hidden=64 or split=0.9/0.05/0.05; again for more",
    )
    words.add_argument("--steps", type=_count, metavar="N", help="stop after N steps")
    words.add_argument("--seed", type=_count, metavar="S", help="the seed of the run")
    words.add_argument("--out", metavar="DIR", help="the run's folder (default: a new one among your data)")
    _json(words)


def _sample(words: argparse.ArgumentParser) -> None:
    _folder(words)
    words.add_argument("--prompt", default="", metavar="TEXT", help="what to go on from")
    words.add_argument(
        "--length",
        type=_count,
        default=SAMPLE_LENGTH,
        metavar="N",
        help=f"characters to write (default: {SAMPLE_LENGTH})",
    )
    words.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="T",
        help=f"what the scores are divided by, 0 to {MAX_TEMPERATURE:g} (default: 1)",
    )
    words.add_argument(
        "--top-k", type=_count, default=0, metavar="K", help="only the K most likely characters"
    )
    words.add_argument(
        "--top-p", type=float, default=1.0, metavar="P", help="only the most likely that hold the share P"
    )
    words.add_argument("--greedy", action="store_true", help="always the most likely character")
    words.add_argument(
        "--seed", type=_count, default=0, metavar="S", help="of the random numbers (default: 0)"
    )
    words.add_argument("--best", action="store_true", help="the model with the lowest validation loss")
    _json(words)


def _compare(words: argparse.ArgumentParser) -> None:
    _corpus(words)
    words.add_argument("--models", metavar="A,B,...", help="which; each may name a preset: lstm:tiny")
    words.add_argument("--split", metavar="T/V/E", help="shares of training, validation and test")
    budget = words.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, metavar="S", help="seconds of training for each model")
    budget.add_argument("--steps", type=_count, metavar="N", help="steps for each model")
    words.add_argument(
        "--seed", type=_count, default=0, metavar="S", help="the seed of all runs (default: 0)"
    )
    words.add_argument("--csv", metavar="FILE", help="write the table there, too")
    words.add_argument("--markdown", metavar="FILE", help="write the table there, too")
    _json(words)


def _corpus(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "--corpus",
        required=True,
        metavar="NAME|PATH",
        help="the text; `charlm corpora` lists those with a name",
    )


def _folder(words: argparse.ArgumentParser) -> None:
    words.add_argument("folder", metavar="DIR", help="the run's folder")


def _json(words: argparse.ArgumentParser) -> None:
    words.add_argument("--json", action="store_true", help="print one JSON object")


def _count(word: str) -> int:
    number = int(word) if word.isascii() and word.isdecimal() and len(word) < 20 else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{word} is no whole number from 0 on")
    return number
