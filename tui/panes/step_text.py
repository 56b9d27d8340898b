"""What each phase of a training step did, written out with the numbers of one example.

What it promises: every number is the trace's; what the trace does not know is a dash or left out; no line is
wider than asked; and corpus text passes the door of `tui.text`.
What it does not know: the screen, and whether the run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from rich.cells import cell_len
from textual.content import Content

from engine.information import nats_to_bits
from engine.snapshot import Phase
from tui.panes.formulas import rule
from tui.panes.numerals import CELLS, column, plain, significant
from tui.panes.step_forward import forward
from tui.panes.step_lines import BAR, MUTED, NAME, TRUE, array_row, bar_of, beside, flow, line, to_right
from tui.panes.step_story import Story
from tui.text import ELLIPSIS, visible

SLOW, FAST = 1e-4, 1e-2
"""Outside of these a ratio of update to weight is unusual; a common rule of thumb aims at 0.001."""

TOO_LONG = ": the step was too long, or momentum"


def draw(story: Story) -> Iterator[Content]:
    """Which example it is, character by character."""
    example, trace = story.trace.example, story.trace
    of = f", the first of {trace.batch:,} {story.units}" if trace.batch > 1 else ""
    yield line("position", f"{example.position:,} of {story.length:,} characters{of}")
    if example.context:
        yield from _context(story)
    yield line(story.place, (story.truth, TRUE), (f"  id {example.target}, to be predicted", MUTED))


def _context(story: Story) -> Iterator[Content]:
    """The context, every character above its id."""
    example = story.trace.example
    shown = [(visible(story.vocabulary.characters[i], space=True), str(i)) for i in example.context]
    cell = 1 + max(cell_len(text) for pair in shown for text in pair)
    room = max((story.width - NAME - 1) // cell, 1)
    cut = ELLIPSIS if len(shown) > room else ""
    characters, ids = zip(*shown[-room:], strict=True)
    name = f"c1 {ELLIPSIS} c{len(shown)}" if len(shown) > 1 else "c1"
    yield line(
        name, Content.styled(cut + "".join(to_right(text, cell) for text in characters), "$text-primary")
    )
    yield line("ids", cut + "".join(to_right(text, cell) for text in ids))


def loss(story: Story) -> Iterator[Content]:
    """How surprised the model was, beside the batch and beside guessing."""
    trace, size = story.trace, len(story.vocabulary)
    likely = None if trace.probabilities is None else float(trace.probabilities[trace.example.target])
    yield line("L", f"-log P({story.place} = ", (story.truth, TRUE), f") = -log {significant(likely)}")
    yield line("", (f"{'nats':>{CELLS}}{'bits':>{CELLS}}", MUTED))
    rows: list[tuple[str, float | None, str]] = [("example", trace.loss, "")]
    if story.targets:
        rows.append(("batch", trace.batch_loss, f"mean of {story.targets}"))
    rows.append(("guessing", math.log(size), f"log V = log {size:,}"))
    for name, nats, remark in rows:
        bits = None if nats is None else nats_to_bits(nats)
        yield line(name, column(nats) + column(bits), (f"  {remark}", MUTED))


def backward(story: Story) -> Iterator[Content]:
    """How strongly the loss pulls at each array, and what clipping does about it."""
    trace, array = story.trace, story.array
    yield line("g = dL/dθ", ("by the chain rule, layer by layer", MUTED))
    yield line("", (f"{'norm of g':>{array - NAME + CELLS}}", MUTED))
    largest = max((norm for _, norm in trace.gradient_norms), default=0.0)
    for name, norm in trace.gradient_norms:
        bar = bar_of(norm / largest if largest else 0.0, min(BAR, story.width - array - CELLS - 1))
        yield array_row(name, array, column(norm), (f" {bar}", "$primary"))
    yield array_row("all together", array, (column(trace.gradient_norm), "bold"))
    yield from beside("clipping", flow(_clipping(story), story.width - NAME))


def update(story: Story) -> Iterator[Content]:
    """How far each array was moved, or what was counted, and what that did to the example."""
    trace, array = story.trace, story.array
    for name, formula in rule(story.recipe, significant(trace.rate)):
        yield line(name, formula)
    if trace.ratios:
        yield line("", (f"{'‖Δθ‖ / ‖θ‖':>{array - NAME + CELLS}}  healthy near 0.001", MUTED))
    for name, ratio in trace.ratios:
        word, style = ("", "") if name.endswith("bias") else _judged(ratio)  # a bias starts at 0
        yield array_row(name, array, column(ratio), (f"  {word}", style))
    before, after = trace.before, trace.after
    moved = [(f"{significant(before)} → {significant(after)}", "bold")]
    if before is not None and after is not None:
        arrow, style = ("↑", TRUE) if after > before else ("↓", "bold $text-warning")
        moved.append((f" {arrow if after != before else '='}", style))
    yield line(f"P({story.place})", *moved, " for ", (story.truth, TRUE))
    if before is not None and after is not None and after < before:
        others = f"the other {trace.batch - 1:,} {story.units} pulled elsewhere" if trace.batch > 1 else ""
        alone = "less likely than before" + TOO_LONG * story.recipe.means("rate")
        yield line("", (others or alone, MUTED))


_TOLD: Mapping[Phase, Callable[[Story], Iterator[Content]]] = {
    Phase.DRAW: draw,
    Phase.FORWARD: forward,
    Phase.LOSS: loss,
    Phase.BACKWARD: backward,
    Phase.UPDATE: update,
}
"""Who tells of which phase."""


def account(phase: Phase, story: Story) -> list[Content]:
    """The lines on one phase, which must be done."""
    return [line.truncate(story.width, ellipsis=True) for line in _TOLD[phase](story)]


def _clipping(story: Story) -> list[Content]:
    """What clipping is to do, and once the update is done what it did."""
    recipe, trace = story.recipe, story.trace
    if trace.done is Phase.UPDATE and trace.clipped:
        return [Content(part) for part in trace.clipped.split(", ")]
    limits = []
    if recipe.clip_value:
        limits.append(f"entries to ±{plain(recipe.clip_value)}")
    if recipe.clip_norm:
        limits.append(f"norm to {plain(recipe.clip_norm)}")
    if not limits:
        return [Content.styled("off", MUTED)]
    when = "before the update" if trace.done is not Phase.UPDATE else "nothing to cut"
    return [Content(limit) for limit in limits] + [Content.styled(when, MUTED)]


def _judged(ratio: float | None) -> tuple[str, str]:
    """What to think of an update's share of its weight."""
    if ratio is None:
        return "was all zero", MUTED
    if ratio == 0:
        return "not moved", "$text-warning"
    if ratio < SLOW:
        return "slow", "$text-warning"
    return ("healthy", MUTED) if ratio <= FAST else ("fast", "$text-warning")
