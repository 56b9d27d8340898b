"""What can go wrong between a name, a path or a stream and a corpus one can train on.

Promises that the message of every `CorpusError` is fit to be shown to a person as it stands: it names the
thing, the value and the way out. It does not know how or where the message is shown, and does not make it
safe for a terminal (a file's name may hold anything).
"""


class CorpusError(Exception):
    """A corpus could not be had; the message is what the person sees."""


class UnknownCorpusError(CorpusError):
    """No corpus in the catalog has this name."""


class UnreadableError(CorpusError):
    """The file is missing, vanished, forbidden, or no regular file at all."""


class DownloadError(CorpusError):
    """The text behind an address could not be fetched, or not kept."""


class BinaryFileError(CorpusError):
    """The bytes are no text in any encoding that is read here."""


class NotUtf8Error(CorpusError):
    """The bytes are not UTF-8; `offset` is the first byte (counted from 0) that is not."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class UntrainableError(CorpusError):
    """The text is empty, has one distinct character, or is too short for the context."""


class Cancelled(CorpusError):
    """The person gave up the reading: a wish, not a fault."""
