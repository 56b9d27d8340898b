"""Work on a thread of its own. Wishes in, pictures out.

The thread is the only one to touch its worker. `snapshot` is swapped, never changed; while there is work a fresh
one is drawn only when somebody asked (`request_snapshot`), and while there is nothing to do it is always the
latest. The thread is a daemon, so that not even a step that takes minutes keeps a program from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from engine.commands import Command
from engine.snapshot import Snapshot

if TYPE_CHECKING:
    from engine.session import Session

Wish = TypeVar("Wish")
WishOf = TypeVar("WishOf", contravariant=True)
Picture = TypeVar("Picture")
PictureOf = TypeVar("PictureOf", covariant=True)


class Worker(Protocol[WishOf, PictureOf]):
    """What works on the thread; no exception may leave it."""

    def handle(self, command: WishOf, /) -> None:
        """Carry out a wish."""

    def work(self) -> bool:
        """Do a few milliseconds of work; False if there is nothing to do."""
        ...

    def picture(self) -> PictureOf:
        """The state of everything, immutable."""
        ...


class WorkThread(Generic[Wish, Picture]):
    """Runs a worker.

    Arguments:
        name: of the thread.
        snapshot: the picture until there is one.
        make: makes the worker, on the thread.

    Attributes:
        snapshot: the latest picture; read it from any thread.
    """

    def __init__(self, name: str, snapshot: Picture, make: Callable[[], Worker[Wish, Picture]]) -> None:
        self.snapshot = snapshot
        self._make = make
        self._inbox: SimpleQueue[tuple[Wish] | threading.Event | None] = SimpleQueue()
        self._wanted = False
        self._closing = False
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)

    def start(self) -> None:
        """Begin to live."""
        self._thread.start()

    def send(self, wish: Wish) -> None:
        """Ask for something; it is carried out in turn."""
        self._inbox.put((wish,))

    def request_snapshot(self) -> None:
        """Ask for a fresh snapshot: the attribute will be swapped soon."""
        self._wanted = True

    def settled(self, timeout: float) -> Picture:
        """Wait until everything sent so far is carried out, and return the snapshot after it.

        Raises:
            TimeoutError: if that takes longer than `timeout` seconds.
        """
        reached = threading.Event()
        self._inbox.put(reached)
        if not reached.wait(timeout):
            raise TimeoutError(f"the {self._thread.name} is still busy after {timeout:g} s")
        return self.snapshot

    def close(self, timeout: float = 0.5) -> bool:
        """Ask it to end, and wait at most `timeout` seconds; whether it has ended."""
        self._closing = True
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _live(self) -> None:
        worker, inbox = self._make(), self._inbox
        while not self._closing:
            while not inbox.empty() and not self._closing:
                self._take(worker, inbox.get())
            if self._wanted:
                self._wanted = False
                self.snapshot = worker.picture()
            if not worker.work():
                self.snapshot = worker.picture()
                self._take(worker, inbox.get())  # nothing to do: sleep until somebody wants something

    def _take(self, worker: Worker[Wish, Picture], wish: tuple[Wish] | threading.Event | None) -> None:
        if isinstance(wish, threading.Event):
            self.snapshot = worker.picture()
            wish.set()
        elif wish is not None:
            worker.handle(wish[0])


class EngineThread(WorkThread[Command, Snapshot]):
    """Runs a `Session`.

    Arguments:
        rewind_budget: bytes for the memory of the past; None for the usual.
    """

    def __init__(self, rewind_budget: int | None = None) -> None:
        self._budget = rewind_budget
        super().__init__("engine", Snapshot(), self._session)

    def _session(self) -> Session:
        # The models and their training are imported on this thread, so that nobody else waits for them.
        from engine.session import Session

        return Session() if self._budget is None else Session(self._budget)
