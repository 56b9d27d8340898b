"""Every corpus with a name: bundled, generated, or from the Python installation.

Promises that a name gives the same text each time on the same installation, and that nothing is read or
generated before it is asked for. A generated corpus takes a seed after a colon: `markov:7`. It does not know
a person's own files: `corpora.corpus` opens those.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

from corpora import generated, installation
from corpora.corpus import Corpus, Origin
from corpora.errors import UnknownCorpusError

__all__ = ["CATALOG", "DEFAULT", "CatalogEntry", "UnknownCorpusError", "load"]

DEFAULT: Final = "proverbs"
GENERATED_CHARACTERS: Final = 200_000
_SEED: Final = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class CatalogEntry:
    """A corpus that can be had by its name.

    Arguments:
        description: one line for a person who chooses.
        load: gives the corpus; a generated one with seed 0.
        load_seeded: the same with a seed, for generated corpora; None for the others.
    """

    name: str
    origin: Origin
    description: str
    load: Callable[[], Corpus]
    load_seeded: Callable[[int], Corpus] | None = None


def load(name: str) -> Corpus:
    """The corpus called `name`, or `name:seed` for a generated one.

    Raises:
        UnknownCorpusError: if there is none, naming those that come near.
        CorpusError: if this Python came without the text.
    """
    base, colon, seed = name.partition(":")
    entry = CATALOG.get(base)
    if entry is None:
        near = difflib.get_close_matches(base.lower(), CATALOG, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownCorpusError(
            f"there is no corpus {name!r}; {hint}charlm-tui --list-corpora lists them all"
        )
    if not colon:
        return entry.load()
    if entry.load_seeded is None:
        raise UnknownCorpusError(f"corpus {base!r} takes no seed, only generated ones do; ask for {base!r}")
    if not _SEED.fullmatch(seed):
        raise UnknownCorpusError(f"{seed!r} is no seed; write a whole number up to 18 digits, as in {base}:7")
    return entry.load_seeded(int(seed))


def _bundled(name: str, description: str) -> CatalogEntry:
    def read() -> Corpus:
        text = resources.files("corpora").joinpath("texts", f"{name}.txt").read_text(encoding="utf-8")
        return Corpus.from_text(name, text, origin=Origin.BUNDLED, source="bundled, written for charlm")

    return CatalogEntry(name, Origin.BUNDLED, description, read)


def _generated(name: str, description: str, source: Callable[[int, int], tuple[str, float]]) -> CatalogEntry:
    def generate(seed: int) -> Corpus:
        text, entropy_rate = source(seed, GENERATED_CHARACTERS)
        return Corpus.from_text(
            f"{name}:{seed}" if seed else name,
            text,
            origin=Origin.GENERATED,
            source=f"generated with seed {seed}",
            entropy_rate=entropy_rate,
        )

    return CatalogEntry(name, Origin.GENERATED, description, lambda: generate(0), generate)


def _installed(name: str, description: str, source: str, read: Callable[[], str]) -> CatalogEntry:
    def from_installation() -> Corpus:
        return Corpus.from_text(name, read(), origin=Origin.PYTHON, source=source)

    return CatalogEntry(name, Origin.PYTHON, description, from_installation)


CATALOG: Final[Mapping[str, CatalogEntry]] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            _bundled("proverbs", "a page of proverb-like sentences: small enough to learn by heart"),
            _bundled("names", "given names from many countries, one a line"),
            _bundled("story", "a tale in chapters: ordinary English prose"),
            _generated("arithmetic", "sums such as 12+7=19: can it learn to add?", generated.arithmetic),
            _generated("brackets", "balanced brackets: does it remember what is open?", generated.brackets),
            _generated(
                "markov", "a random chain: two characters tell all there is to know", generated.markov
            ),
            _installed("zen", "the Zen of Python", "this Python's module this", installation.zen),
            _installed(
                "topics", "Python's language reference", "this Python's pydoc_data", installation.topics
            ),
            _installed(
                "stdlib",
                "Python source: up to 5 million characters of its library",
                "this Python's standard library",
                installation.standard_library,
            ),
        )
    }
)
