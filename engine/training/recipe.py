"""Recipe: everything that is chosen before the first step, and what was turned while it ran.

The same recipe on the same text gives the same numbers, bit for bit, on the same machine. `rules.py` says what
each ingredient may be.

A recipe writes itself as one short line, `corpus=names hidden=64 seed=7 @120:batch=32`, in which only what
differs from the default is named and `@120:` means "from step 120 on"; and as TOML.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import tomli_w

from engine.training.rules import RULES, RecipeError, Rule, Scalar, printed

LAST_STEP = 10**18 - 1
"""The last step a change may name: 18 digits, as many as the one-line form reads."""


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
    order: int = 5
    add: float = 1.0
    context: int = 8
    embedding: int = 32
    hidden: int = 128
    layers: int = 2
    heads: int = 4
    positions: str = "learned"
    norm: str = "pre"
    activation: str = "relu"
    initialiser: str = "xavier"
    forget_bias: float = 1.0
    direct: str = "no"
    batchnorm: str = "no"
    tied: str = "no"
    dropout: float = 0.0
    precision: str = "float32"
    optimizer: str = "sgd"
    rate: float = 0.1
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0
    batching: str = "windows"
    batch: int = 32
    clip_norm: float = 0.0
    clip_value: float = 0.0
    schedule: str = "constant"
    warmup: int = 0
    steps: int = 10_000
    floor: float = 0.1
    drop_every: int = 1_000
    drop_factor: float = 0.5
    stop_steps: int = 0
    stop_seconds: float = 0.0
    stop_loss: float = 0.0
    patience: int = 0
    validate_every: int = 0
    seed: int = 0
    changes: tuple[Change, ...] = field(default=())

    def __post_init__(self) -> None:
        for name, rule in RULES.items():
            object.__setattr__(self, name, rule.read(name, getattr(self, name)))
        object.__setattr__(self, "changes", tuple(map(_checked, self.changes)))
        if list(self.changes) != sorted(self.changes, key=lambda change: change.step):
            raise RecipeError("changes must stand in the order of their steps")
        by_name = sorted(self.changes, key=lambda change: (change.step, change.name))
        for one, other in pairwise(by_name):
            if (one.step, one.name) == (other.step, other.name):
                raise RecipeError(f"{one} and {other}: one step changes an ingredient once; keep one")
        self._refuse_strangers()
        self._refuse_contradictions()

    def _refuse_contradictions(self) -> None:
        """Refuse what each rule allows, but not all of them together."""
        if self.train_share + self.validation_share > 1 + 1e-9:
            raise RecipeError(
                f"train_share = {self.train_share:g} and validation_share = {self.validation_share:g}: "
                "together they may not exceed 1"
            )
        if self.schedule in ("linear", "cosine") and self.warmup >= self.steps:
            raise RecipeError(f"warmup = {self.warmup}: must be less than steps = {self.steps}")
        if self.optimizer == "nesterov" and not self.momentum:
            raise RecipeError(
                f"momentum = {self.momentum:g}: nesterov needs some; choose a number such as 0.9"
            )
        smallest = min([self.batch, *(int(c.value) for c in self.changes if c.name == "batch")])
        if self.batchnorm == "yes" and smallest < 2:
            raise RecipeError(
                f"batch = {smallest}: batchnorm = yes has no statistics of one example; choose 2 or more"
            )
        if self.model == "transformer" and self.embedding % self.heads:
            raise RecipeError(
                f"heads = {self.heads}: must divide embedding = {self.embedding}; choose one of "
                f"{', '.join(str(n) for n in range(1, 65) if self.embedding % n == 0)}"
            )
        if self.patience and self.validation_share == 0:
            raise RecipeError(
                f"patience = {self.patience}: there is nothing to validate on; give a validation_share above 0"
            )

    def _refuse_strangers(self) -> None:
        """Refuse what is set, or planned, although it means nothing to the model, optimizer or schedule."""
        for name in RULES:
            if getattr(self, name) != DEFAULTS[name]:
                self.require_meaning(name, getattr(self, name))
        for change in self.changes:
            self.require_meaning(change.name, change.value)

    def require_meaning(self, name: str, value: Scalar) -> None:
        """Refuse that an ingredient is set to `value` where it means nothing.

        Raises:
            RecipeError: saying what it means nothing to.
        """
        stranger = self._stranger_to(name)
        if stranger is not None:
            owner, choices = stranger
            raise RecipeError(
                f"{name} = {printed(value)}: means nothing to {owner} = {getattr(self, owner)}; leave it out, "
                f"or choose {owner} = {' or '.join(choices)}"
            )

    def _stranger_to(self, name: str) -> tuple[str, tuple[str, ...]] | None:
        """What `name` means nothing to: an ingredient, and the choices of it that would do; None if nothing."""
        belongs = RULES[name].belongs
        if belongs is None:
            return None
        owner, choices = belongs
        return self._stranger_to(owner) if getattr(self, owner) in choices else belongs

    def __str__(self) -> str:
        words = [f"corpus={_word(self.corpus)}"]
        words += [
            f"{name}={_word(getattr(self, name))}"
            for name in RULES
            if name != "corpus" and getattr(self, name) != DEFAULTS[name]
        ]
        return " ".join([*words, *map(str, self.changes)])

    def means(self, name: str) -> bool:
        """Whether an ingredient means anything to the chosen model, optimizer and schedule."""
        return self._stranger_to(name) is None

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
            elif name == "split":
                values |= split_shares(value)
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


DEFAULTS: Mapping[str, Scalar] = {
    entry.name: entry.default for entry in dataclasses.fields(Recipe) if isinstance(entry.default, Scalar)
}
"""What an ingredient is where it is not named."""


def _unknown(name: str) -> RecipeError:
    return RecipeError(f"{name}: no such ingredient; there are {', '.join(RULES)}")


def _live_rule(name: str) -> Rule:
    live = [key for key, rule in RULES.items() if rule.live]
    if name not in live:
        raise RecipeError(f"{printed(name)}: cannot change during a run; these can: {', '.join(live)}")
    return RULES[name]


def split_shares(split: str) -> dict[str, Scalar]:
    """The shares that "0.9/0.1/0" means: of training, validation and test.

    Raises:
        RecipeError: if these are not three numbers that come to 1.
    """
    try:
        train, validation, test = (float(share) for share in split.split("/"))
    except ValueError:
        train, validation, test = 0.0, 0.0, 0.0
    if not abs(train + validation + test - 1) < 1e-9 or min(train, validation, test) < 0:
        raise RecipeError(f"split = {split}: write three shares that come to 1, such as 0.9/0.1/0")
    return {"train_share": train, "validation_share": validation}


def _checked(change: Change) -> Change:
    """The change with its value read as its ingredient's type."""
    step, at = change.step, f"@{printed(change.step)}:{printed(change.name)}"
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= LAST_STEP:
        raise RecipeError(f"{at}: the step must be a whole number from 0 to {LAST_STEP}")
    return Change(change.step, change.name, _live_rule(change.name).read(change.name, change.value))


def _word(value: Scalar) -> str:
    return shlex.quote(value) if isinstance(value, str) else repr(value)
