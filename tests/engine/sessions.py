"""A session without a thread: commands carried out, and all the work that they make done, on the spot."""

from __future__ import annotations

from engine.commands import Command
from engine.session import Session
from engine.snapshot import Snapshot


def settled(session: Session, *commands: Command) -> Snapshot:
    """The picture once all the work that these commands make is done."""
    for command in commands:
        session.handle(command)
        while session.work():
            pass
    return session.picture()
