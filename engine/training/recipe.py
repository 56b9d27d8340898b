"""Recipe: everything that is chosen before the first step, and what was turned while it ran.

The same recipe on the same text gives the same numbers, bit for bit, on the same machine. One table,
`RULES`, says for each ingredient what it is, what it may be and whether it may change during a run; the
command line, the settings pane and every error message are made from it.

A recipe writes itself as one short line, `corpus=names hidden=64 seed=7 @120:batch=32`, in which only what
differs from the default is named and `@120:` means "from step 120 on"; and as TOML.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import tomli_w

from engine.autograd.fused import ACTIVATIONS
from engine.nn.initialisation import INITIALISERS

Scalar = str | int | float
LAST_STEP = 10**18 - 1
"""The last step a change may name: 18 digits, as many as the one-line form reads."""


class RecipeError(ValueError):
    """An ingredient is unknown or out of its range; the message names it, its value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """What one ingredient may be.

    Attributes:
        kind: its type.
        meaning: what it is, in a few words.
        low, high: the range of a number, both ends included.
        choices: the allowed words, if it is one of a few.
        live: whether it may change while the run goes on.
        group: the heading it stands under in the settings.
    """

    kind: type
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    live: bool = False
    group: str = "model"

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is str:
            return "a word"
        if self.kind is int:
            return f"a whole number from {int(self.low)} to {int(self.high)}"
        return f"a number from {self.low:g} to {self.high:g}"

    def read(self, name: str, value: object) -> Scalar:
        """`value` as this ingredient's type.

        Raises:
            RecipeError: if it has another type or lies outside the range.
        """
        refused = RecipeError(f"{name} = {_printed(value)}: {self.meaning} must be {self.allowed}")
        if self.kind is str:
            if not isinstance(value, str) or (self.choices and value not in self.choices):
                raise refused
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise refused
        try:
            given = _number(value)
            number = int(given) if self.kind is int else float(given)
        except (ValueError, OverflowError):  # no number, or one that is not finite where that matters
            raise refused from None
        if number != given or not self.low <= number <= self.high:
            raise refused
        return number


def _number(value: float | str) -> float:
    """The number a text stands for; a whole one keeps every digit, as a large seed must."""
    if not isinstance(value, str):
        return value
    try:
        return int(value)
    except ValueError:
        return float(value)


RULES: Mapping[str, Rule] = {
    "corpus": Rule(str, "the name of a corpus, or a path", group="text"),
    "fingerprint": Rule(str, "the text's fingerprint", group="text"),
    "train_share": Rule(float, "the share of the text to train on", 0.01, 1, group="text"),
    "validation_share": Rule(float, "the share held out for validation", 0, 0.99, group="text"),
    "model": Rule(str, "the model", choices=("mlp", "scalar-mlp")),
    "context": Rule(int, "characters of context", 1, 256),
    "embedding": Rule(int, "numbers per character", 1, 1024),
    "hidden": Rule(int, "units per hidden layer", 1, 4096),
    "layers": Rule(int, "hidden layers", 1, 4),
    "activation": Rule(str, "the activation", choices=tuple(ACTIVATIONS)),
    "initialiser": Rule(str, "the initial weights", choices=tuple(INITIALISERS)),
    "dropout": Rule(float, "the share of hidden units dropped", 0, 0.9),
    "precision": Rule(str, "the precision", choices=("float32", "float64")),
    "optimizer": Rule(str, "the optimizer", choices=("sgd", "adam"), group="training"),
    "rate": Rule(float, "the learning rate", 0, 100, live=True, group="training"),
    "momentum": Rule(float, "the momentum of SGD", 0, 0.999, group="training"),
    "batch": Rule(int, "examples per step", 1, 4096, live=True, group="training"),
    "clip_norm": Rule(float, "the largest gradient norm (0: off)", 0, 1e6, live=True, group="training"),
    "clip_value": Rule(float, "the largest gradient entry (0: off)", 0, 1e6, live=True, group="training"),
    "schedule": Rule(str, "the schedule", choices=("constant", "cosine"), group="training"),
    "warmup": Rule(int, "steps of warm-up", 0, 10_000_000, group="training"),
    "steps": Rule(int, "steps of the cosine schedule", 1, 1_000_000_000, group="training"),
    "seed": Rule(int, "the seed", 0, 2**63 - 1, group="training"),
}


@dataclass(frozen=True)
class Change:
    """An ingredient turned during the run: from step `step` on, `name` is `value`."""

    step: int
    name: str
    value: Scalar

    def __str__(self) -> str:
        return f"@{self.step}:{self.name}={_word(self.value)}"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every choice of a run; see `RULES` for what each may be.

    Raises:
        RecipeError: if an ingredient lies outside its rule, or two contradict each other.
    """

    corpus: str = "proverbs"
    fingerprint: str = ""
    train_share: float = 0.8
    validation_share: float = 0.1
    model: str = "mlp"
    context: int = 8
    embedding: int = 32
    hidden: int = 128
    layers: int = 2
    activation: str = "relu"
    initialiser: str = "xavier"
    dropout: float = 0.0
    precision: str = "float32"
    optimizer: str = "sgd"
    rate: float = 0.1
    momentum: float = 0.0
    batch: int = 32
    clip_norm: float = 0.0
    clip_value: float = 0.0
    schedule: str = "constant"
    warmup: int = 0
    steps: int = 10_000
    seed: int = 0
    changes: tuple[Change, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, rule in RULES.items():
            object.__setattr__(self, name, rule.read(name, getattr(self, name)))
        if self.train_share + self.validation_share > 1 + 1e-9:
            raise RecipeError(
                f"train_share = {self.train_share:g} and validation_share = {self.validation_share:g}: "
                "together they may not exceed 1"
            )
        if self.momentum > 0 and self.optimizer != "sgd":
            raise RecipeError(
                f"momentum = {self.momentum:g}: belongs to sgd; set it to 0 or choose optimizer = sgd"
            )
        if self.schedule == "cosine" and self.warmup >= self.steps:
            raise RecipeError(f"warmup = {self.warmup}: must be less than steps = {self.steps}")
        object.__setattr__(self, "changes", tuple(map(_checked, self.changes)))
        if list(self.changes) != sorted(self.changes, key=lambda change: change.step):
            raise RecipeError("changes must stand in the order of their steps")
        by_name = sorted(self.changes, key=lambda change: (change.step, change.name))
        for one, other in pairwise(by_name):
            if (one.step, one.name) == (other.step, other.name):
                raise RecipeError(f"{one} and {other}: one step changes an ingredient once; keep one")

    def __str__(self) -> str:
        words = [f"corpus={_word(self.corpus)}"]
        defaults = Recipe()
        words += [
            f"{name}={_word(getattr(self, name))}"
            for name in RULES
            if name != "corpus" and getattr(self, name) != getattr(defaults, name)
        ]
        return " ".join([*words, *map(str, self.changes)])

    def at(self, step: int) -> Recipe:
        """The recipe as it stands at `step`, with every change up to there carried out and none left."""
        due = {change.name: change.value for change in self.changes if change.step <= step}
        return self.with_values(**due, changes=())

    def with_values(self, /, **values: Any) -> Recipe:  # Any: each field's own type, checked by its rule
        """A copy in which the named ingredients are replaced.

        Raises:
            RecipeError: if a name is unknown or a value is refused.
        """
        unknown = sorted(set(values) - set(RULES) - {"changes"})
        if unknown:
            raise _unknown(unknown[0])
        return dataclasses.replace(self, **values)

    def changed(self, step: int, name: str, value: object) -> Recipe:
        """A copy in which `name` is `value` from `step` on, for good.

        Later changes of `name` are dropped; those of the other ingredients stay planned.

        Raises:
            RecipeError: if the ingredient cannot change during a run, or the value is refused.
        """
        rule = _live_rule(name)
        kept = [c for c in self.changes if c.step < step or c.name != name]
        change = Change(step, name, rule.read(name, value))
        if getattr(dataclasses.replace(self, changes=tuple(kept)).at(step), name) != change.value:
            kept.append(change)
        return dataclasses.replace(self, changes=tuple(sorted(kept, key=lambda c: c.step)))

    @classmethod
    def parse(cls, line: str) -> Recipe:
        """The recipe that `str` wrote.

        Raises:
            RecipeError: if a word is not `name=value`, a name is unknown or a value is refused.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise RecipeError(f"recipe {line!r}: {error}") from None
        values: dict[str, Scalar] = {}
        changes: list[Change] = []
        for word in words:
            match = re.fullmatch(r"(?:@([0-9]{1,18}):)?(\w+)=(.*)", word, flags=re.DOTALL)
            if match is None:
                raise RecipeError(f"recipe: {word!r} is not of the form name=value or @step:name=value")
            step, name, value = match.groups()
            if step is not None:
                changes.append(Change(int(step), name, _live_rule(name).read(name, value)))
            elif name not in RULES:  # "changes" among them: in a line they are written @step:name=value
                raise _unknown(name)
            elif name in values:
                raise RecipeError(f"recipe: {name} is given twice")
            else:
                values[name] = value
        return cls().with_values(**values, changes=tuple(changes))

    def to_toml(self) -> str:
        """Every ingredient as TOML, defaults included."""
        table: dict[str, Any] = {name: getattr(self, name) for name in RULES}  # Any: tomli_w's own type
        table["changes"] = [dataclasses.asdict(change) for change in self.changes]
        return tomli_w.dumps(table)

    @classmethod
    def from_toml(cls, text: str) -> Recipe:
        """The recipe that `to_toml` wrote; what is not named keeps its default.

        Raises:
            RecipeError: if it is not TOML, a name is unknown or a value is refused.
        """
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"recipe: not TOML: {error}") from None
        except (ValueError, RecursionError):  # what tomllib lets out: Python's limits of digits and of depth
            raise RecipeError("recipe: a number in it is too long, or a list nested too deep") from None
        raw = table.pop("changes", [])
        if not isinstance(raw, list) or not all(
            isinstance(entry, dict) and {"step", "name", "value"} == set(entry) for entry in raw
        ):
            raise RecipeError("changes: must be a list of tables with step, name and value")
        changes = tuple(Change(entry["step"], entry["name"], entry["value"]) for entry in raw)
        return cls().with_values(**table, changes=changes)


def _unknown(name: str) -> RecipeError:
    return RecipeError(f"{name}: no such ingredient; there are {', '.join(RULES)}")


def _live_rule(name: str) -> Rule:
    live = [key for key, rule in RULES.items() if rule.live]
    if name not in live:
        raise RecipeError(f"{_printed(name)}: cannot change during a run; these can: {', '.join(live)}")
    return RULES[name]


def _checked(change: Change) -> Change:
    """The change with its value read as its ingredient's type."""
    step, at = change.step, f"@{_printed(change.step)}:{_printed(change.name)}"
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= LAST_STEP:
        raise RecipeError(f"{at}: the step must be a whole number from 0 to {LAST_STEP}")
    return Change(change.step, change.name, _live_rule(change.name).read(change.name, change.value))


def _printed(value: object) -> str:
    """`value` for a message; TOML has integers and nested tables beyond what Python prints."""
    try:
        return str(value)
    except (ValueError, RecursionError):  # the limit of digits; the limit of depth
        return "a value too long to print"


def _word(value: Scalar) -> str:
    return shlex.quote(value) if isinstance(value, str) else repr(value)
