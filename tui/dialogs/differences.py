"""In what two recipes differ, and whether a run can take that up as it goes.

What it does not know: who asks; both dialogs and the app do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.training.recipe import Recipe
from engine.training.rules import RULES, Scalar


@dataclass(frozen=True)
class Difference:
    """One ingredient that differs.

    Attributes:
        name: of the ingredient, or "changes" for what is planned for later steps.
        before, after: its values, as they are written.
        live: whether a run that goes on can take it up.
    """

    name: str
    before: str
    after: str
    live: bool


def differences(before: Recipe, after: Recipe) -> tuple[Difference, ...]:
    """What is different in `after`, in the order of the rules."""
    found = [
        Difference(name, written(getattr(before, name)), written(getattr(after, name)), rule.live)
        for name, rule in RULES.items()
        if getattr(before, name) != getattr(after, name)
    ]
    if before.changes != after.changes:
        planned = [" ".join(map(str, recipe.changes)) or "none" for recipe in (before, after)]
        found.append(Difference("changes", planned[0], planned[1], live=False))
    return tuple(found)


def all_live(found: Sequence[Difference]) -> bool:
    """Whether a run can take up all of them as it goes."""
    return all(difference.live for difference in found)


def written(value: Scalar) -> str:
    """A value as a person types it, exactly: 0.1, 32, relu; an empty word is a pair of quotes."""
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value) or '""'
