"""CompareDialog: with which models that count the run is to be compared.

What it promises: only models that count, of an order there is, come out; those that read already stay checked. What
it does not know: how long they will read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.commands import Rival
from engine.models.catalog import MODELS
from engine.snapshot import RivalView
from engine.training.rules import COUNTING, NGRAMS, RULES
from tui.dialogs.choice import MUTED
from tui.dialogs.ingredient import Line
from tui.panes.numerals import significant
from tui.screens import Dialog
from tui.text import content
from tui.widgets.tick import CHECKED, UNCHECKED

OFFERED = (
    Rival("unigram", 1),
    Rival("add-k", 3),
    Rival("katz", 5),
    Rival("jelinek-mercer", 5),
    Rival("witten-bell", 5),
    Rival("kneser-ney", 3),
    Rival("kneser-ney", 5),
    Rival("kneser-ney", 7),
)
"""From the simplest to the one that is hardest to beat."""

USUAL_ORDER = 5
NAME_CELLS = 19


HINT = "They read the training part beside the run; Enter or space checks one."


class Checklist(OptionList):
    """Options that the space bar chooses, too, as people expect of boxes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space", "select", "check", show=False, id="checklist.check", tooltip="Check it, or no longer"
        ),
    ]


class RivalError(ValueError):
    """A line names no model that counts; the message says what it may name."""


def read_rival(line: str) -> Rival:
    """The model that a person wrote, such as "kneser-ney 6"; without an order it is the usual one.

    Raises:
        RivalError: if there is no such model, or its order is out of range.
    """
    rule = RULES["order"]
    name, *rest = line.split() or [""]
    if name not in COUNTING:
        raise RivalError(f"{name or 'nothing'}: no model that counts; there are {', '.join(COUNTING)}")
    if name not in NGRAMS:
        if rest:
            raise RivalError(f"{name}: has no order; write {name} alone")
        return Rival(name, 1)
    try:
        order = rule.read("order", rest[0]) if rest else USUAL_ORDER
    except ValueError as refused:
        raise RivalError(str(refused)) from None
    if len(rest) > 1:
        raise RivalError(f"{line.strip()}: write a name and one order, such as {name} 6")
    return Rival(name, int(order))


class CompareDialog(Dialog[tuple[Rival, ...] | None]):
    """Which counting models?

    Arguments:
        views: those that are compared with now, with what they have reached.
    """

    CSS_PATH = "compare.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="compare.cancel", tooltip="Leave all as it is"),
        Binding("ctrl+s", "accept", "OK", id="compare.accept", tooltip="Compare with these", priority=True),
    ]

    def __init__(self, views: Sequence[RivalView]) -> None:
        super().__init__()
        self._losses = {view.rival: view.loss for view in views}
        self._checked = {rival: rival in self._losses for rival in (*OFFERED, *self._losses)}

    def compose(self) -> ComposeResult:
        """The list, a line for any other, buttons."""
        with Vertical(id="compare-box") as box:
            box.border_title = "Compare with models that count"
            yield Static(content(HINT, MUTED), markup=False)
            yield Checklist(
                *(Option(self._told(rival), id=str(rival)) for rival in self._checked),
                id="compare-list",
                markup=False,
            )
            yield Line(placeholder="any other, such as kneser-ney 9; Enter adds it", compact=True)
            yield Static(id="compare-said", markup=False)
            with Horizontal(id="compare-buttons"):
                yield Button("OK (ctrl+s)", id="compare-ok", variant="primary", compact=True)
                yield Button("None", id="compare-none", compact=True)
                yield Button("Cancel (esc)", id="compare-cancel", compact=True)

    def on_mount(self) -> None:
        """The list takes the keys."""
        self._list.focus()

    @property
    def _list(self) -> Checklist:
        return self.query_one(Checklist)

    def action_accept(self) -> None:
        """Hand out those that are checked, in the order of the list."""
        self.dismiss(tuple(rival for rival, checked in self._checked.items() if checked))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Check it, or no longer."""
        event.stop()
        rival = next(rival for rival in self._checked if str(rival) == event.option.id)
        self._check(rival, not self._checked[rival])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Add what was typed, checked."""
        event.stop()
        said = self.query_one("#compare-said", Static)
        try:
            rival = read_rival(event.value)
        except RivalError as refused:
            said.update(content(str(refused), "$text-error", newlines=False))
            return
        said.update("")
        event.input.value = ""
        if rival not in self._checked:
            self._list.add_option(Option("", id=str(rival)))
        self._check(rival, True)
        self._list.highlighted = self._list.get_option_index(str(rival))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        match event.button.id:
            case "compare-ok":
                self.action_accept()
            case "compare-none":
                for rival in self._checked:
                    self._check(rival, False)
            case _:
                self.dismiss(None)

    def _check(self, rival: Rival, checked: bool) -> None:
        self._checked[rival] = checked
        self._list.replace_option_prompt(str(rival), self._told(rival))

    def _told(self, rival: Rival) -> Content:
        """A model and its order, what it has reached or else what it is."""
        box = CHECKED if self._checked[rival] else UNCHECKED
        loss = self._losses.get(rival)
        what = MODELS[rival.model].description
        if loss is not None:
            what = f"{significant(loss)} nats on the validation part"
        return Content.assemble(f"{box} ", (str(rival).ljust(NAME_CELLS), "bold"), (what, MUTED))
