"""The one table of the app's keys, and the person's own file that remaps them.

What it promises: every global action stands here once, under an id that never changes; a key file is either
taken whole or refused with one message that names the file, the id, the value and the way out. What it does
not know: what the actions do, and which panes there are; who loads a key file hands in the classes whose
keys may be remapped, too.
"""

import difflib
import string
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import format_key, key_to_character


class KeymapError(ValueError):
    """A key file cannot be used; the message names the file, the id, the value and the way out."""


def _bind(
    id: str,  # noqa: A002 - Textual's own name for it
    keys: str,
    action: str,
    description: str,
    tooltip: str,
    *,
    show: bool = False,
) -> Binding:
    return Binding(keys, action, description, show=show, tooltip=tooltip, id=id)


GROUPS: Mapping[str, tuple[Binding, ...]] = {
    "Training": (
        _bind("run.toggle", "space", "run_toggle", "run", "Train at full speed, or pause", show=True),
        _bind("run.step", "s", "step", "step", "Make one whole step of training", show=True),
        _bind("run.phase", "n", "phase", "phase", "Do the next phase of a step", show=True),
        _bind("run.back", "b", "rewind(1)", "back", "Go back one step, exactly", show=True),
        _bind("run.back_ten", "B", "rewind(10)", "back 10", "Go back ten steps, exactly"),
        _bind("run.rate_down", "minus", "rate_down", "rate down", "Lower the learning rate"),
        _bind("run.rate_up", "plus,equals_sign", "rate_up", "rate up", "Raise the learning rate"),
        _bind("run.find_rate", "asterisk", "find_rate", "find rate", "Look for a good learning rate"),
        _bind("run.reset_same", "r", "reset_same", "reset", "Begin the run again with the same seed"),
        _bind("run.reset_new", "R", "reset_new", "reset, new seed", "Begin the run again with a new seed"),
    ),
    "Text": (
        _bind("text.open", "o", "open", "open", "Open a text of your own", show=True),
        _bind("text.catalog", "c", "catalog", "catalog", "Choose a text that has a name"),
    ),
    "Runs": (
        _bind(
            "run.keep", "w", "keep", "keep", "Keep this run in a folder; saves it now and every 30 seconds"
        ),
        _bind("run.list", "W", "runs", "runs", "Kept runs: go on with one, fork or delete it"),
        _bind("run.bring_back", "U", "bring_back", "bring back", "Bring back the run that was set aside"),
    ),
    "Model and recipe": (
        _bind("model.settings", "e", "settings", "settings", "Edit the model and its training", show=True),
        _bind("model.compare", "m", "compare", "compare", "Compare with models that count"),
        _bind("recipe.copy", "y", "copy_recipe", "copy recipe", "Copy the recipe of this run"),
        _bind("recipe.paste", "p", "paste_recipe", "paste recipe", "Begin a run from a recipe"),
    ),
    "Writing": (
        _bind("generate.start", "g", "generate", "write", "Let the model write a text", show=True),
        _bind("generate.stop", "x", "stop_generating", "stop", "End the text that is being written"),
        _bind("generate.copy", "Y", "copy_sample", "copy text", "Copy the selected text, or the last"),
        _bind("sampling.cooler", "left_square_bracket", "temperature(-0.05)", "cooler", "Lower temperature"),
        _bind("sampling.warmer", "right_square_bracket", "temperature(0.05)", "warmer", "Higher temperature"),
        _bind("next.ask", "slash", "ask", "ask", "Ask what comes after a text you type"),
    ),
    "Screen": (
        _bind("pane.1", "1", "pane(1)", "pane 1", "Go to the corpus"),
        _bind("pane.2", "2", "pane(2)", "pane 2", "Go to the loss"),
        _bind("pane.3", "3", "pane(3)", "pane 3", "Go to the next character"),
        _bind("pane.4", "4", "pane(4)", "pane 4", "Go to the training"),
        _bind("pane.5", "5", "pane(5)", "pane 5", "Go step by step"),
        _bind("pane.6", "6", "pane(6)", "pane 6", "Go to the generation"),
        _bind("screen.scoreboard", "C", "scoreboard", "scoreboard", "Compare models on this text"),
        _bind("screen.theme", "T", "next_theme", "theme", "Take the next theme"),
        _bind("screen.help", "question_mark,f1", "help", "help", "Show all keys", show=True),
        _bind("screen.quit", "q", "quit", "quit", "Leave; asks first when work would go", show=True),
    ),
}
"""The global actions by their headings in the help; the app has an `action_` method for each."""

BINDINGS: tuple[Binding, ...] = tuple(binding for group in GROUPS.values() for binding in group)

MODIFIERS = ("ctrl", "alt", "shift", "super", "hyper", "meta")
_EDITING_KEYS = ("insert", "delete", "backspace", "enter", "escape", "space", "tab")
_MOVING_KEYS = ("up", "down", "left", "right", "home", "end", "pageup", "pagedown")
NAMED_KEYS = frozenset((*_EDITING_KEYS, *_MOVING_KEYS, *(f"f{number}" for number in range(1, 25))))
"""Keys that write no character."""

TAKEN: Mapping[str, str] = {
    "tab": "goes to the next control",
    "shift+tab": "goes to the control before",
    "ctrl+c": "copies what is selected",
    "ctrl+p": "opens the command palette",
    "ctrl+q": "always quits",
}
"""Keys that stay as Textual has them, so that there is always a way out."""


def _as_textual_says(key: str) -> str:
    """The name Textual gives to a key: "?" is "question_mark"."""
    return next(iter(Binding.make_bindings([Binding(key, "")]))).key


_CHARACTER_KEYS: Mapping[str, str] = {
    _as_textual_says(character): character for character in string.punctuation.replace(",", "")
} | {"comma": ","}


def keymap_path() -> Path:
    """Where the person's key file stands, if there is one."""
    return platformdirs.user_config_path("charlm") / "keys.toml"


def collect_ids(*classes: type[DOMNode]) -> dict[str, Binding]:
    """The bindings with an id of these classes and of what they are made from, by id."""
    return {
        binding.id: binding
        for cls in classes
        for base in reversed(cls.__mro__)
        for binding in vars(base).get("BINDINGS", ())
        if isinstance(binding, Binding) and binding.id
    }


def load_keymap(path: Path | None = None, classes: Iterable[type[DOMNode]] = ()) -> dict[str, str]:
    """The person's keys, ready for `App.set_keymap`: ids to comma-separated keys as Textual names them.

    The file is TOML with lines such as `"run.toggle" = "space,f5"`; no file means no changes.

    Arguments:
        path: the key file; the one in the person's configuration folder if None.
        classes: widgets and panes whose bindings with an id may be remapped as well as the global ones; not
            looked at without a file.
    Raises:
        KeymapError: if the file cannot be read or is not TOML, an id or a key is unknown, a value is no text,
            or two actions that can be asked for in one place share a key.
    """
    path = keymap_path() if path is None else path
    table = _read(path)
    if not table:
        return {}
    classes = tuple(classes)
    known = {binding.id: binding for binding in BINDINGS if binding.id} | collect_ids(*classes)
    keymap: dict[str, str] = {}
    for name, value in _flat(table):
        if name not in known:
            raise KeymapError(f"{path}: {name!r} is not the id of an action; {_nearest(name, known)}")
        if not isinstance(value, str):
            raise KeymapError(f'{path}: {name} = {value!r}: write the keys as text, such as "{name}" = "f5"')
        keymap[name] = ",".join(_key(path, name, key.strip()) for key in value.split(","))
    _refuse_clashes(path, keymap, classes)
    return keymap


def keys_of(binding: Binding, keymap: Mapping[str, str]) -> list[str]:
    """The keys that ask for this binding's action under `keymap`, as Textual names them."""
    keys = keymap.get(binding.id, "") if binding.id else ""
    return [_as_textual_says(key.strip()) for key in (keys or binding.key).split(",")]


def shown_keys(binding: Binding, keymap: Mapping[str, str]) -> str:
    """The same as a person reads it: "plus,equals_sign" is "+ ="."""
    return " ".join(shown_key(key) for key in keys_of(binding, keymap))


def shown_key(key: str) -> str:
    """One key as a person reads it, its modifiers before it."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, format_key(last)])


def active_key(app: App[Any], binding_id: str) -> str:  # Any: whatever the app returns is no matter here
    """How to write, in a hint, the key that asks for a global action now, remapped or not."""
    for key, active in app.active_bindings.items():
        if active.binding.id == binding_id:
            return shown_key(key)
    return shown_key(next(keys_of(b, {})[0] for b in BINDINGS if b.id == binding_id))


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        reason = error.strerror or error
        raise KeymapError(f"{path}: the key file cannot be read: {reason}; mend it or move it away") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise KeymapError(f'{path}: not TOML: {error}; write lines such as "run.toggle" = "f5"') from None


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Ids and values; `run.toggle = "f5"` without quotes is a table in TOML and means the same."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"


def _key(path: Path, name: str, key: str) -> str:
    """A key as Textual names it.

    Raises:
        KeymapError: if no such key can be pressed.
    """
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    strange = [modifier for modifier in modifiers if modifier not in MODIFIERS]
    if not last or strange or not _can_be_pressed(last):
        raise KeymapError(
            f"{path}: {name}: {key!r} is not a key; write a character such as f or F, a name such as space, "
            "f5, pageup or comma, or ctrl+f; several keys are separated by commas"
        )
    if modifiers == ["shift"] and len(last) == 1 and last.isalpha():
        raise KeymapError(f"{path}: {name}: {key!r} is never sent by a terminal; write {last.upper()!r}")
    return "+".join([*modifiers, _as_textual_says(last)])


def _can_be_pressed(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable() and key != " "
    character = key_to_character(key)  # by its Unicode name
    return key in NAMED_KEYS or key in _CHARACTER_KEYS or (character is not None and character.isprintable())


def _refuse_clashes(path: Path, keymap: Mapping[str, str], classes: Iterable[type[DOMNode]]) -> None:
    """Refuse a key that means two things in one place: a pane's keys and the global ones are active together.

    Keys of two different panes may agree, and so may a widget's with its pane's; only what the file remaps is
    looked at, so that what is built in is never held against the person.
    """
    world = {binding.id: binding for binding in BINDINGS if binding.id}
    for scope in ({}, *(collect_ids(cls) for cls in classes)):
        owners: dict[str, str] = {}
        for name, binding in {**world, **scope}.items():
            for key in dict.fromkeys(keys_of(binding, keymap)):
                other = owners.setdefault(key, name)
                if other != name and (name in keymap or other in keymap):
                    first, second = (name, other) if name in keymap else (other, name)
                    raise KeymapError(
                        f"{path}: {first} = {keymap[first]!r}: {shown_key(key)} is the key of {second}, too; "
                        f"give one of them another key"
                    )
    for name, keys in keymap.items():
        for key in keys.split(","):
            if key in TAKEN:
                raise KeymapError(f"{path}: {name} = {keys!r}: {key} {TAKEN[key]}; choose another key")
