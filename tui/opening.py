"""How a text comes in while the screen goes on: one opening is one text, read on a thread of its own.

What it promises: whatever happens on the way ends in exactly one call of `done`, with a corpus that can be
trained on or with a refusal in words; a reading that nobody waits for any more stops at its next piece, and
never keeps the program from ending. What it does not know: the screen. `progress` and `done` are called on
the opening's thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpora.catalog import download_of, has, load
from corpora.corpus import Cancelled, Corpus, CorpusError, NotUtf8Error, Origin, open_corpus
from engine.training.errors import RunError


@dataclass(frozen=True)
class FromPath:
    """A person's own file.

    Attributes:
        path: as typed; a leading ~ is the home directory, a relative one starts where the program does.
        replace: turn malformed bytes into U+FFFD instead of refusing the file.
    """

    path: str
    replace: bool = False


@dataclass(frozen=True)
class FromCatalog:
    """A text that has a name, or one on the web.

    Attributes:
        name: of the text, or its address.
        fetch: whether it is fetched if it is not on this machine.
        replace: turn malformed bytes of a text from the web into U+FFFD instead of refusing it.
    """

    name: str
    fetch: bool = True
    replace: bool = False


@dataclass(frozen=True)
class FromText:
    """A text at hand, such as a paste."""

    name: str
    text: str


@dataclass(frozen=True)
class FromRun:
    """The text of a run that is kept.

    Attributes:
        folder: the run's.
    """

    folder: Path


Source = FromPath | FromCatalog | FromText | FromRun


def source_of(name: str) -> FromPath | FromCatalog:
    """Where the text comes from that a recipe calls `name`: from the catalog, an address, or a path."""
    return FromCatalog(name) if has(name) else FromPath(name)


def name_of(source: Source) -> str:
    """What a person calls it: the path, the name, the address."""
    match source:
        case FromPath(path):
            return path
        case FromRun(folder):
            return f"the text of {folder.name}"
    return source.name


def at_work(source: Source, read: int = 0, total: int = 0) -> str:
    """What is being done to bring a text in, and how far it has come, in words.

    Arguments:
        read: bytes so far.
        total: bytes in all, 0 if that is not known.
    """
    download = download_of(source.name) if isinstance(source, FromCatalog) else None
    doing = "reading" if download is None or download.here else "fetching"
    of = f" of {total:,}" if total else ""
    return f"{doing} {name_of(source)!r}" + (f": {read:,}{of} bytes" if read else "")


@dataclass(frozen=True)
class Refusal:
    """Why there is no corpus.

    Attributes:
        message: what the person is told; it may quote a file's name, so it is not markup.
        replaceable: whether the same file opens if its malformed bytes are replaced.
        cancelled: whether the person gave up, and knows.
    """

    message: str
    replaceable: bool = False
    cancelled: bool = False


Outcome = Corpus | Refusal


class Opening:
    """One text on its way in.

    Arguments:
        source: where it comes from.
        done: called once, with the corpus or the reason why there is none.
        progress: called now and then with the bytes read and the bytes in all (0 if that is not known).
        context: characters of context the text must be long enough for.
    """

    def __init__(
        self,
        source: Source,
        done: Callable[[Opening, Outcome], None],
        *,
        progress: Callable[[Opening, int, int], None] | None = None,
        context: int = 1,
    ) -> None:
        self.source = source
        self._done = done
        self._progress = progress
        self._context = context
        self._cancelled = threading.Event()

    def start(self) -> Opening:
        """Begin, on a daemon thread: a disk that does not answer must not keep the program from ending."""
        threading.Thread(target=self._run, name="opening", daemon=True).start()
        return self

    def cancel(self) -> None:
        """Nobody waits for it any more: a file is left at the next piece, the web at once, a text at hand when it
        is there."""
        self._cancelled.set()

    def outcome(self) -> Outcome:
        """Read the text here and now; whatever goes wrong becomes a refusal."""
        try:
            corpus = self._read(self.source)
            corpus.require(self._context)
            _ = corpus.unigram_entropy  # counted here, so that no screen has to wait for it
        except Cancelled as wish:
            return Refusal(str(wish), cancelled=True)
        except NotUtf8Error as error:
            # A malformed byte can be replaced; a text in another encoding has no cause and only one way out.
            malformed = isinstance(error.__cause__, UnicodeDecodeError)
            return Refusal(str(error), replaceable=malformed)
        except (CorpusError, RunError) as error:
            return Refusal(str(error))
        except Exception as error:  # noqa: BLE001 - an exception would vanish with its thread
            return Refusal(f"{name_of(self.source)!r} could not be opened: {type(error).__name__}: {error}")
        if self._cancelled.is_set():
            return Refusal(f"{corpus.name!r} was not opened: cancelled", cancelled=True)
        return corpus

    def _run(self) -> None:
        self._done(self, self.outcome())

    def _read(self, source: Source) -> Corpus:
        match source:
            case FromPath(path, replace):
                return open_corpus(
                    path, replace=replace, progress=self._report, cancelled=self._cancelled.is_set
                )
            case FromCatalog(name, fetch, replace):
                return load(
                    name,
                    fetch=fetch,
                    replace=replace,
                    progress=self._report,
                    cancelled=self._cancelled.is_set,
                )
            case FromText(name, text):
                return Corpus.from_text(name, text, origin=Origin.OWN, source="a paste")
            case FromRun(folder):
                return self._read_of_run(folder)

    def _read_of_run(self, folder: Path) -> Corpus:
        """The text that the run's recipe names, or that stands beside it."""
        # All of training would be imported with it: that can wait until somebody has a run to go on with.
        from engine.training.run_folder import RunFolder

        return RunFolder.open(folder).corpus(lambda name: self._read(source_of(name)))

    def _report(self, read: int, total: int) -> None:
        if self._progress is not None:
            self._progress(self, read, total)
