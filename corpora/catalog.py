"""Every corpus with a name: bundled, generated, from the Python installation, or downloaded.

Promises that a name gives the same text each time on the same installation, and that nothing is read,
generated or fetched before it is asked for. A generated corpus takes a seed after a colon: `markov:7`. The
name of a text on the web is its address. It does not know a person's own files: `corpora.corpus` opens those.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Final

from corpora import generated, installation
from corpora.addresses import is_address
from corpora.corpus import Corpus, Origin, Progress
from corpora.download import Download
from corpora.errors import UnknownCorpusError

__all__ = ["CATALOG", "DEFAULT", "CatalogEntry", "UnknownCorpusError", "download_of", "has", "load"]

DEFAULT: Final = "proverbs"
GENERATED_CHARACTERS: Final = 200_000
_SEED: Final = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class CatalogEntry:
    """A corpus that can be had by its name.

    Arguments:
        description: one line for a person who chooses.
        load: gives the corpus; a generated one with seed 0, a download fetched if it is not here.
        load_seeded: the same with a seed, for generated corpora; None for the others.
        download: where the text is fetched from; None for a text that needs no network.
    """

    name: str
    origin: Origin
    description: str
    load: Callable[[], Corpus]
    load_seeded: Callable[[int], Corpus] | None = None
    download: Download | None = None

    @property
    def here(self) -> bool:
        """Whether `load` does without a network."""
        return self.download is None or self.download.here

    @property
    def size(self) -> int | None:
        """Bytes, where they are known before the text is loaded."""
        return self.download.size if self.download is not None else None


def has(name: str) -> bool:
    """Whether `load` is the one to ask for `name`: it, or what stands before its colon, is in the catalog, or it
    is an address."""
    return name.partition(":")[0] in CATALOG or is_address(name)


def download_of(name: str) -> Download | None:
    """Where the text called `name` is fetched from, None if from nowhere; an address may be the catalog's."""
    if is_address(name):
        known = (entry.download for entry in CATALOG.values())
        return next((text for text in known if text and text.address == name), Download.of(name))
    entry = CATALOG.get(name)
    return entry.download if entry is not None else None


def load(
    name: str,
    *,
    fetch: bool = True,
    replace: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Corpus:
    """The corpus called `name`, or `name:seed` for a generated one, or the text behind an address.

    Arguments:
        fetch: whether the network may be asked for a download that is not on this machine.
        replace: turn malformed bytes of a download into U+FFFD instead of refusing it.
        progress: called for a download, with bytes and bytes in all: as they are fetched, then as they are read.
        cancelled: asked again and again while a download is fetched and read.
    Raises:
        UnknownCorpusError: if there is none, naming those that come near.
        CorpusError: if this Python came without the text, or it cannot be fetched (`DownloadError`).
        Cancelled: if the person gave up.
    """
    download = download_of(name)
    if download is not None:
        return download.load(fetch=fetch, replace=replace, progress=progress, cancelled=cancelled)
    base, colon, seed = name.partition(":")
    entry = CATALOG.get(base)
    if entry is None:
        near = difflib.get_close_matches(base.lower(), CATALOG, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownCorpusError(f"there is no corpus {name!r}; {hint}`charlm corpora` lists them all")
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


def _downloadable(name: str, description: str, address: str, *, size: int, sha256: str) -> CatalogEntry:
    download = Download(name, address, f"{name}.txt", size, sha256)
    return CatalogEntry(name, Origin.DOWNLOADED, description, download.load, download=download)


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
            _downloadable(
                "shakespeare",
                "tinyshakespeare: a million characters of Shakespeare's plays",
                "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                size=1_115_394,
                sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            ),
            _downloadable(
                "names-32k",
                "32 thousand given names, one a line",
                "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
                size=228_145,
                sha256="0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            ),
        )
    }
)
