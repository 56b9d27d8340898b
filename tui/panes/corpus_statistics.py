"""What the corpus pane says about a text: rows of label, value and unit, in one column or two.

What it promises: values that line up; every row as wide as asked or less (notes are left to the widget to wrap);
what is not known is left out. What it does not know: widgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from textual.content import Content

from corpora.corpus import Corpus
from engine.information import nats_to_bits
from tui.panes.position_bar import PARTS, Borders
from tui.text import content, single_line

BLOCK = 32
"""Cells of one column of rows, at most: a text of 100,000,000 characters fits."""

FLOOR = "on average no model gets below"

MUTED = "$foreground 60%"
_UNIT, _NARROW_UNIT = 7, 5
_GAP = 4


@dataclass(frozen=True)
class Row:
    """One number: what it is, its value and its unit; or a remark on the row above, which has no value."""

    label: str
    value: str = ""
    unit: str = ""
    style: str = ""

    def content(self, width: int = BLOCK) -> Content:
        """The row in exactly so many cells; where there is no room for its unit, without it."""
        if not self.value:
            return Content.styled(self.label.rjust(width)[: max(width, 0)], MUTED)
        unit = f"{self.unit:<{_UNIT if width >= BLOCK else _NARROW_UNIT}}"
        value = f"{self.value} "
        if len(self.label) + 1 + len(value) + len(unit) > width:
            value, unit = self.value, ""
        label = self.label.ljust(width - len(value) - len(unit))
        return Content.assemble((label, self.style or MUTED), value, (unit, MUTED))


def text_rows(corpus: Corpus) -> list[Row]:
    """Size, distinct characters, entropies."""
    rows = [
        Row("size", f"{len(corpus):,}", "chars"),
        Row("distinct", f"{len(corpus.vocabulary):,}", "chars"),
        Row("unigram", f"{corpus.unigram_entropy:.3f}", "bits"),
    ]
    if corpus.entropy_rate is not None:
        rows.append(Row("true rate", f"{nats_to_bits(corpus.entropy_rate):.3f}", "bits"))
        rows.append(Row(f"↑ {FLOOR}"))
    return rows


def training_rows(corpus: Corpus, borders: Borders, context: int | None) -> list[Row]:
    """Training examples, unless `context` means nothing to the model, and splits; nothing without a run."""
    if not borders[3]:
        return []
    rows = []
    if context is not None:
        rows.append(Row("examples", f"{max(borders[1] - context, 0):,}", f"C = {context}"[:_UNIT]))
    for index, part in enumerate(PARTS):
        size = borders[index + 1] - borders[index]
        share = f"{size / len(corpus):.1%}"
        rows.append(Row(f"{part.sign} {part.name}", f"{size:,}", share, part.style))
    return rows


def statistics(corpus: Corpus, borders: Borders, context: int | None, width: int) -> Content:
    """All of it, for a pane `width` cells wide inside: name and origin, the numbers, the notes."""
    origin = f" · {corpus.origin}"
    name = single_line(corpus.name, width - len(origin))
    lines = [Content.assemble((name, "bold"), (origin, MUTED))]
    left, right = text_rows(corpus), training_rows(corpus, borders, context)
    if width >= 2 * BLOCK + _GAP:
        lines += _side_by_side(left, right)
    else:
        lines += [row.content(min(width, BLOCK)) for row in left + right]
    lines += [content(note, MUTED) for note in corpus.notes]  # the widget wraps them
    return Content("\n").join(lines)


def _side_by_side(left: Sequence[Row], right: Sequence[Row]) -> list[Content]:
    blank = Content(" " * BLOCK)
    return [
        Content(" " * _GAP).join([a.content() if a else blank, b.content() if b else blank])
        for a, b in zip_longest(left, right)
    ]
