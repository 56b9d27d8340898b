"""PositionBar: the whole text as one row, with its splits, where training stands in it, and where one looks.

What it promises: the parts have a sign each, so it reads without colour; a click tells which character was
pointed at. What it does not know: the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content, Span
from textual.message import Message
from textual.widget import Widget


@dataclass(frozen=True)
class Part:
    """A split, and what stands for it."""

    name: str
    sign: str
    style: str


PARTS = (
    Part("train", "━", "$text-primary"),
    Part("validation", "╍", "$text-warning"),
    Part("test", "┉", "$text-success"),
)
"""The splits in the order of the text."""

TRAINING, LOOKING = "◆", "◇"

Borders = tuple[int, int, int, int]


def part_of(borders: Borders, position: int) -> Part:
    """The split a character belongs to."""
    return PARTS[(position >= borders[1]) + (position >= borders[2])]


class PositionBar(Widget):
    """A row that is as wide as the text is long."""

    DEFAULT_CSS = """
    PositionBar { height: 1; }
    """

    class Pointed(Message):
        """The person clicked at a place of the text."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self) -> None:
        super().__init__()
        self._borders: Borders = (0, 0, 0, 0)
        self._marks: tuple[tuple[int | None, str], ...] = ()
        self._drawn: list[tuple[str, str]] = []

    def show(self, borders: Borders, training: int | None, looking: int | None) -> None:
        """Draw anew if a cell changes.

        Arguments:
            borders: where the splits begin and end, in characters.
            training: the character where training stands, None before the first step.
            looking: the first character in view, None where the view follows the training.
        """
        self._borders = borders
        self._marks = (looking, LOOKING), (training, TRAINING)  # where both are in one cell: training
        if self._cells() != self._drawn:
            self.refresh()

    def render(self) -> Content:
        """The row."""
        self._drawn = self._cells()
        spans = [Span(index, index + 1, style) for index, (_, style) in enumerate(self._drawn)]
        return Content("".join(sign for sign, _ in self._drawn), spans=spans)

    def on_click(self, event: events.Click) -> None:
        """Tell which character stands there."""
        length, width = self._borders[3], self.size.width
        if length and width:
            self.post_message(self.Pointed(min(event.x * length // width, length - 1)))

    def _cells(self) -> list[tuple[str, str]]:
        """The sign and style of every cell; a cell belongs to the split its middle is in."""
        length, width = self._borders[3], self.size.width
        if not length:
            return []
        parts = [part_of(self._borders, (2 * column + 1) * length // (2 * width)) for column in range(width)]
        cells = [(part.sign, part.style) for part in parts]
        for position, sign in self._marks:
            if position is not None and width:
                cells[min(position * width // length, width - 1)] = (sign, "bold $text-accent")
        return cells
