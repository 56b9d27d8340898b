"""Whatever comes, from a text, from the engine, from the window or from the keys: the app answers and goes on."""

from __future__ import annotations

import random
import string
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from textual import events
from textual.app import App
from textual.screen import ModalScreen

from corpora import catalog
from corpora.corpus import Corpus, Origin
from engine.snapshot import Phase, SampleState, Status
from engine.training.optimizers import SGD
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer
from engine.writing import Writer
from tui.app import CharlmApp
from tui.command_line import Wishes
from tui.dialogs.trouble import TroubleDialog

if TYPE_CHECKING:
    from tests.tui.conftest import OpenPlayground, Playground

WIDE, NARROW = (140, 42), (80, 24)
SMALL = Recipe(context=4, embedding=8, hidden=16, batch=4)

TEXTS = {
    "control sequences": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m\x9b31m\x90q\x9c\x00\x07\x08\r\x0b\x7f"
    * 40,
    "markup": "[/] [red]a[/red] [@click=app.quit]leave[/] [b [bold]] \\[ [$text-error] [link=file:///]x[/link]\n"
    * 30,
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪🇫🇷 ☎️ 1️⃣ 🧑🏿‍🚀\n" * 30,
    "marks": "e\u0301 a\u0308\u0323 "
    + "Z"
    + "\u0300\u0316\u034f" * 30
    + " \u0300alone ก็ नि \u0489\n"
    + "abc " * 40,
    "right to left": "\u202eshalom\u202c שלום עולם \u2067مرحبا\u2069 \u200f\u200e\u061c abc 123\n" * 30,
    "wide": "漢字かな交じり文、全角ＡＢＣ　。한글\n" * 40,
    "separators": "a\u2028b\u2029c\u0085d\u000be\u000cf\u00a0g\u3000h\ufeffi\u00adj\u2060k\u180ek\ue000l\uffffm"
    * 30,
    "one line of a megabyte": "the cat sat on the mat; " * 43_691,
    "nothing but line feeds": "\n\n\na\n" * 60,
}
NAMES = [*TEXTS, "random bytes"]


def corpus_called(name: str) -> Corpus:
    """A hostile text under a hostile name."""
    if name == "random bytes":
        data = np.random.default_rng(0).integers(1, 256, 4000, dtype=np.uint8).tobytes()
        text = data.decode("utf-8", "replace")
    else:
        text = TEXTS[name]
    return Corpus.from_text(f"[/]\x1b]0;{name}\x07\u202e", text, origin=Origin.OWN, source="typed [/]")


def nothing_gets_through(app: App[None]) -> None:
    """No character on the screen moves the cursor, hides or turns its neighbours; no text is a link."""
    for strip in app.screen._compositor.render_strips():
        for text, style, control in strip:
            assert not control
            strange = {
                c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
            }
            assert not strange, f"{strange} in {text!r}"
            action = str(style.meta.get("@click", "")) if style else ""
            assert "quit" not in action, f"{text!r} can be clicked: {action}"
            assert style is None or style.link is None


@pytest.mark.parametrize("name", NAMES)
async def test_any_text_is_shown_trained_on_and_written(open_playground: OpenPlayground, name: str) -> None:
    wishes = Wishes(SMALL, corpus_called(name))
    async with open_playground(wishes=wishes, size=WIDE) as play:
        nothing_gets_through(play.app)
        assert (await play.keys("s", *"nnn")).step == 1
        nothing_gets_through(play.app)
        await play.press("g")
        await play.until(lambda s: bool(s.samples) and s.samples[0].state is SampleState.DONE)
        await play.settle()
        nothing_gets_through(play.app)
        await play.pilot.resize_terminal(*NARROW)
        for number in "123456":
            await play.press(number)
            nothing_gets_through(play.app)
        if name == "markup":  # the text's name stands in the dialogs, too
            for dialog in "ep":
                await play.press(dialog)
                nothing_gets_through(play.app)
                await play.press("escape")
        assert (await play.keys("s")).step == 2


def once(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, fault: Exception) -> None:
    """Let a method raise, once, after it has done its work."""
    method: Callable[..., object] = getattr(owner, name)

    def faulty(*arguments: object, **named: object) -> object:
        monkeypatch.setattr(owner, name, method)
        method(*arguments, **named)
        raise fault

    monkeypatch.setattr(owner, name, faulty)


async def trouble(play: Playground) -> str:
    """Wait for the dialog; what it says."""
    await play.seen(lambda: isinstance(play.screen, TroubleDialog))
    said = play.app.snapshot.trouble
    assert said is not None
    return said.message


async def test_an_error_in_any_phase_is_shown_and_training_goes_on_as_if_nothing_had_been(
    open_playground: OpenPlayground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_playground(SMALL) as play:
        await play.keys("s", "s")
        for phase in Phase:
            # The parameters have moved, but the step is not made: nothing half done may stay.
            owner: type = SGD if phase is Phase.UPDATE else Trainer
            once(monkeypatch, owner, phase.value, RuntimeError(f"[/] {phase} burst \x1b[2J"))
            await play.press("space")
            message = await trouble(play)
            assert f"{phase} burst" in message
            nothing_gets_through(play.app)
            await play.press("enter")  # the first way out: go on from the last whole step
            after = await play.settle()
            assert play.screen is play.app.screen_stack[0]
            made = (await play.keys("s")).step
            assert made == after.step + 1
        trainer = Trainer(SMALL, catalog.load(SMALL.corpus))
        losses = play.app.snapshot.losses
        assert losses is not None
        assert losses.raw.tolist() == [trainer.step().loss for _ in range(made)]


async def test_an_error_while_writing_ends_the_text_and_nothing_else(
    open_playground: OpenPlayground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_playground(SMALL) as play:
        once(monkeypatch, Writer, "advance", MemoryError("no room for a letter"))
        await play.press("g")
        assert "no room for a letter" in await trouble(play)
        await play.press("escape")
        assert (await play.keys("s")).step == 1
        await play.press("g")
        await play.until(lambda s: bool(s.samples) and s.samples[-1].state is SampleState.DONE)


async def test_a_storm_of_sizes_while_running(open_playground: OpenPlayground) -> None:
    dice = random.Random(5)
    async with open_playground(SMALL, size=WIDE) as play:
        await play.press("space")
        await play.until(lambda s: s.step > 0)
        sizes = [(dice.randint(1, 200), dice.randint(1, 60)) for _ in range(40)]
        for number, (width, height) in enumerate([(1, 1), (200, 60), (60, 18), (59, 17), *sizes, WIDE]):
            play.app.post_message(
                events.Resize(
                    *([play.app.size.__class__(width, height)] * 2)
                )  # many at once, as a mouse drags
            )
            if number % 3 == 0:
                await play.barrier()
                nothing_gets_through(play.app)
            if number % 10 == 0:
                await play.press(dice.choice("123456gn"), "space")
        await play.pilot.resize_terminal(*WIDE)
        await play.keys("escape")
        before = play.app.snapshot
        assert before.status in (Status.RUNNING, Status.PAUSED)
        if before.status is Status.RUNNING:
            await play.keys("space")
        step = (await play.settle()).step
        assert (await play.keys("s")).step == step + 1


OPENING = ("o", "c", "e", "p", "question_mark", "f1", "ctrl+p")
"""These open a dialog, in which everything takes longer."""
OTHERS = (
    *(set(string.ascii_letters) - set(OPENING)),
    *string.digits[:7],
    *"[]-+/.,;'\"\\$%&()=",
    *(
        "space",
        "enter",
        "escape",
        "tab",
        "shift+tab",
        "backspace",
        "delete",
        "home",
        "end",
        "pageup",
        "pagedown",
    ),
    *(
        "up",
        "down",
        "left",
        "right",
        "shift+left",
        "shift+right",
        "f2",
        "f3",
        "ctrl+s",
        "ctrl+q",
        "é",
        "漢",
        "😀",
    ),
    *("ctrl+a", "ctrl+c", "ctrl+v", "ctrl+j", "ctrl+r", "ctrl+u", "ctrl+d", "ctrl+x", "ctrl+z"),
)
KEYS = (*OPENING, *sorted(OTHERS * 4))


@pytest.mark.parametrize(("size", "count"), [(WIDE, 100), (NARROW, 900)])
async def test_thousands_of_random_keys_and_clicks_while_running(
    open_playground: OpenPlayground,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    size: tuple[int, int],
    count: int,
) -> None:
    """No key is left out: leaving is asked for and not done. In a form no digits are typed, or the model may become
    one of a billion parameters, which would test patience."""
    monkeypatch.setattr(CharlmApp, "exit", lambda app, *arguments, **named: None)
    monkeypatch.setenv("HOME", str(tmp_path))  # where a screenshot of the palette goes
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("the cat sat on the mat\n" * 50)
    (tmp_path / "bad.bin").write_bytes(bytes(range(256)) * 10)
    dice = random.Random(size[0])
    async with open_playground(SMALL, size=size) as play:
        await play.press("space")
        for number in range(count):
            if dice.random() < 0.2:
                place = {"x": dice.randrange(size[0]), "y": dice.randrange(size[1])}
                for kind in (events.MouseMove, events.MouseDown, events.MouseUp):
                    play.app.post_message(mouse(kind, place["x"], place["y"]))
            else:
                key = dice.choice(KEYS)
                if not (key.isdigit() and isinstance(play.screen, ModalScreen)):
                    play.send_key(key)
            if number % 5 == 0:
                await play.pilot.pause(0)
            if number % 100 == 99:
                await back_to_the_panes(play)
        await back_to_the_panes(play)
        await play.pilot.resize_terminal(*size)
        await play.press("1")
        running = await play.settle()
        if running.status is Status.RUNNING:
            running = await play.keys("space")
        await play.keys("r")
        assert (await play.keys("s")).step == 1
        nothing_gets_through(play.app)


def mouse(kind: type[events.MouseEvent], x: int, y: int) -> events.MouseEvent:
    """The first button at a cell of the screen."""
    return kind(None, x, y, 0, 0, 1, False, False, False, screen_x=x, screen_y=y)


async def back_to_the_panes(play: Playground) -> None:
    """Close whatever is open, and start the training again."""
    for _ in range(20):
        await play.barrier()
        if len(play.app.screen_stack) == 1:
            break
        await play.press("escape")
    assert len(play.app.screen_stack) == 1
    await play.press("1")
    if play.app.snapshot.status is not Status.RUNNING:
        await play.press("space")
    await play.barrier()
