"""Pictures of every screen, which change only when somebody means it: `pytest --snapshot-update` takes new ones.

The model is trained in float64 and shown rounded, so that no processor makes another picture; the engine's clock
goes a hundredth of a second on whenever it is looked at, so that no busy machine does.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

import engine.live_run
import tui.dialogs.help
from engine.commands import Step
from engine.snapshot import SampleState, Snapshot
from engine.training.divergence import Diverged
from engine.training.recipe import Recipe
from tui.app import CharlmApp
from tui.command_line import Wishes
from tui.dialogs.trouble import TroubleDialog
from tui.panes.stepper import Sections

if TYPE_CHECKING:
    from tests.tui.conftest import Playground

    HoldOf = Callable[[CharlmApp, Pilot[None]], Playground]
    Compare = Callable[..., bool]

WIDE, NARROW = (140, 42), (80, 24)
LEAST = (118, 34)
"""The smallest size at which the panes stand side by side."""
DARK, LIGHT = "textual-dark", "textual-light"
EXACT = Recipe(precision="float64")


@pytest.fixture(autouse=True)
def same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock, no folder and no configuration of the machine comes into a picture."""
    ticks = itertools.count()
    monkeypatch.setattr(engine.live_run, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 100))
    monkeypatch.setattr(tui.dialogs.help, "keymap_path", lambda: Path("/home/you/.config/charlm/keys.toml"))
    texts = tmp_path / "texts"
    texts.mkdir()
    for name in ("diary.txt", "letters.txt", "songs.txt"):
        (texts / name).write_text("the cat sat on the mat\n" * 20, "utf-8")
    monkeypatch.chdir(texts)


def validated(snapshot: Snapshot) -> bool:
    """Whether the validation loss at the last step is there."""
    losses = snapshot.losses
    return losses is not None and snapshot.step == (losses.validation_steps[-1:].tolist() or [0])[0]


def scene(
    hold_of: HoldOf,
    theme: str = DARK,
    *,
    steps: Sequence[int] = (40, 40),
    keys: Sequence[str] = (),
    shows: str = "",
) -> Callable[[Pilot[None]], Awaitable[None]]:
    """What happens before the picture is taken.

    Arguments:
        hold_of: the fixture.
        theme: the colours.
        steps: so many steps, each time until the validation loss is there.
        keys: pressed then, each until it is answered.
        shows: what has to be on the screen at last, read from a file on another thread.
    """

    async def act(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, CharlmApp)
        app.theme = theme
        play = hold_of(app, pilot)
        await play.until(lambda snapshot: snapshot.corpus is not None)
        for count in steps:
            app.engine.send(Step(count))
            await play.settle()
            await play.until(validated)
        await play.seen(lambda: all(map(come_to_rest, app.screen.query(Sections))))
        for key in keys:
            await play.keys(key)
            await play.until(lambda s: all(sample.state is not SampleState.WRITING for sample in s.samples))
        await play.settle()
        await play.seen(lambda: shows in play.text)
        for line in app.screen.query(Input):
            line.cursor_blink = False
        for area in app.screen.query(TextArea):
            area.cursor_blink = False

    return act


def come_to_rest(sections: Sections) -> bool:
    """Whether the account of the last phase is in view, where the accounts can be seen."""
    last = [account for account in sections.query(Static) if account.display][-1:]
    if not last or not sections.size.height:
        return True
    place = last[0].virtual_region
    return place.height > 0 and sections.scroll_y == min(place.y, sections.max_scroll_y)


def playground() -> CharlmApp:
    return CharlmApp(Wishes(EXACT))


def test_playground(snap_compare: Compare, hold_of: HoldOf) -> None:
    """The picture in the README."""
    act = scene(hold_of, steps=[50] * 16, keys=["[", "[", "[", "g", "s", "2"])
    assert snap_compare(playground(), terminal_size=WIDE, run_before=act)


def test_side_by_side_in_light(snap_compare: Compare, hold_of: HoldOf) -> None:
    act = scene(hold_of, LIGHT, keys=["g", "n", "n", "n", "n"])
    assert snap_compare(playground(), terminal_size=WIDE, run_before=act)


def test_side_by_side_where_there_is_least_room(snap_compare: Compare, hold_of: HoldOf) -> None:
    act = scene(hold_of, keys=["g", "n", "n", "n", "n"])
    assert snap_compare(playground(), terminal_size=LEAST, run_before=act)


@pytest.mark.parametrize("number", "123456")
def test_each_pane_alone(snap_compare: Compare, hold_of: HoldOf, number: str) -> None:
    act = scene(hold_of, keys=["g", "s", number])
    assert snap_compare(playground(), terminal_size=NARROW, run_before=act)


def test_a_pane_alone_in_light(snap_compare: Compare, hold_of: HoldOf) -> None:
    assert snap_compare(playground(), terminal_size=NARROW, run_before=scene(hold_of, LIGHT))


DIALOGS: dict[str, Sequence[str]] = {
    "open": "o",
    "catalog": "c",
    "settings": "e",
    "recipe": "p",
    "help": "?",
    "quit": "q",
    "models": ("e", "enter"),
    "compare": ("m", "end", "space"),
}
READ = {"open": "songs.txt", "catalog": "4.232"}
"""What these read while they are open: the files of the folder, the numbers of the text."""


@pytest.mark.parametrize("name", DIALOGS)
def test_dialog(snap_compare: Compare, hold_of: HoldOf, name: str) -> None:
    act = scene(hold_of, steps=[3], keys=DIALOGS[name], shows=READ.get(name, ""))
    assert snap_compare(playground(), terminal_size=NARROW, run_before=act)


@pytest.mark.parametrize("name", ["open", "settings"])
def test_dialog_over_all_panes_in_light(snap_compare: Compare, hold_of: HoldOf, name: str) -> None:
    act = scene(hold_of, LIGHT, steps=[3], keys=DIALOGS[name], shows=READ.get(name, ""))
    assert snap_compare(playground(), terminal_size=WIDE, run_before=act)


def test_a_trouble(snap_compare: Compare, hold_of: HoldOf) -> None:
    prepare = scene(hold_of, steps=[3])
    trouble = Diverged("the loss is nan", "the output of hidden 2", 4, rate=0.1, chosen_rate=0.1).trouble

    async def act(pilot: Pilot[None]) -> None:
        await prepare(pilot)
        pilot.app.push_screen(TroubleDialog(trouble))

    assert snap_compare(playground(), terminal_size=NARROW, run_before=act)


def test_a_window_that_is_too_small(snap_compare: Compare, hold_of: HoldOf) -> None:
    assert snap_compare(playground(), terminal_size=(50, 15), run_before=scene(hold_of, steps=[3]))
