"""The bytes behind an http(s) address, in pieces.

Promises that whoever waits is never kept waiting: the network is talked to on a thread of its own, so that a
name server, a connection or a body that stalls is given up after `PATIENCE`, and a wish to cancel is heard
within `POLL`. Nothing but http and https is spoken, wherever a server redirects to; a proxy named by the
environment is used. It does not know what the bytes are, nor where they go.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, InvalidURL
from queue import Empty, Queue
from socket import gaierror
from typing import Final, TypeAlias
from urllib.error import URLError
from urllib.parse import quote, urljoin
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, UnknownHandler

from corpora.addresses import is_address
from corpora.errors import Cancelled

PATIENCE: Final = 20.0  # seconds without a byte after which a server is given up
POLL: Final = 0.1  # seconds between two looks at whether the person has given up
REDIRECTS: Final = 5  # followed at most
PIECE: Final = 1 << 16  # bytes taken at once, if so many are there
AHEAD: Final = 16  # pieces that may wait for the one who takes them
_MOVED: Final = (301, 302, 303, 307, 308)
_MEANINGFUL: Final = "%/:?#[]@!$&'()*+,;=~"  # characters of an address that stand for themselves

Piece: TypeAlias = tuple[bytes, int]  # some bytes, and how many the whole has (0 if that is unknown)


class FetchError(Exception):
    """The bytes could not be had; the message is the reason, as a clause: "the server answers 404 ..."."""


def fetched(address: str, *, limit: int, cancelled: Callable[[], bool]) -> Iterator[Piece]:
    """What is behind `address`, in pieces as they arrive.

    Arguments:
        limit: bytes; more are refused.
        cancelled: asked every `POLL` seconds and before each piece.
    Raises:
        FetchError: if it cannot be had whole.
        Cancelled: if the person gave up.
    """
    arrivals: Queue[Piece | Exception | None] = Queue(AHEAD)
    abandoned = threading.Event()
    threading.Thread(
        target=_deliver, args=(address, limit, arrivals, abandoned), name="fetching", daemon=True
    ).start()
    try:
        while True:
            arrival = _next(arrivals, cancelled)
            if arrival is None:
                return
            if isinstance(arrival, Exception):
                raise arrival
            yield arrival
    finally:
        abandoned.set()
        with suppress(Empty):  # a delivery that waits for room finds it, sees that nobody waits, and ends
            while True:
                arrivals.get_nowait()


def _next(
    arrivals: Queue[Piece | Exception | None], cancelled: Callable[[], bool]
) -> Piece | Exception | None:
    """The next arrival; None after the last."""
    deadline = time.monotonic() + PATIENCE
    while not cancelled():
        try:
            return arrivals.get(timeout=POLL)
        except Empty:
            if time.monotonic() > deadline:
                raise FetchError(_silence()) from None
    raise Cancelled("the download was cancelled")


def _deliver(
    address: str, limit: int, arrivals: Queue[Piece | Exception | None], abandoned: threading.Event
) -> None:
    """Bring the pieces, then None, or what went wrong."""
    try:
        for piece in _received(address, limit):
            if abandoned.is_set():
                return
            arrivals.put(piece)
        arrivals.put(None)
    except Exception as error:  # noqa: BLE001 - raised again where somebody waits for it
        arrivals.put(error)


def _received(address: str, limit: int) -> Iterator[Piece]:
    received = 0
    try:
        with _answer(address) as response:
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding.lower() != "identity":
                raise FetchError(f"the server sends it compressed ({encoding}) though asked not to")
            total = response.length or 0
            if total > limit:
                raise FetchError(f"it has {total:,} bytes, and at most {limit:,} are taken")
            while piece := response.read1(PIECE):
                received += len(piece)
                if received > limit:
                    raise FetchError(f"it has more than {limit:,} bytes, the most that are taken")
                yield piece, total
            if received < total:
                raise FetchError(f"it broke off after {received:,} of {total:,} bytes")
            if not received:
                raise FetchError("the server sends nothing")
    except (InvalidURL, ValueError) as error:
        raise FetchError(f"that is no address: {error}") from error
    except (OSError, HTTPException) as error:
        after = f"it broke off after {received:,} bytes: " if received else ""
        raise FetchError(after + _reason(error)) from error


def _answer(address: str) -> HTTPResponse:
    """The answer that holds the text, at the end of the redirects."""
    for _ in range(REDIRECTS + 1):
        request = Request(
            quote(address, safe=_MEANINGFUL, errors="replace"), headers={"User-Agent": "charlm"}
        )
        response = _opener().open(request, timeout=PATIENCE)
        assert isinstance(response, HTTPResponse)  # the handlers speak nothing else
        location = response.headers.get("Location")
        if response.status == 200:
            return response
        response.close()
        if response.status not in _MOVED or location is None:
            raise FetchError(f"the server answers {response.status} {response.reason}".rstrip())
        address = urljoin(address, location)
        if not is_address(address):
            raise FetchError(f"it is redirected to {address!r}, which is neither http nor https")
    raise FetchError(f"it is redirected more than {REDIRECTS} times, last to {address!r}")


def _opener() -> OpenerDirector:
    """Speaks http and https, through the environment's proxies, and says so where a proxy is of another kind."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(), UnknownHandler()):
        opener.add_handler(handler)
    return opener


def _silence() -> str:
    return f"nothing came for {PATIENCE:g} seconds"


def _reason(error: OSError | HTTPException) -> str:
    """What an error of the network means, as a clause."""
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case gaierror():
            return f"there is no network, or no such server ({cause.strerror})"
        case TimeoutError():
            return _silence()
        case ConnectionRefusedError():
            return "nothing answers there: the server refuses the connection"
        case ConnectionError():
            return "the server hung up"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not trusted ({cause.verify_message})"
        case OSError():
            return f"there is no connection ({cause.strerror or cause})"
        case HTTPException():
            return f"the answer cannot be understood ({type(cause).__name__}: {cause})"
        case _:
            return str(cause)
