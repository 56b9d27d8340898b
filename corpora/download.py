"""A text behind an http(s) address, and its copy on this machine.

Promises that the network is asked only when a text is wanted that is not here; that a copy is written whole
or not at all, and checked against its sum whenever it is read; and that where there is no network, a message
says which file to put where. It does not know the catalog, nor how bytes travel: see `corpora.fetching`.
"""

import dataclasses
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import platformdirs

from corpora.addresses import copy_name
from corpora.corpus import Corpus, Origin, Progress, open_corpus
from corpora.decoding import SNIFFED, refuse_if_not_text
from corpora.errors import Cancelled, DownloadError
from corpora.files import open_regular, pieces

CACHE_VARIABLE: Final = "CHARLM_CACHE"
LIMIT: Final = 256 << 20  # bytes of a text whose size is not known
REFRESHED: Final = "fetched anew: the copy on this machine was damaged"


def cache_folder() -> Path:
    """Where the copies lie: in the folder that CHARLM_CACHE names, else in the person's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return (Path(named).expanduser() if named else platformdirs.user_cache_path("charlm")) / "corpora"


@dataclass(frozen=True)
class Download:
    """A text behind an address.

    Arguments:
        name: what a person calls it; messages and the corpus do too.
        address: http or https.
        file: the name of its copy in the cache folder.
        size: bytes; None if unknown.
        sha256: 64 hex digits; None if unknown, and then the sum of the first copy counts from then on.
    """

    name: str
    address: str
    file: str
    size: int | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, address: str) -> "Download":
        """The text behind an address that a person gives, which is its name, too."""
        return cls(name=address, address=address, file=copy_name(address))

    @property
    def path(self) -> Path:
        """Where the copy lies, or will."""
        return cache_folder() / self.file

    @property
    def here(self) -> bool:
        """Whether there is a copy on this machine; it is checked when it is read."""
        return self.path.is_file()

    def load(
        self,
        *,
        fetch: bool = True,
        replace: bool = False,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Corpus:
        """The text, from its copy; fetched first if there is none, or a damaged one.

        Arguments:
            fetch: whether the network may be asked.
            replace: turn malformed bytes into U+FFFD instead of refusing the text.
            progress: called with the bytes fetched and the bytes in all, then again as they are read.
            cancelled: asked many times a second while fetching, and before each piece while reading.
        Raises:
            DownloadError: if it has to be fetched and may not be, cannot be had whole, or cannot be kept.
            Cancelled: if the person gave up; nothing is kept then.
            CorpusError: if it is no text, as for any file.
        """
        present = self.here
        fault = self._damage() if present else f"{self.name!r} is not on this machine"
        if fault and not fetch:
            raise DownloadError(f"{fault}; choose it, and it is fetched from {self.address}")
        if fault:
            self._fetch(fault, progress or (lambda read, total: None), cancelled or (lambda: False))
        corpus = open_corpus(
            self.path, name=self.name, replace=replace, progress=progress, cancelled=cancelled
        )
        notes = (REFRESHED, *corpus.notes) if present and fault else corpus.notes
        return dataclasses.replace(corpus, origin=Origin.DOWNLOADED, source=self.address, notes=notes)

    @property
    def _sum_path(self) -> Path:
        return self.path.with_name(f"{self.file}.sha256")

    def _expected(self) -> str | None:
        """The sum that the copy should have; None for one that a person put there and nobody knows."""
        if self.sha256 is not None or not self._sum_path.is_file():
            return self.sha256
        stream, _ = open_regular(self._sum_path)
        with stream:
            return stream.read(64).decode("ascii", "replace")

    def _damage(self) -> str:
        """What is wrong with the copy, as a clause; empty if nothing is."""
        digest = hashlib.sha256()
        stream, path = open_regular(self.path)
        with stream:
            for piece in pieces(stream, str(path)):
                digest.update(piece)
        found, expected = digest.hexdigest(), self._expected()
        if expected in (None, found):
            return ""
        return f"the copy of {self.name!r} in {str(path)!r} is damaged (sha256 {found}, not {expected})"

    def _fetch(self, fault: str, progress: Progress, cancelled: Callable[[], bool]) -> None:
        from corpora.fetching import FetchError, fetched  # imports the web, for which no start should wait

        digest = hashlib.sha256()
        done = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _replacing(self.path) as copy:
                for piece, total in fetched(self.address, limit=self.size or LIMIT, cancelled=cancelled):
                    if not done:
                        refuse_if_not_text(piece[:SNIFFED], self.name)
                    copy.write(piece)
                    digest.update(piece)
                    done += len(piece)
                    progress(done, self.size or total)
                found = digest.hexdigest()
                if self.sha256 is None:  # written before the copy, which would never be checked without it
                    with _replacing(self._sum_path) as record:
                        record.write(f"{found}  {self.file}\n".encode())
                elif found != self.sha256:
                    raise FetchError(f"what came has sha256 {found}, not {self.sha256}, and was not kept")
        except Cancelled as wish:
            raise Cancelled(f"{self.name!r} was not fetched: cancelled after {done:,} bytes") from wish
        except FetchError as error:
            at = "" if self.name == self.address else f" from {self.address}"
            raise DownloadError(
                f"{fault} and could not be fetched{at}: {error}. {self._by_hand()}"
            ) from error
        except OSError as error:
            raise DownloadError(
                f"{self.name!r} could not be kept in {str(self.path.parent)!r} ({error.strerror or error}); "
                f"set {CACHE_VARIABLE} to a folder that can be written to"
            ) from error

    def _by_hand(self) -> str:
        known = f" ({self.size:,} bytes, sha256 {self.sha256})" if self.size and self.sha256 else ""
        return f"You can put the text there by hand: save it as {str(self.path)!r}{known}"


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes stand in `path` once the block ends, all of them; none if it raises."""
    stream = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed before it is renamed
        dir=path.parent, prefix=f"{path.name}.", suffix=".part", delete=False
    )
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(stream.name).replace(path)
    except BaseException:
        Path(stream.name).unlink(missing_ok=True)
        raise
