"""TrainingPane: the model, its training, and what of it can be turned while it runs.

What it promises: rate, batch and clipping act at once; every number shown is that of the run; and drawing is
skipped where nothing has changed. What it does not know: how the rest is changed; for that there is the
settings dialog, which the app opens.
"""

from __future__ import annotations

import textwrap
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.commands import Alter
from engine.snapshot import Snapshot
from engine.training.recipe import Recipe
from engine.training.rules import RULES
from tui.keys import active_key
from tui.messages import EngineCommand
from tui.panes.base import Pane
from tui.panes.ladder import LadderSlider
from tui.panes.numerals import thousands
from tui.panes.recipe_in_words import NBSP, Component, components, facts, in_force, learned, reach, under_way
from tui.rungs import LADDERS
from tui.text import single_line
from tui.widgets.slider import Slider

MUTED = "$foreground 60%"
LABEL_CELLS = 11
WIDEST_LABEL = 0.45
"""Share of a row that the name of an array may take at most."""
SHARE_CELLS = 9
SHARE_FROM = 56
"""Width from which a row also tells its share of all parameters."""
FORMULA_CELLS = 28
"""Beyond it a count would be too far from its formula for the eye to follow."""


class TrainingPane(Pane):
    """Facts, controls, parameter table, and how far one can go back."""

    BINDING_GROUP_TITLE = "Model and training"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "turn_focus(1)", "next", show=False, id="training.next", tooltip="The next control"),
        Binding("up", "turn_focus(-1)", "before", show=False, id="training.before", tooltip="The one before"),
        Binding("j", "scroll(1)", "table down", show=False, id="training.down", tooltip="Scroll the table"),
        Binding("k", "scroll(-1)", "table up", show=False, id="training.up", tooltip="Scroll the table back"),
    ]

    def __init__(self, *, id: str | None = "training") -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.border_title = "4 Model and training"
        self._snapshot = Snapshot()
        self._recipe: Recipe | None = None
        self._sliders = {
            name: LadderSlider(
                name.replace("_", " ").ljust(LABEL_CELLS - 1),
                rungs,
                off_at_minimum="off" if rungs[0] == 0 else None,
                id=f"training-{name}",
            )
            for name, rungs in LADDERS.items()
        }

    def compose(self) -> ComposeResult:
        """From what is fixed to what moves."""
        yield Static(id="training-facts", markup=False)
        yield from self._sliders.values()
        yield Static(id="training-total", markup=False)
        with VerticalScroll(id="training-table", can_focus=False):
            yield Static(id="training-rows", markup=False)
        yield Static(id="training-status", markup=False)

    def on_mount(self) -> None:
        """Draw what there is, so that no part is ever empty."""
        self._draw()

    def on_resize(self) -> None:
        """Lines are broken and clipped to the width."""
        self._draw()

    def show(self, snapshot: Snapshot) -> None:
        """Draw what is new in `snapshot`."""
        then, self._snapshot = self._snapshot, snapshot
        changed = (
            snapshot.recipe is not then.recipe
            or snapshot.current is not then.current
            or snapshot.corpus is not then.corpus
            or snapshot.parameters is not then.parameters
            or under_way(snapshot.trace) is not under_way(then.trace)
        )
        if changed:
            self._recipe = in_force(snapshot)
        if self._recipe is not None and snapshot.version != then.version:
            for name, slider in self._sliders.items():
                slider.display = self._recipe.means(name)
                slider.follow(getattr(self._recipe, name))
        if changed:
            self._draw()
        elif (snapshot.rewindable, snapshot.rewind_limit) != (then.rewindable, then.rewind_limit):
            self._write_status()

    def action_turn_focus(self, places: int) -> None:
        """To another control."""
        sliders = [slider for slider in self._sliders.values() if slider.display]
        if not sliders:
            return
        at = next((index for index, slider in enumerate(sliders) if slider.has_focus), 0)
        sliders[(at + places) % len(sliders)].focus()

    def action_scroll(self, rows: int) -> None:
        """Scroll the parameter table, where it is longer than its place."""
        self.query_one("#training-table").scroll_relative(y=rows, animate=False)

    def on_slider_changed(self, event: Slider.Changed) -> None:
        """Change the run at once."""
        event.stop()
        for name, slider in self._sliders.items():
            if slider is event.slider:
                value = int(slider.rung) if RULES[name].kind is int else slider.rung
                self.post_message(EngineCommand(Alter(name, value)))

    @property
    def _width(self) -> int:
        return max(self.content_size.width - 1, 0)  # without the scrollbar's column

    def _draw(self) -> None:
        """Bring everything up to date."""
        recipe, corpus = self._recipe, self._snapshot.corpus
        self.set_class(recipe is None, "-empty")
        lines, total, table = (
            self.query_one(f"#training-{name}", Static) for name in ("facts", "total", "rows")
        )
        if recipe is None or corpus is None:
            key = active_key(self.app, "text.open")
            lines.update(Content.styled(f"no model yet: {key} opens a text, and training can begin", MUTED))
            table.update("")
        else:
            # Where there is nothing to turn, the pane's keys still need somewhere to be.
            self.query_one("#training-table").can_focus = not recipe.means("rate")
            lines.update(_aligned(facts(recipe, len(corpus.vocabulary)), self._width))
            heading, rows = _table(components(self._snapshot.parameters), self._width, learned(recipe))
            total.update(heading)
            table.update(rows)
            settings = active_key(self.app, "model.settings")
            self.border_subtitle = Content(
                f"{settings} settings · {active_key(self.app, 'recipe.copy')} recipe"
            )
        self._write_status()

    def _write_status(self) -> None:
        """How far one can go back, and the recipe on one line."""
        status, recipe = self.query_one("#training-status", Static), self._snapshot.recipe
        if recipe is None:
            status.update("", layout=False)
            return
        line = single_line(str(recipe), max(self._width - LABEL_CELLS, 0))
        lines = (("go back", reach(self._snapshot)), ("recipe", line))
        status.update(
            Content("\n").join(
                Content.assemble((name.ljust(LABEL_CELLS), MUTED), Content(text)) for name, text in lines
            ),
            layout=False,
        )


def _aligned(pairs: tuple[tuple[str, str], ...], width: int) -> Content:
    """Names and values in two columns, long values on several lines."""
    lines = []
    room = max(width - LABEL_CELLS, 1)
    for name, value in pairs:
        # words that belong together part all the same before one of them is cut in two
        words = (word if len(word) <= room else word.replace(NBSP, " ") for word in value.split(" "))
        wrapped = textwrap.wrap(" ".join(words), room, break_on_hyphens=False) or [""]
        for index, piece in enumerate(wrapped):
            label = name if index == 0 else ""
            lines.append(Content.assemble((label.ljust(LABEL_CELLS), MUTED), Content(piece)))
    return Content("\n").join(lines)


def _table(rows: tuple[Component, ...], width: int, what: str) -> tuple[Content, Content]:
    """The total of `what` there is as a heading, and a row a component: name, formula, count, perhaps share."""
    total = sum(row.count for row in rows if not row.part_of)
    names = [f"  {row.name}" if row.part_of else row.name for row in rows]
    longest = max(map(cell_len, names), default=0) + 1
    label = max(LABEL_CELLS, min(longest, int(WIDEST_LABEL * width)))
    counts = max(len(thousands(number)) for number in (total, *(row.count for row in rows)))
    shares = width >= SHARE_FROM
    room = width - label - counts - 1 - (SHARE_CELLS if shares else 0)
    room = max(min(room, FORMULA_CELLS), 0)
    lines = []
    for name, row in zip(names, rows, strict=True):
        formula = row.formula if cell_len(row.formula) <= room else row.formula.replace(" ", "")
        name = single_line(name, label - 1)
        line = f"{name:<{label}}{single_line(formula, room):<{room}} {row.count:>{counts},}"
        lines.append(line + (f"{row.count / total:>{SHARE_CELLS}.1%}" if shares else ""))
    heading = f"{what:<{label + room}} {total:>{counts},}" if rows else ""
    return Content(heading), Content("\n".join(lines))
