"""The one door through which bytes become text.

Promises, for bytes cut into pieces anywhere: UTF-8 without its byte order mark, lines that end in LF, no lone
surrogates, and a refusal that names the byte where it stops being UTF-8. `notes` tell what was done to the
text on the way. It does not know files: only the name that its messages use.
"""

import codecs
import io
import re
from typing import Final

from corpora.errors import BinaryFileError, NotUtf8Error

SNIFFED: Final = 1 << 16  # bytes at the start that decide whether this is text
_CONTROL_LIMIT: Final = 0.05  # share of C0 control bytes above which it is not; prose and source have none
_CONTROLS: Final = bytes(
    set(range(0x20)) - set(b"\b\t\n\v\f\r\x1b")
)  # what text files do contain is left out
_MARKS: Final = (  # longest first: the mark of UTF-32 LE begins with that of UTF-16 LE
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
REPLACEMENT: Final = "\ufffd"


def refuse_if_not_text(head: bytes, name: str) -> None:
    """Judge a file by its first bytes.

    Arguments:
        head: the first `SNIFFED` bytes, or all if there are fewer.
        name: what the message calls the file.
    Raises:
        NotUtf8Error: if it begins with the byte order mark of UTF-16 or UTF-32.
        BinaryFileError: if it has a NUL byte or many control bytes.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            message = f"{name!r} is {encoding}, not UTF-8; convert it: iconv -f {encoding} -t UTF-8 OLD > NEW"
            raise NotUtf8Error(message, offset=0)
    nul = head.find(0)
    if nul >= 0:
        raise BinaryFileError(
            f"{name!r} has a NUL byte at offset {nul}: a binary file, or UTF-16; choose a text in UTF-8"
        )
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _CONTROL_LIMIT * len(head):
        raise BinaryFileError(
            f"{controls} of the first {len(head)} bytes of {name!r} are control bytes: a binary file; "
            "choose a text in UTF-8"
        )


class Normalizer:
    """Takes text in pieces; gives it without byte order mark and surrogates, every line ending in LF."""

    def __init__(self) -> None:
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)
        self._started = False
        self._mark = False
        self._replaced = 0

    def feed(self, piece: str, *, final: bool = False) -> str:
        """Normalise the next piece; a CR at its end waits for the next one unless this is the last."""
        if piece and not self._started:
            self._started = True
            self._mark = piece[0] == "\ufeff"
            piece = piece[self._mark :]
        if not piece.isascii():
            piece, replaced = _SURROGATES.subn(REPLACEMENT, piece)
            self._replaced += replaced
        return self._newlines.decode(piece, final=final)

    def notes(self, replaced: str) -> tuple[str, ...]:
        """What was done so far, in words; `replaced` names what a surrogate stood for, in the singular."""
        found = self._newlines.newlines or ()
        seen = {found} if isinstance(found, str) else set(found)
        plural = "" if self._replaced == 1 else "s"
        return tuple(
            note
            for happened, note in (
                (self._mark, "byte order mark removed"),
                ("\r\n" in seen, "CRLF turned into LF"),
                ("\r" in seen, "CR turned into LF"),
                (self._replaced > 0, f"{self._replaced} {replaced}{plural} replaced by U+FFFD"),
            )
            if happened
        )


class TextDecoder:
    """Takes the bytes of a file in pieces; gives its normalised text."""

    def __init__(self, name: str, *, replace: bool = False) -> None:
        """Decode the file that messages call `name`; with `replace`, a malformed byte becomes U+FFFD."""
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape" if replace else "strict")
        self._normalizer = Normalizer()
        self._consumed = 0  # bytes fed so far

    def feed(self, piece: bytes, *, final: bool = False) -> str:
        """The text of the next bytes; a character cut at their end waits for the next piece.

        Raises:
            NotUtf8Error: at the first malformed byte, unless they are replaced.
        """
        waiting = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            offset = self._consumed - waiting + error.start
            message = (
                f"{self._name!r} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {offset} "
                f"({error.reason}); convert it to UTF-8, or have malformed bytes replaced in the playground"
            )
            raise NotUtf8Error(message, offset) from error
        self._consumed += len(piece)
        return self._normalizer.feed(text, final=final)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the text so far, in words."""
        return self._normalizer.notes("malformed byte")
