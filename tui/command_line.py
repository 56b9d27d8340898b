"""The words after `charlm-tui`: what they may be, and what a wrong one gets told.

Promises that a wrong word ends the program before a screen opens, with a sentence on standard error and exit code
2. It does not import the screen, so `--version` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corpora import catalog
from corpora.addresses import is_address
from corpora.corpus import Corpus, CorpusError, NotUtf8Error, Origin, open_corpus, read_stream
from corpora.files import stands
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError

OPENED_FIRST = 16 << 20
"""Bytes up to which a file is opened before the screen; a larger one opens under it, with a progress bar."""

BAD_INPUT = 2
"""Exit code for a word, a file or a recipe that cannot be used."""


class CommandLineError(Exception):
    """The words cannot be carried out; the message says why and what to do."""


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        recipe: of the first run.
        corpus: its text; None to load what the recipe names.
        path: a file or an address to open under the screen, "" for none.
        run: the folder of a run to go on with, None to begin one.
    """

    recipe: Recipe
    corpus: Corpus | None = None
    path: str = ""
    run: Path | None = None


def parser() -> argparse.ArgumentParser:
    """The options, with their help."""
    words = argparse.ArgumentParser(
        prog="charlm-tui",
        description="See a character-level language model learn, one example at a time or at full speed.",
        epilog="Press ? inside for all keys.",
    )
    words.add_argument(
        "text",
        nargs="?",
        metavar="TEXT",
        help="a text file or an http(s) address to train on; - is standard input",
    )
    words.add_argument(
        "--corpus", metavar="NAME", help="a text that has a name, or an address; see --list-corpora"
    )
    words.add_argument(
        "--recipe", metavar="STRING|FILE", help="the choices of a run, as copied from the screen"
    )
    words.add_argument("--run", metavar="DIR", help="go on with the run that is kept in this folder")
    words.add_argument("--seed", metavar="N", help="the seed of the run")
    words.add_argument(
        "--list-corpora", action="store_true", help="list the texts that have a name, and exit"
    )
    words.add_argument("--version", action="store_true", help="print the version, and exit")
    return words


def listing() -> str:
    """The catalog, a line a text."""
    width = max(map(len, catalog.CATALOG))
    return "\n".join(
        f"{name:<{width}}  {entry.origin.value:<9}  {entry.description}{_whereabouts(entry)}"
        for name, entry in catalog.CATALOG.items()
    )


def _whereabouts(entry: catalog.CatalogEntry) -> str:
    """What a person would wait for who chooses a download."""
    if entry.download is None:
        return ""
    size = f"{entry.size:,} bytes, " if entry.size else ""
    return f" ({size}{'on this machine' if entry.here else 'fetched when it is chosen'})"


def understand(words: argparse.Namespace, stdin: BinaryIO) -> Wishes:
    """Turn the words into wishes, and read what can be read before a screen opens.

    Arguments:
        words: as `parser()` parsed them.
        stdin: read to its end if TEXT is "-".

    Raises:
        CommandLineError: if they contradict each other, or a recipe, a name or a file cannot be used.
    """
    if words.text is not None and words.corpus is not None:
        raise CommandLineError(f"TEXT {words.text!r} and --corpus {words.corpus!r}: give one of the two")
    if words.run is not None:
        return _resumed(words)
    try:
        recipe = _recipe(words.recipe)
        if words.seed is not None:
            recipe = recipe.with_values(seed=words.seed)
        on_the_web = words.text is not None and is_address(words.text)
        name = words.text if on_the_web else words.corpus
        if name is not None:
            recipe = recipe.with_values(corpus=name)
        if words.text == "-":
            return _checked(recipe, read_stream(stdin, name="standard input"))
        path = words.text if words.text is not None and not on_the_web else _path_in(recipe)
        if path is None and recipe.corpus == catalog.DEFAULT:
            return Wishes(recipe)  # always there: the first frame need not wait for it
        if path is None:
            return _from_catalog(recipe)
        return _from_file(recipe, path)
    except (CorpusError, RecipeError) as error:
        raise CommandLineError(str(error)) from error


def _resumed(words: argparse.Namespace) -> Wishes:
    """A run whose folder looks right is gone on with under the screen, where its text can be seen coming."""
    # All of training is imported with it; who begins a run does not wait for that.
    from engine.training.errors import RunError
    from engine.training.runs import find, summary

    for name, value in (
        ("TEXT", words.text),
        ("--corpus", words.corpus),
        ("--recipe", words.recipe),
        ("--seed", words.seed),
    ):
        if value is not None:
            raise CommandLineError(f"--run {words.run!r} goes on with a run as it is; leave out {name}")
    try:
        folder = find(words.run).expanduser().absolute()
    except (RunError, RuntimeError) as error:  # RuntimeError: a home of nobody
        raise CommandLineError(f"--run {words.run!r}: {error}") from error
    found = summary(folder)
    if found.recipe is None or found.trouble:
        raise CommandLineError(f"--run: {found.trouble}")
    return Wishes(found.recipe, run=folder)


def _recipe(given: str | None) -> Recipe:
    """The recipe in a file of that name if there is one, else the recipe that the string itself is."""
    if given is None:
        return Recipe()
    if "=" in given and not stands(given):
        return Recipe.parse(given)
    try:
        return Recipe.from_toml(Path(given).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandLineError(
            f"--recipe {given!r}: neither a readable file ({reason}) nor words of the form name=value"
        ) from None


def _path_in(recipe: Recipe) -> str | None:
    """The file that a recipe names, None if it names a text of the catalog or an address."""
    if catalog.has(recipe.corpus):
        return None
    return recipe.corpus if os.sep in recipe.corpus or stands(recipe.corpus) else None


def _from_catalog(recipe: Recipe) -> Wishes:
    """A text that has to be fetched is fetched under the screen, where that can be seen and given up."""
    download = catalog.download_of(recipe.corpus)
    if download is not None and not download.here:
        return Wishes(recipe, path=download.address)
    try:
        return _checked(recipe, catalog.load(recipe.corpus))
    except NotUtf8Error:  # behind an address: the open dialog says why, and can offer to replace
        return Wishes(recipe, path=recipe.corpus)


def _from_file(recipe: Recipe, path: str) -> Wishes:
    try:
        if Path(path).expanduser().stat().st_size > OPENED_FIRST:
            return Wishes(recipe, path=path)
    except (OSError, ValueError, RuntimeError):
        pass  # `open_corpus` says in words what is wrong with it
    try:
        return _checked(recipe, open_corpus(path))
    except NotUtf8Error:
        return Wishes(recipe, path=path)  # the open dialog says why, and can offer to replace


def _checked(recipe: Recipe, corpus: Corpus) -> Wishes:
    corpus.require(recipe.context)
    return Wishes(recipe.with_values(corpus=recipe_name(corpus)), corpus)


def recipe_name(corpus: Corpus) -> str:
    """What a recipe calls this text: the path of a person's own file, else its name."""
    is_file = corpus.origin is Origin.OWN and os.sep in corpus.source
    return corpus.source if is_file else corpus.name


def wishes_from(arguments: Sequence[str] | None) -> Wishes | int:
    """The wishes, or the exit code if the program is to end here."""
    words = parser().parse_args(arguments)
    if words.version:
        from importlib.metadata import version  # takes as long to import as all the corpora

        sys.stdout.write(f"charlm {version('charlm')}\n")
        return 0
    if words.list_corpora:
        sys.stdout.write(listing() + "\n")
        return 0
    try:
        return understand(words, sys.stdin.buffer)
    except CommandLineError as error:
        sys.stderr.write(f"charlm-tui: {error}\n")
        return BAD_INPUT
