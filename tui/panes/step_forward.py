"""The forward pass in lines: what each stage gave, how its heads looked at the context, and what is expected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from textual.content import Content

from engine.naming import layer_name
from engine.snapshot import Layer
from tui.panes.formulas import formula_lines
from tui.panes.numerals import CELLS, column, significant
from tui.panes.step_lines import BAR, MUTED, NAME, TRUE, bar_of, beside, centred, flow, line, to_right
from tui.panes.step_story import Story
from tui.text import ELLIPSIS, visible
from tui.widgets.strip_chart import heat_row

Floats = NDArray[np.float64]

LIKELIEST = 5
MOST_LOOKED_AT = 8
"""Cells for the character that a head looks at most, and its share."""


def forward(story: Story) -> Iterator[Content]:
    """Layer by layer to the probabilities."""
    trace, names = story.trace, [_stage_name(layer) for layer in story.trace.layers]
    first = max([NAME, *(cell_len(name) + 1 for name in names)])  # cells of the first column
    room = story.width - first
    told: dict[str, str] = {}
    for name, layer in zip(names, trace.layers, strict=True):
        same = told.setdefault(layer.formula, name)
        lines = formula_lines(layer.formula, room)
        pieces = [*(lines if same == name or len(lines) == 1 else [Content(f"as {same}")])]
        pieces.append(Content.styled(layer.shapes, MUTED))
        if layer.dead is not None:
            pieces.append(Content(f"{layer.dead:.1%} dead"))
        yield from beside(name, flow(pieces, room), first)
        if _looks(layer):
            yield from _looking(story, layer.values, first)
        else:
            yield line("", heat_row(layer.values, room), cells=first)
    if trace.logits is None or trace.probabilities is None:
        yield line("", ("the forward pass of this step was not watched", MUTED))
        return
    yield from _expected(story, trace.logits, trace.probabilities, first)


def _expected(story: Story, logits: Floats, probabilities: Floats, first: int) -> Iterator[Content]:
    """The scores, (V,), and the likeliest characters, the true one among them or below them."""
    room = story.width - first
    low, high = float(logits.min()), float(logits.max())
    scores = Content.styled(f"({len(logits)},) from {significant(low)} to {significant(high)}", MUTED)
    yield from beside("logits", flow([Content("z, a score a character"), scores], room), first)
    yield line("", heat_row(logits, room), cells=first)
    yield line("softmax", f"P({story.place} = i) = exp(z_i) / Σ_j exp(z_j)", cells=first)
    order = np.argsort(-probabilities, kind="stable")
    target = story.trace.example.target
    best = order[:LIKELIEST].tolist()
    rows = best if target in best else [*best, target]
    highest = max(float(probabilities[best[0]]), 1e-300)
    for i in rows:
        likely, rank = float(probabilities[i]), int(np.flatnonzero(order == i)[0]) + 1
        style = TRUE if i == target else ""
        shown = to_right(visible(story.vocabulary.characters[i], space=True), 3)
        mark = Content.styled(" true" if i == target else "", style)
        bar = Content.styled(bar_of(likely / highest, min(BAR, room - CELLS - 9)), style or "$primary")
        number = f"{rank:>{first - 2}}."
        yield line(number, (shown, style), (column(likely), style), " ", bar, mark, cells=first)


def _looks(layer: Layer) -> bool:
    """Whether a stage is how much its heads look at each character."""
    return layer.values.ndim == 2


def _stage_name(layer: Layer) -> str:
    """A stage's name for people, such as "block 1"; that of its attention is short, "attention 1"."""
    if _looks(layer):
        _, number, what = layer.name.split(".")
        return f"{what} {int(number) + 1}"
    return layer_name(layer.name)


def _looking(story: Story, weights: Floats, first: int) -> Iterator[Content]:
    """The context, and below it a row for each head: the higher, the more it looks at this character.

    Arguments:
        weights: (h, T), each row with the sum 1.
        first: cells of the first column.
    """
    characters = [visible(story.vocabulary.characters[i], space=True) for i in story.trace.example.context]
    widest = max(map(cell_len, characters))
    room = max(story.width - first - MOST_LOOKED_AT - 1, 1)
    cell = next((cells for cells in (widest + 2, widest + 1) if cells * len(characters) <= room), widest)
    count = min(len(characters), max(room // cell, 1))  # the last ones, where there is no room for all
    cut = ELLIPSIS if count < len(characters) else " "
    row = "".join(centred(text, cell) for text in characters[-count:])
    yield line("looks at", Content.styled(cut + row, "$text-primary"), cells=first)
    for head, shares in enumerate(weights, 1):
        most = int(shares.argmax())
        bars = heat_row(np.repeat(shares[-count:], cell), cell * count, scale=float(shares[most]))
        known = np.isfinite(shares).all()
        share = f" {to_right(characters[most], widest)} {shares[most]:.0%}" if known else ""
        yield line(f"  head {head}", " ", bars, (share, MUTED), cells=first)
