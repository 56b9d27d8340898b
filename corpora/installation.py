"""Texts that every Python brings along, so that none has to be shipped: its Zen, its reference, its library.

Promises the same text each time on the same installation; versions of Python differ. Nothing is executed
or printed but for importing `pydoc_data.topics`, which is a table of strings.
"""

import ast
import codecs
import importlib
import importlib.util
import sysconfig
import tokenize
from importlib.abc import InspectLoader
from pathlib import Path
from typing import Final

from corpora.errors import CorpusError

STDLIB_CHARACTERS: Final = 5_000_000  # the library is taken up to the module that would pass this


def zen() -> str:
    """The Zen of Python, from the source of the module `this`, which prints it when imported.

    Raises:
        CorpusError: if this Python came without that source.
    """
    spec = importlib.util.find_spec("this")
    source = spec.loader.get_source("this") if spec and isinstance(spec.loader, InspectLoader) else None
    for node in ast.walk(ast.parse(source or "")):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            return codecs.decode(node.value, "rot13")
    raise CorpusError("this Python came without the source of its module 'this'; choose another corpus")


def topics() -> str:
    """The language reference as `help()` shows it, topics in alphabetical order, one empty line between two.

    Raises:
        CorpusError: if this Python came without `pydoc_data`.
    """
    try:
        table: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise CorpusError(
            "this Python came without its reference (pydoc_data); choose another corpus"
        ) from error
    return "\n".join(table[key].strip("\n") + "\n" for key in sorted(table))


def standard_library(folder: Path | None = None, limit: int = STDLIB_CHARACTERS) -> str:
    """The source of the standard library's single-file modules, in alphabetical order.

    Arguments:
        folder: where the modules lie; this Python's own if None.
        limit: characters; the first module that would pass it ends the text.
    Raises:
        CorpusError: if there are no sources, or one cannot be read.
    """
    folder = Path(sysconfig.get_path("stdlib")) if folder is None else folder
    sources: list[str] = []
    room = limit
    for path in sorted(folder.glob("*.py")):
        try:
            with tokenize.open(path) as stream:  # honours the encoding that a source declares
                source = stream.read()
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            raise CorpusError(
                f"the module {str(path)!r} cannot be read: {error}; choose another corpus"
            ) from error
        room -= len(source)
        if room < 0:
            break
        sources.append(source)
    if not sources:
        raise CorpusError(f"this Python came without sources in {str(folder)!r}; choose another corpus")
    return "".join(sources)
