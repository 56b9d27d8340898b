"""What all tests of the screen share: no clock in laws, no keys of the person who runs them, and a playground.

A busy machine fails no test: whoever waits looks again and again for what is to come, until a deadline that only a
broken program reaches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import Screen

import tui.keys
from engine.snapshot import Snapshot, Status
from engine.training.recipe import Recipe
from tui.app import CharlmApp
from tui.command_line import Wishes

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

DEADLINE = 30.0
"""Seconds after which what has not come will not come."""
WIDE, NARROW = (140, 42), (80, 24)
SMALL = Recipe(context=4, embedding=8, hidden=16, batch=4)
"""A model whose steps cost next to nothing."""


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The key file of the test, which is not there yet, in place of that of whoever runs it; so the cache."""
    path = tmp_path / "configuration" / "keys.toml"
    monkeypatch.setattr(tui.keys, "keymap_path", lambda: path)
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "TEXTUAL_DRIVER"):
        monkeypatch.delenv(name, raising=False)
    return path


@dataclass
class Playground:
    """The app with a pilot whose keys do not wait for the processor to rest, which a running engine never lets."""

    app: CharlmApp
    pilot: Pilot[None]

    @property
    def screen(self) -> Screen[Any]:  # Any: each dialog has an answer of its own type
        """What is on top."""
        return self.app.screen

    @property
    def text(self) -> str:
        """What is on the screen, as text."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def barrier(self) -> None:
        """Until everything that is under way between the widgets has arrived."""
        for _ in range(5):
            await self.pilot.pause(0)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person would who waits for each to be answered."""
        for key in keys:
            self.send_key(key)
            await self.barrier()

    def send_key(self, key: str) -> None:
        """Press a key and wait for nothing."""
        named = _character_to_key(key) if len(key) == 1 else key
        character = key if len(key) == 1 else " " if key == "space" else None
        self.app.post_message(events.Key(named, character))

    async def until(self, condition: Callable[[Snapshot], bool]) -> Snapshot:
        """The first snapshot on the screen that meets the condition."""
        deadline = time.monotonic() + DEADLINE
        while not condition(self.app.snapshot):
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came true; the screen shows {self.app.snapshot}")
            await self.pilot.pause(0.005)
        return self.app.snapshot

    async def seen(self, condition: Callable[[], bool]) -> None:
        """Until something is so on the screen."""
        await self.until(lambda _: condition())

    async def settle(self) -> Snapshot:
        """Until all that was asked of the engine is done and on the screen."""
        await self.barrier()
        version = (await asyncio.to_thread(self.app.engine.settled, DEADLINE)).version
        shown = await self.until(lambda snapshot: snapshot.version >= version)
        await self.barrier()
        return shown

    async def keys(self, *keys: str) -> Snapshot:
        """Press keys, and wait until the engine has done what they ask."""
        await self.press(*keys)
        return await self.settle()


OpenPlayground = Callable[..., AbstractAsyncContextManager[Playground]]


@asynccontextmanager
async def playground(
    recipe: Recipe = SMALL, *, size: tuple[int, int] = NARROW, wishes: Wishes | None = None
) -> AsyncIterator[Playground]:
    """The app with its first run begun, without a terminal."""
    app = CharlmApp(wishes or Wishes(recipe))
    async with app.run_test(size=size, notifications=True) as pilot:
        play = Playground(app, pilot)
        if not (wishes and wishes.path):
            await play.until(lambda snapshot: snapshot.status is Status.PAUSED)
            await play.settle()
        yield play


@pytest.fixture
def open_playground() -> OpenPlayground:
    """Opens the app: `async with open_playground(recipe, size=...) as play`."""
    return playground


@pytest.fixture
def hold_of() -> Callable[[CharlmApp, Pilot[None]], Playground]:
    """Takes hold of an app that is open already."""
    return Playground
