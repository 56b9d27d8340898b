"""LossPane: the course of the loss, and the exact numbers of any recorded step.

What it promises: the curves are drawn anew only when they would look different; all lines and readings are in
the unit the person chose; the cursor stays at its step while data come in, and goes to the nearest recorded
one where its own was thinned away. What it does not know: how losses are computed.

Zoomed in, a level far outside the curves is left out: it would press what was zoomed into flat.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engine.commands import ReturnTo
from engine.snapshot import Losses, Snapshot, Status
from tui.keys import active_key
from tui.messages import EngineCommand
from tui.panes.base import Pane
from tui.panes.loss_levels import is_near, levels, reached
from tui.panes.loss_readings import (
    HEADS,
    Reading,
    looks_different,
    losses_in_cells,
    nearest,
    newest,
    pace_in_cells,
    reading,
    row,
)
from tui.panes.units import MISSING, Unit
from tui.widgets.plot import LinePlot, Series

ZOOMS = (None, 100_000, 10_000, 1_000, 100)
"""How many of the last steps are in view; None: all."""

LEAPS = 20  # so many leaps cross the view
BEFORE_THE_FIRST_STEP = "no loss yet: space trains, s makes one step"

WORSE = 1.5
"""So many times the loss of guessing, smoothed, and weights have been blown up."""
SETTLED = 50
"""Steps that a run has to get below that: on a text of two characters fresh weights may begin above it."""

IMPOSSIBLE = "∞, not drawn: what came was held for impossible"
"""What an infinite loss means: a model without smoothing gives 0 to what it has never seen."""


class LossPane(Pane):
    """Raw, smoothed and validation loss over the steps, with a cursor that reads them."""

    BINDING_GROUP_TITLE = "Loss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "unit", "Unit", id="loss.unit", tooltip="Nats, bits or perplexity"),
        Binding("L", "scale", "Log", id="loss.scale", tooltip="Linear or logarithmic axis", key_display="L"),
        Binding("z", "zoom(1)", "Zoom", id="loss.zoom", tooltip="Show fewer of the last steps"),
        Binding("Z", "zoom(-1)", "Unzoom", id="loss.unzoom", tooltip="Show more steps", show=False),
        Binding(
            "h,left", "move(-1)", "Read left", id="loss.left", tooltip="Cursor to the step before", show=False
        ),
        Binding(
            "l,right",
            "move(1)",
            "Read right",
            id="loss.right",
            tooltip="Cursor to the step after",
            show=False,
        ),
        Binding(
            "shift+left",
            "leap(-1)",
            "Leap left",
            id="loss.leap-left",
            tooltip="Cursor a twentieth of the view back",
            show=False,
        ),
        Binding(
            "shift+right",
            "leap(1)",
            "Leap right",
            id="loss.leap-right",
            tooltip="Cursor a twentieth of the view on",
            show=False,
        ),
        Binding("0,home", "end(0)", "First step", id="loss.first", tooltip="First step in view", show=False),
        Binding(
            "dollar_sign,end", "end(-1)", "Last step", id="loss.last", tooltip="Last step in view", show=False
        ),
        Binding(
            "enter",
            "go_to",
            "Go there",
            id="loss.go-to",
            tooltip="Go back to the step under the cursor",
            show=False,
        ),
        Binding(
            "escape",
            "drop_cursor",
            "No cursor",
            id="loss.drop-cursor",
            tooltip="Take the cursor away",
            show=False,
        ),
    ]

    def __init__(self, *, id: str | None = "loss") -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.border_title = "2 Loss"
        self._unit = Unit.NATS
        self._logarithmic = False
        self._zoom = 0
        self._cursor: int | None = None
        self._snapshot = Snapshot()
        self._drawn: Snapshot | None = None
        self._table: list[str] = []

    def compose(self) -> ComposeResult:
        """The plot, and the table under it."""
        plot = LinePlot(empty=BEFORE_THE_FIRST_STEP)
        plot.can_focus = True  # the pane's keys need somewhere to be
        yield plot
        yield Static(id="loss-table", markup=False)

    def on_mount(self) -> None:
        """Draw what there is, so that no part is ever empty."""
        self._draw()

    def on_resize(self) -> None:
        """The columns that fit depend on the width."""
        self._write_table()

    def show(self, snapshot: Snapshot) -> None:
        """Draw `snapshot`; the curves only if they would look different."""
        self._snapshot = snapshot
        if self._losses is None:
            self._cursor = None
        if self._is_due():
            self._draw()
        else:
            self._write_table()

    @property
    def _losses(self) -> Losses | None:
        """The records, None if there is none."""
        losses = self._snapshot.losses
        return losses if losses is not None and len(losses.steps) else None

    def _is_due(self) -> bool:
        """Whether the curves have changed by as much as can be seen."""
        then, now = self._drawn, self._snapshot
        if then is not None and reached(then) != reached(now):
            return True
        if then is None or then.corpus is not now.corpus or then.losses is None or now.losses is None:
            return then is not now
        columns = self.query_one(LinePlot).size.width if now.status is Status.RUNNING else None
        return looks_different(then.losses, now.losses, ZOOMS[self._zoom], columns)

    def _draw(self) -> None:
        """Hand curves and levels to the plot."""
        self._drawn = self._snapshot
        losses = self._losses
        series: list[Series] = []
        if losses is not None:
            view, of = newest(losses, ZOOMS[self._zoom]), self._unit.of
            series = [Series("raw", view.steps, of(view.raw), "raw")]
            series.append(Series("smoothed", view.steps, of(view.smoothed), "smooth"))
            if len(losses.validation_steps):
                validation = Series("validation", view.validation_steps, of(view.validation), "validation")
                series.append(validation)
        lines = levels(self._snapshot, self._unit)
        if ZOOMS[self._zoom] is not None:
            lines = [level for level in lines if is_near(level, series)]
        self.query_one(LinePlot).show(
            series, lines, logarithmic=self._logarithmic, x_label="step", cursor=self._cursor_step()
        )
        self._write_table()
        zoom = ZOOMS[self._zoom]
        scale = "log" if self._logarithmic else "linear"
        extent = "all steps" if zoom is None else f"last {zoom:,} steps"
        self.border_subtitle = f"{self._unit} · {scale} · {extent}"

    def _write_table(self) -> None:
        """The table under the plot: heads, the latest step, the step under the cursor."""
        width = self.query_one("#loss-table").size.width
        losses = self._losses
        latest = [MISSING] * 4 if losses is None else losses_in_cells(reading(losses, -1), self._unit)
        lines = [row(HEADS, width), row([*latest, *pace_in_cells(self._snapshot)], width)]
        if losses is None:
            lines.append("")
        elif self._cursor is None:
            lines.append(self._hint(losses)[:width])
        else:
            one = reading(losses, nearest(losses, self._cursor))
            text = row(losses_in_cells(one, self._unit), width)
            lines.append(text + self._note(one, width - len(text)))
        if lines != self._table:
            self._table = lines
            muted = "$foreground 60%"
            cursor = "$text-accent" if self._cursor is not None else muted
            self.query_one("#loss-table", Static).update(
                Content("\n").join(
                    (Content.styled(lines[0], muted), Content(lines[1]), Content.styled(lines[2], cursor))
                ),
                layout=False,
            )

    def _note(self, one: Reading, room: int) -> str:
        """At which earlier step the validation loss was measured, and that enter leads there; as it fits."""
        measured = f" at {one.validated:,}" if one.validated not in (None, one.step) else ""
        back = one.step < self._snapshot.step
        whole = " validated" * bool(measured) + measured + " enter: go back there" * back
        notes = (whole, measured + " enter: back" * back, measured)
        return next((note for note in notes if len(note) <= room), "")

    def _hint(self, losses: Losses) -> str:
        """What to know of the last loss, else how to read one."""
        corpus, recipe = self._snapshot.corpus, self._snapshot.recipe
        if np.isposinf(losses.raw[-1]):
            return IMPOSSIBLE
        guessing = math.inf if corpus is None else math.log(len(corpus.vocabulary))
        blown_up = losses.steps[-1] >= SETTLED and losses.smoothed[-1] > WORSE * guessing
        if blown_up and recipe is not None and recipe.means("rate"):
            lower, back = active_key(self.app, "run.rate_down"), active_key(self.app, "run.back_ten")
            return f"far worse than guessing: {lower} lowers the rate, {back} goes back"
        return "h l or a click: read a step"

    def _cursor_step(self) -> int | None:
        """The recorded step the cursor stands at."""
        if self._cursor is None or self._losses is None:
            return None
        return int(self._losses.steps[nearest(self._losses, self._cursor)])

    def _put_cursor(self, step: int | None) -> None:
        self._cursor = step
        self.query_one(LinePlot).move_cursor(self._cursor_step())
        self._write_table()

    def action_unit(self) -> None:
        """The next unit: nats, bits, perplexity."""
        self._unit = self._unit.following
        self._draw()

    def action_scale(self) -> None:
        """Linear or logarithmic."""
        self._logarithmic = not self._logarithmic
        self._draw()

    def action_zoom(self, direction: int) -> None:
        """Fewer or more of the last steps, round and round; windows longer than the run are skipped."""
        made = 0 if self._losses is None else int(self._losses.steps[-1])
        useful = [i for i, zoom in enumerate(ZOOMS) if zoom is None or zoom < made]
        if len(useful) == 1 and self._zoom == 0:
            smallest = ZOOMS[-1]
            self.notify(f"zooming needs more than {smallest} steps; so far there are {made}", markup=False)
            return
        at = useful.index(self._zoom) if self._zoom in useful else 0
        self._zoom = useful[(at + direction) % len(useful)]
        self._draw()

    def action_move(self, by: int) -> None:
        """The cursor `by` recorded steps on; where there is none yet, it comes in at the last step."""
        losses = self._losses
        if losses is None:
            return
        if self._cursor is None:
            self._put_cursor(int(losses.steps[-1]))
            return
        index = min(max(nearest(losses, self._cursor) + by, 0), len(losses.steps) - 1)
        self._put_cursor(int(losses.steps[index]))

    def action_leap(self, direction: int) -> None:
        """The cursor a twentieth of the view on."""
        if self._losses is not None:
            in_view = len(newest(self._losses, ZOOMS[self._zoom]).steps)
            self.action_move(direction * max(1, in_view // LEAPS))

    def action_end(self, index: int) -> None:
        """The cursor to the first (0) or last (-1) step in view."""
        if self._losses is not None:
            self._put_cursor(int(newest(self._losses, ZOOMS[self._zoom]).steps[index]))

    def action_go_to(self) -> None:
        """Back in time to the step under the cursor; the engine says if memory does not reach that far."""
        step = self._cursor_step()
        if step is not None and step < self._snapshot.step:
            self.post_message(EngineCommand(ReturnTo(step)))

    def action_drop_cursor(self) -> None:
        """Take the cursor away."""
        self._put_cursor(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Enter and escape are the pane's only while there is a cursor."""
        return action not in ("go_to", "drop_cursor") or self._cursor is not None

    def on_line_plot_cursor_moved(self, event: LinePlot.CursorMoved) -> None:
        """A click puts the cursor at the recorded step nearest to it."""
        event.stop()
        if event.clicked and self._losses is not None:
            self._put_cursor(int(self._losses.steps[nearest(self._losses, event.x)]))
