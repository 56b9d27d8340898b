"""Standings: the rows of a comparison, the best on top, with a cursor that follows its entrant from place to place.

What it promises: `Standings.Selected` when the cursor stands on another entrant. What it does not know: the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.scoreboard.view import Row, State
from tui.panes.units import Unit
from tui.scoreboard.columns import columns_for, line
from tui.text import screen_text

SIGNS = "123456789abcdefghijklmnopqrstuvwxyz"
"""What stands for an entrant, in the table and at the end of its curve, by its number."""
_MUTED = "$foreground 60%"
_EDGE = 4  # cells of the sign and the frame


def sign(number: int) -> str:
    """An entrant's sign."""
    return SIGNS[(number - 1) % len(SIGNS)]


class Places(OptionList):
    """The rows; the arrows or j and k move the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", id="standings.down", show=False),
        Binding("k", "cursor_up", "Up", id="standings.up", show=False),
    ]


class Standings(Vertical):
    """A line of heads, and a row an entrant."""

    class Selected(Message):
        """The cursor stands on another entrant, told by its number."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._rows: Sequence[Row] = ()
        self._colours: Mapping[int, str] = {}
        self._unit = Unit.NATS
        self._selected: int | None = None
        self._drawn: list[Content] = []
        self._heads = ""

    def compose(self) -> ComposeResult:
        """Heads and rows."""
        yield Static(id="standings-heads", markup=False)
        yield Places(id="standings-rows", compact=True, markup=False)

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        return next((row for row in self._rows if row.number == self._selected), None)

    def show(self, rows: Sequence[Row], colours: Mapping[int, str], unit: Unit) -> None:
        """Draw these rows in this order.

        Arguments:
            rows: the best first.
            colours: of the signs of entrants that have a curve, by number.
            unit: of all losses.
        """
        self._rows, self._colours, self._unit = rows, colours, unit
        if self.selected is None and rows:
            self._selected = rows[0].number
        self._draw()

    def on_resize(self) -> None:
        """Other columns may fit."""
        self._draw()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The person moved the cursor, or its entrant moved under it."""
        event.stop()
        if event.option_index < len(self._rows):
            number = self._rows[event.option_index].number
            if number != self._selected:
                self._selected = number
                self.post_message(self.Selected(number))

    def _draw(self) -> None:
        columns = columns_for(self.size.width - _EDGE)
        heads = line(columns, [column.head for column in columns])
        if heads != self._heads:
            self._heads = heads
            self.query_one("#standings-heads", Static).update(Content.styled(f"   {heads}", _MUTED))
        prompts = [
            Content.assemble(
                (f"{sign(row.number)} ", f"bold {self._colours.get(row.number, '')}"),
                (
                    screen_text(line(columns, [c.text(row, self._unit) for c in columns]), newlines=False),
                    _MUTED if row.state in (State.WAITING, State.SKIPPED) else "",
                ),
            )
            for row in self._rows
        ]
        places = self.query_one(Places)
        if len(prompts) != places.option_count:
            self._drawn = []
            places.set_options([Option(prompt) for prompt in prompts])
        else:
            for index, prompt in enumerate(prompts):
                if index >= len(self._drawn) or prompt != self._drawn[index]:
                    places.replace_option_prompt_at_index(index, prompt)
        self._drawn = prompts
        at = next((i for i, row in enumerate(self._rows) if row.number == self._selected), None)
        if places.highlighted != at:
            with places.prevent(OptionList.OptionHighlighted):  # nobody moved: the entrant did
                places.highlighted = at
