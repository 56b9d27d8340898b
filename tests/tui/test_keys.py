"""The table of keys and the person's key file: stable, whole, and refused in words."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from tui.keys import (
    BINDINGS,
    GROUPS,
    KeymapError,
    active_key,
    collect_ids,
    keymap_path,
    keys_of,
    load_keymap,
    shown_keys,
)
from tui.panes.console import ConsolePane
from tui.panes.sample_list import SampleList
from tui.widgets.slider import Slider
from tui.widgets.tick import Tick

PANES: tuple[type[DOMNode], ...] = (ConsolePane, SampleList, Slider, Tick)
BY_ID: Mapping[str, Binding] = {binding.id: binding for binding in BINDINGS if binding.id}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


def refusal(path: Path, text: str, classes: tuple[type[DOMNode], ...] = PANES) -> str:
    path.write_text(text, "utf-8")
    with pytest.raises(KeymapError) as caught:
        load_keymap(path, classes)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message


def test_every_global_key_has_one_action_and_every_action_an_id_and_a_tooltip() -> None:
    keys = [key for binding in BINDINGS for key in keys_of(binding, {})]
    assert len(keys) == len(set(keys))
    assert len(BY_ID) == len(BINDINGS)
    assert all(binding.tooltip and binding.description for binding in BINDINGS)


def test_the_global_keys_are_those_of_the_table() -> None:
    actions = {key: binding.action for binding in BINDINGS for key in keys_of(binding, {})}
    expected = {"space": "run_toggle", "s": "step", "n": "phase", "b": "rewind(1)", "B": "rewind(10)"}
    expected |= {"g": "generate", "x": "stop_generating", "o": "open", "c": "catalog", "e": "settings"}
    expected |= {"r": "reset_same", "R": "reset_new", "y": "copy_recipe", "Y": "copy_sample"}
    expected |= {"p": "paste_recipe", "slash": "ask", "m": "compare", "T": "next_theme", "q": "quit"}
    expected |= {"C": "scoreboard", "asterisk": "find_rate"}
    expected |= {"w": "keep", "W": "runs", "U": "bring_back"}
    expected |= {"left_square_bracket": "temperature(-0.05)", "right_square_bracket": "temperature(0.05)"}
    expected |= {"minus": "rate_down", "plus": "rate_up", "equals_sign": "rate_up"}
    expected |= {"question_mark": "help", "f1": "help"} | {str(n): f"pane({n})" for n in range(1, 7)}
    assert actions == expected


def test_the_footer_shows_the_few_keys_to_begin_with() -> None:
    shown = [binding.description for binding in BINDINGS if binding.show]
    assert shown == ["run", "step", "phase", "back", "open", "settings", "write", "help", "quit"]


def test_the_panes_take_no_global_key() -> None:
    world = {key for binding in BINDINGS for key in keys_of(binding, {})}
    for binding in collect_ids(*PANES).values():
        assert world.isdisjoint(keys_of(binding, {})), binding


def test_no_file_means_no_changes(key_file: Path) -> None:
    assert load_keymap(key_file, PANES) == {}


def test_the_file_stands_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert keymap_path().name == "keys.toml"
    assert keymap_path().parent.name == "charlm"
    assert load_keymap() == {}


def test_keys_are_named_as_textual_names_them(key_file: Path) -> None:
    key_file.write_text('"run.toggle" = " space, F ,?,comma,ctrl+f, ä"\nconsole.seed = "M"\n', "utf-8")
    mapped = {"run.toggle": "space,F,question_mark,comma,ctrl+f,ä", "console.seed": "M"}
    key_file.write_text('"screen.help" = "f2"\n' + key_file.read_text("utf-8"), "utf-8")
    assert load_keymap(key_file, PANES) == mapped | {"screen.help": "f2"}
    assert shown_keys(BY_ID["run.toggle"], mapped) == "space F ? , ctrl+f ä"


def test_two_actions_may_change_places(key_file: Path) -> None:
    key_file.write_text('"run.step" = "n"\n"run.phase" = "s"\n', "utf-8")
    assert load_keymap(key_file) == {"run.step": "n", "run.phase": "s"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run.toggle = ", ["not TOML", "write lines"]),
        ('"run.togle" = "f5"', ["'run.togle'", "did you mean 'run.toggle'"]),
        ('"zzz" = "f5"', ["'zzz'", "run.toggle", "console.seed"]),
        ('"run.toggle" = 5', ["run.toggle = 5", "as text"]),
        ('"run.toggle" = ["f5"]', ["run.toggle = ['f5']", "as text"]),
        ('"run.toggle" = ""', ["run.toggle", "'' is not a key"]),
        ('"run.toggle" = "f5,"', ["run.toggle", "'' is not a key"]),
        ('"run.toggle" = "spacebar"', ["run.toggle", "'spacebar' is not a key", "such as space"]),
        ('"run.toggle" = "kontrol+f"', ["'kontrol+f' is not a key"]),
        ('"run.toggle" = "ctrl+"', ["'ctrl+' is not a key"]),
        ('"run.toggle" = "shift+f"', ["'shift+f'", "write 'F'"]),
        ('"run.toggle" = "s"', ["run.toggle = 's'", "run.step"]),
        ('"run.toggle" = "f5"\n"run.step" = "f5"', ["run.step = 'f5'", "run.toggle"]),
        ('"console.seed" = "g"', ["console.seed = 'g'", "generate.start"]),
        ('"generate.start" = "u"', ["generate.start = 'u'", "console.unknown"]),
        ('"console.seed" = "u"', ["console.seed = 'u'", "console.unknown"]),
        ('"run.toggle" = "ctrl+q"', ["run.toggle = 'ctrl+q'", "always quits"]),
    ],
)
def test_what_is_wrong_is_named_with_the_way_out(key_file: Path, text: str, words: list[str]) -> None:
    message = refusal(key_file, text)
    assert [word for word in words if word not in message] == [], message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeymapError, match="cannot be read"):
        load_keymap(tmp_path)
    (tmp_path / "keys.toml").write_bytes(b'"run.toggle" = "\xff"')
    with pytest.raises(KeymapError, match="not TOML"):
        load_keymap(tmp_path / "keys.toml")


def test_a_pane_is_unknown_unless_it_is_handed_in(key_file: Path) -> None:
    assert "'console.seed' is not the id" in refusal(key_file, '"console.seed" = "m"', ())


@given(st.text(max_size=60))
def test_any_file_is_taken_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(f'"run.toggle" = {text}', "utf-8", errors="replace")
    with contextlib.suppress(KeymapError):
        assert set(load_keymap(path, PANES)) <= set(BY_ID)


class Counter(App[None]):
    """Counts which global action was asked for."""

    BINDINGS: ClassVar[list[BindingType]] = [*BINDINGS]

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def action_step(self) -> None:
        self.asked.append("step")

    def action_phase(self) -> None:
        self.asked.append("phase")


async def test_a_loaded_keymap_moves_the_keys_of_a_running_app(key_file: Path) -> None:
    key_file.write_text('"run.step" = "f5,n"\n"run.phase" = "s"\n', "utf-8")
    app = Counter()
    async with app.run_test() as pilot:
        assert active_key(app, "run.step") == "s"
        app.set_keymap(load_keymap(key_file))
        await pilot.press("f5", "n", "s")
        assert app.asked == ["step", "step", "phase"]
        assert active_key(app, "run.phase") == "s"
        assert active_key(app, "run.step") in ("f5", "n")


def test_the_groups_hold_every_binding_once() -> None:
    assert [binding for group in GROUPS.values() for binding in group] == list(BINDINGS)
