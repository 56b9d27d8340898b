"""What tests of more than one room need: a web server on this machine, no other is asked, and usual signals."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]
WAIT = 20.0  # seconds: only a test that fails waits so long


class Loopback(ThreadingHTTPServer):
    """A server on loopback that answers as it is told.

    Attributes:
        asked: what was asked for so far, as the request named it.
        go: what a held answer waits for.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.go = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def serve(
        self,
        path: str,
        *parts: bytes,
        status: int = 200,
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> str:
        """Answer with `parts`, waiting for `go` between two of them; the address of that.

        Arguments:
            length: the Content-Length that is told; the true one if None, none at all if negative.
        """
        told = sum(map(len, parts)) if length is None else length

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in (headers or {}).items():
                handler.send_header(name, value)
            if told >= 0:
                handler.send_header("Content-Length", str(told))
            handler.end_headers()
            for number, part in enumerate(parts):
                if number:
                    self.go.wait(WAIT)
                handler.wfile.write(part)

        self.answers[path] = answer
        return self.address(path)

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        return self.serve(path, b"elsewhere", status=status, headers={"Location": to})

    def handle_error(self, request: Any, client_address: Any) -> None:  # Any: whatever the base class takes
        """A client that hangs up in the middle is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Loopback

    def do_GET(self) -> None:
        """The name that the base class looks for."""
        self.server.asked.append(self.path)
        self.server.answers[self.path](self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the test, empty, in place of that of whoever runs it, and no proxy of theirs either."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("CHARLM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpora"


@pytest.fixture
def loopback(own_cache: Path) -> Iterator[Loopback]:
    """A web server that is there as long as the test."""
    with Loopback() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.go.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> None:
    """Programs that tests start obey signals as they do in a terminal, also where the tests run behind nohup.

    What a process ignores its children ignore, too; in a job in the background of a script that is Ctrl-C.
    """
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
