"""EngineThread: a session on a thread of its own. Commands in, snapshots out.

It is the only one to touch the trainer. `snapshot` is swapped, never changed; while there is work a fresh one is
drawn only when somebody asked (`request_snapshot`), and while there is nothing to do it is always the latest. The
thread is a daemon, so that not even a step that takes minutes keeps a program from ending.
"""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from engine.commands import Command
from engine.snapshot import Snapshot

if TYPE_CHECKING:
    from engine.session import Session


class EngineThread:
    """Runs a `Session`.

    Arguments:
        rewind_budget: bytes for the memory of the past; None for the usual.

    Attributes:
        snapshot: the latest picture; read it from any thread.
    """

    def __init__(self, rewind_budget: int | None = None) -> None:
        self.snapshot = Snapshot()
        self._budget = rewind_budget
        self._inbox: SimpleQueue[Command | threading.Event | None] = SimpleQueue()
        self._wanted = False
        self._closing = False
        self._thread = threading.Thread(target=self._live, name="engine", daemon=True)

    def start(self) -> None:
        """Begin to live."""
        self._thread.start()

    def send(self, command: Command) -> None:
        """Ask for something; it is carried out in turn."""
        self._inbox.put(command)

    def request_snapshot(self) -> None:
        """Ask for a fresh snapshot: the attribute will be swapped soon."""
        self._wanted = True

    def settled(self, timeout: float) -> Snapshot:
        """Wait until everything sent so far is carried out, and return the snapshot after it.

        Raises:
            TimeoutError: if that takes longer than `timeout` seconds.
        """
        reached = threading.Event()
        self._inbox.put(reached)
        if not reached.wait(timeout):
            raise TimeoutError(f"the engine is still busy after {timeout:g} s")
        return self.snapshot

    def close(self, timeout: float = 0.5) -> bool:
        """Ask it to end, and wait at most `timeout` seconds; whether it has ended."""
        self._closing = True
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _live(self) -> None:
        # The models and their training are imported on this thread, so that nobody else waits for them.
        from engine.session import Session

        session, inbox = Session() if self._budget is None else Session(self._budget), self._inbox
        while not self._closing:
            while not inbox.empty() and not self._closing:
                self._take(session, inbox.get())
            if self._wanted:
                self._wanted = False
                self.snapshot = session.picture()
            if not session.work():
                self.snapshot = session.picture()
                self._take(session, inbox.get())  # nothing to do: sleep until somebody wants something

    def _take(self, session: Session, wish: Command | threading.Event | None) -> None:
        if isinstance(wish, threading.Event):
            self.snapshot = session.picture()
            wish.set()
        elif wish is not None:
            session.handle(wish)
