"""Formulas on lines of a given width: those of a model's stages, and the rule by which it learns.

What it promises: no sign of a formula is lost where it is broken. What it does not know: numbers of a step.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content

from engine.training.recipe import Recipe
from tui.panes.numerals import plain


def rule(recipe: Recipe, rate: str) -> Iterator[tuple[str, str]]:
    """The optimizer's rule in its own form, a name and a formula a line; what counting does where there is none.

    Arguments:
        recipe: with its optimizer, or without one.
        rate: how the learning rate is written.
    """
    if not recipe.means("optimizer"):
        yield "count", "n(context, c) ← n(context, c) + 1"
        return
    name, momentum, decay = recipe.optimizer, plain(recipe.momentum), plain(recipe.weight_decay)
    if recipe.weight_decay and name != "adamw":
        yield "decay", f"g ← g + {decay} θ"
    match name:
        case "adam" | "adamw":
            yield name, "m, v: running means of g and g², unbiased"
            shrunk = f" - {rate} · {decay} θ" if recipe.weight_decay and name == "adamw" else ""
            yield "", f"θ ← θ - {rate} · m / (√v + ε){shrunk}"
        case "adagrad":
            yield name, "s ← s + g²"
            yield "", f"θ ← θ - {rate} · g / (√s + ε)"
        case "rmsprop":
            yield name, "s: running mean of g²"
            yield "", f"θ ← θ - {rate} · g / (√s + ε)"
        case _ if recipe.momentum:
            yield "momentum", f"v ← {momentum} v + g"
            yield name, f"θ ← θ - {rate} · " + (f"(g + {momentum} v)" if name == "nesterov" else "v")
        case _:
            yield name, f"θ ← θ - {rate} · g"


def formula_lines(formula: str, width: int) -> list[Content]:
    """A formula; where it does not fit, each of its equations on lines of its own, broken at blanks."""
    if cell_len(formula) <= width:
        return [Content(formula)]
    return [
        Content(line)
        for equation in _equations(formula)
        for line in textwrap.wrap(equation, max(width, 1), subsequent_indent="  ", break_on_hyphens=False)
    ]


def _equations(formula: str) -> Iterator[str]:
    """The parts between commas and semicolons that stand in no brackets, each with its own at its end."""
    depth, begun = 0, 0
    for at, sign in enumerate(formula):
        depth += (sign in "([") - (sign in ")]")
        if sign in ",;" and depth == 0:
            yield formula[begun : at + 1].strip()
            begun = at + 1
    yield formula[begun:].strip()
