"""What each phase of a training step did, written out with the numbers of one example.

What it promises: every number is the trace's; what the trace does not know is a dash or left out; no line is
wider than asked; and corpus text passes the door of `tui.text`.
What it does not know: the screen, and whether the run goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from textual.content import Content

from corpora.vocabulary import Vocabulary
from engine.information import nats_to_bits
from engine.snapshot import Phase, Trace
from engine.training.recipe import Recipe
from engine.training.rules import RECURRENT, TRANSFORMER
from tui.panes.formulas import formula_lines, rule
from tui.panes.numerals import CELLS, column, plain, significant
from tui.panes.recipe_in_words import layer_name
from tui.text import ELLIPSIS, single_line, visible
from tui.widgets.strip_chart import heat_row

MUTED = "$foreground 60%"
TRUE = "bold $text-success"
NAME = 11
"""Cells of the first column."""
ARRAY = 18
"""Cells of the first column where it names arrays of parameters with short names."""
WIDEST_ARRAY = 0.6
"""Share of a line that the name of an array may take."""
GAP = "   "
LIKELIEST = 5
BAR = 24
"""Cells of the longest bar."""
SLOW, FAST = 1e-4, 1e-2
"""Outside of these a ratio of update to weight is unusual; a common rule of thumb aims at 0.001."""

EVERYWHERE = (*RECURRENT, *TRANSFORMER)
"""Models that predict at every place of an example, not only after its end."""
TOO_LONG = ": the step was too long, or momentum"

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True)
class Story:
    """What there is to tell.

    Attributes:
        trace: the step.
        vocabulary: of the run.
        recipe: as it stood at that step.
        length: of the text, characters.
        width: cells of a line.
    """

    trace: Trace
    vocabulary: Vocabulary
    recipe: Recipe
    length: int
    width: int

    @property
    def truth(self) -> str:
        """The true character, to be looked at."""
        return visible(self.vocabulary.characters[self.trace.example.target], space=True)

    @property
    def place(self) -> str:
        """The name of the true character: the one after c1 ... cC."""
        return f"c{len(self.trace.example.context) + 1}"

    @property
    def units(self) -> str:
        """What a batch consists of: a model that counts reads on, character by character."""
        return "examples" if self.recipe.means("rate") else "new ones"

    @property
    def targets(self) -> str:
        """What the loss of a batch is the mean of, "" if it has a single target."""
        examples = self.trace.batch
        places = len(self.trace.example.context) if self.recipe.model in EVERYWHERE else 1
        if places > 1:
            return f"{examples:,} × {places:,} places" if examples > 1 else f"{places:,} places"
        return f"{examples:,} {self.units}" if examples > 1 else ""

    @property
    def array(self) -> int:
        """Cells of the first column where it names arrays of parameters."""
        names = [layer_name(name) for name, _ in (*self.trace.gradient_norms, *self.trace.ratios)]
        longest = max(map(cell_len, names), default=0) + 1
        return max(ARRAY, min(longest, int(WIDEST_ARRAY * self.width)))


def draw(story: Story) -> Iterator[Content]:
    """Which example it is, character by character."""
    example, trace = story.trace.example, story.trace
    of = f", the first of {trace.batch:,} {story.units}" if trace.batch > 1 else ""
    yield _line("position", f"{example.position:,} of {story.length:,} characters{of}")
    if example.context:
        yield from _context(story)
    yield _line(story.place, (story.truth, TRUE), (f"  id {example.target}, to be predicted", MUTED))


def _context(story: Story) -> Iterator[Content]:
    """The context, every character above its id."""
    example = story.trace.example
    shown = [(visible(story.vocabulary.characters[i], space=True), str(i)) for i in example.context]
    cell = 1 + max(cell_len(text) for pair in shown for text in pair)
    room = max((story.width - NAME - 1) // cell, 1)
    cut = ELLIPSIS if len(shown) > room else ""
    characters, ids = zip(*shown[-room:], strict=True)
    name = f"c1 {ELLIPSIS} c{len(shown)}" if len(shown) > 1 else "c1"
    yield _line(
        name, Content.styled(cut + "".join(_right(text, cell) for text in characters), "$text-primary")
    )
    yield _line("ids", cut + "".join(_right(text, cell) for text in ids))


def forward(story: Story) -> Iterator[Content]:
    """Layer by layer to the probabilities."""
    trace, names = story.trace, [layer_name(layer.name) for layer in story.trace.layers]
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
        yield from _beside(name, _flow(pieces, room), first)
        yield _line("", heat_row(layer.values, room), cells=first)
    if trace.logits is None or trace.probabilities is None:
        yield _line("", ("the forward pass of this step was not watched", MUTED))
        return
    low, high = float(trace.logits.min()), float(trace.logits.max())
    scores = Content.styled(f"({len(trace.logits)},) from {significant(low)} to {significant(high)}", MUTED)
    yield from _beside("logits", _flow([Content("z, a score a character"), scores], room), first)
    yield _line("", heat_row(trace.logits, room), cells=first)
    yield _line("softmax", f"P({story.place} = i) = exp(z_i) / Σ_j exp(z_j)", cells=first)
    order = np.argsort(-trace.probabilities, kind="stable")
    target = trace.example.target
    best = order[:LIKELIEST].tolist()
    rows = best if target in best else [*best, target]
    highest = max(float(trace.probabilities[best[0]]), 1e-300)
    for i in rows:
        likely, rank = float(trace.probabilities[i]), int(np.flatnonzero(order == i)[0]) + 1
        style = TRUE if i == target else ""
        shown = _right(visible(story.vocabulary.characters[i], space=True), 3)
        mark = Content.styled(" true" if i == target else "", style)
        bar = Content.styled(_bar(likely / highest, min(BAR, room - CELLS - 9)), style or "$primary")
        yield _line(
            f"{rank:>{first - 2}}.", (shown, style), (column(likely), style), " ", bar, mark, cells=first
        )


def loss(story: Story) -> Iterator[Content]:
    """How surprised the model was, beside the batch and beside guessing."""
    trace, size = story.trace, len(story.vocabulary)
    likely = None if trace.probabilities is None else float(trace.probabilities[trace.example.target])
    yield _line("L", f"-log P({story.place} = ", (story.truth, TRUE), f") = -log {significant(likely)}")
    yield _line("", (f"{'nats':>{CELLS}}{'bits':>{CELLS}}", MUTED))
    rows: list[tuple[str, float | None, str]] = [("example", trace.loss, "")]
    if story.targets:
        rows.append(("batch", trace.batch_loss, f"mean of {story.targets}"))
    rows.append(("guessing", math.log(size), f"log V = log {size:,}"))
    for name, nats, remark in rows:
        bits = None if nats is None else nats_to_bits(nats)
        yield _line(name, column(nats) + column(bits), (f"  {remark}", MUTED))


def backward(story: Story) -> Iterator[Content]:
    """How strongly the loss pulls at each array, and what clipping does about it."""
    trace, array = story.trace, story.array
    yield _line("g = dL/dθ", ("by the chain rule, layer by layer", MUTED))
    yield _line("", (f"{'norm of g':>{array - NAME + CELLS}}", MUTED))
    largest = max((norm for _, norm in trace.gradient_norms), default=0.0)
    for name, norm in trace.gradient_norms:
        bar = _bar(norm / largest if largest else 0.0, min(BAR, story.width - array - CELLS - 1))
        yield _row(name, array, column(norm), (f" {bar}", "$primary"))
    yield _row("all together", array, (column(trace.gradient_norm), "bold"))
    yield from _beside("clipping", _flow(_clipping(story), story.width - NAME))


def update(story: Story) -> Iterator[Content]:
    """How far each array was moved, or what was counted, and what that did to the example."""
    trace, array = story.trace, story.array
    for name, formula in rule(story.recipe, significant(trace.rate)):
        yield _line(name, formula)
    if trace.ratios:
        yield _line("", (f"{'‖Δθ‖ / ‖θ‖':>{array - NAME + CELLS}}  weights: healthy near 0.001", MUTED))
    for name, ratio in trace.ratios:
        word, style = ("", "") if name.endswith("bias") else _judged(ratio)  # a bias starts at 0
        yield _row(name, array, column(ratio), (f"  {word}", style))
    before, after = trace.before, trace.after
    moved = [(f"{significant(before)} → {significant(after)}", "bold")]
    if before is not None and after is not None:
        arrow, style = ("↑", TRUE) if after > before else ("↓", "bold $text-warning")
        moved.append((f" {arrow if after != before else '='}", style))
    yield _line(f"P({story.place})", *moved, " for ", (story.truth, TRUE))
    if before is not None and after is not None and after < before:
        others = f"the other {trace.batch - 1:,} {story.units} pulled elsewhere" if trace.batch > 1 else ""
        alone = "less likely than before" + TOO_LONG * story.recipe.means("rate")
        yield _line("", (others or alone, MUTED))


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


Piece = str | Content | tuple[str, str]


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


def _line(name: str, *pieces: Piece, cells: int = NAME) -> Content:
    """A name in the first column, which has so many cells, and what is said of it."""
    return Content.assemble((_left(name, cells), MUTED), *pieces)


def _row(name: str, cells: int, *pieces: Piece) -> Content:
    """The same for an array of parameters, in a first column of its own width."""
    return Content.assemble(_left(single_line(layer_name(name), cells - 1), cells), *pieces)


def _beside(name: str, lines: list[Content], cells: int = NAME) -> Iterator[Content]:
    """Several lines beside one name."""
    for index, line in enumerate(lines):
        yield _line(name if index == 0 else "", line, cells=cells)


def _flow(pieces: list[Content], width: int) -> list[Content]:
    """Pieces on as few lines as hold them whole."""
    lines: list[Content] = []
    for piece in pieces:
        if lines and lines[-1].cell_length + len(GAP) + piece.cell_length <= width:
            lines[-1] = Content.assemble(lines[-1], GAP, piece)
        else:
            lines.append(piece)
    return lines


def _left(text: str, cells: int) -> str:
    return text + " " * max(cells - cell_len(text), 1)


def _right(text: str, cells: int) -> str:
    return " " * (cells - cell_len(text)) + text


def _bar(share: float, cells: int) -> str:
    """A bar of eighths of cells; what is not finite has none."""
    if not (math.isfinite(share) and cells > 0):
        return ""
    whole, eighths = divmod(round(min(max(share, 0.0), 1.0) * cells * 8), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()
