"""The text of a run, kept beside it where neither the catalog nor a path would bring it back."""

from __future__ import annotations

from pathlib import Path

from corpora.catalog import CATALOG
from corpora.corpus import Corpus, Origin
from corpora.decoding import REPLACEMENT
from engine.training.atomic import write_atomically
from engine.training.errors import CheckpointError

_MARK = "\ufeff"
"""The byte order mark: taken off the beginning of whatever is read."""


def name_in_recipe(corpus: Corpus) -> str:
    """What a run's recipe calls its text: the absolute path of a person's own file, else its name."""
    name = corpus.source if corpus.origin is Origin.OWN and comes_back(corpus) else corpus.name
    return sayable(name)


def comes_back(corpus: Corpus) -> bool:
    """Whether a name in the catalog or a path will bring the same text again.

    A file that could be read only by replacing what is no UTF-8 does not come back by its path alone.
    """
    if corpus.origin is not Origin.OWN:
        return corpus.name.partition(":")[0] in CATALOG
    source = corpus.source
    return Path(source).is_absolute() and source == sayable(source) and REPLACEMENT not in corpus.vocabulary


def sayable(name: str) -> str:
    """`name` with a question mark for what no text may hold; the name of a file may be such."""
    return name.encode("utf-8", "replace").decode()


def keep(corpus: Corpus, path: Path) -> None:
    """Write the text to a file.

    Raises:
        SaveError: if that fails.
    """
    text = corpus.text
    if text.startswith(_MARK):
        text = _MARK + text  # one will be taken off
    write_atomically(path, text.encode())


def read_kept(path: Path, name: str) -> Corpus:
    """The text that `keep` wrote, under this name.

    Raises:
        CheckpointError: if it cannot be read.
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{str(path)!r} cannot be read: {error}; put a copy of the text in its place"
        ) from error
    return Corpus.from_text(name, text, origin=Origin.OWN, source=name)
