"""RateFinderDialog: which learning rate? A range test is drawn while it is made, and one of its rates is taken.

What it promises: the curves follow the test; what OK would take is always written on its button, and is the
suggestion until the person moves the cursor; closing ends the test. What it does not know: the run that goes on,
and what is done with the rate.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from corpora.corpus import Corpus
from engine.training.rate_finder import HIGH, LOW, STEPS, RatePoint, suggestion
from engine.training.recipe import Recipe
from tui.panes.numerals import plain
from tui.rate_search import RateSearch
from tui.screens import Dialog
from tui.text import content
from tui.widgets.plot import LinePlot, Series

LOOKS = 0.1
"""Seconds from one look at the test to the next."""
LEAP = 10
"""Points that a leap of the cursor passes: half a power of ten."""
HEADROOM = 1.5
"""The plot's height, in highest smoothed losses on the way down: what breaks later would press the rest flat."""
ABOUT = "A fresh model learns at a rate that grows step by step; your run waits."
MUTED = "$foreground 60%"


class RateFinderDialog(Dialog[float | None]):
    """Which learning rate?

    Arguments:
        recipe: of the run that a rate is looked for, as it stands now.
        corpus: its text.
    """

    CSS_PATH = "rate_finder.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "close", id="rate.close", tooltip="Leave the rate as it is"),
        Binding("enter", "take", "take", id="rate.take", tooltip="Learn with this rate from now on"),
        Binding("s", "suggested", "suggested", id="rate.suggested", tooltip="Back to the suggestion"),
        Binding("r", "again", "again", id="rate.again", tooltip="Make the test again"),
        Binding("h,left", "move(-1)", "lower", show=False, id="rate.left"),
        Binding("l,right", "move(1)", "higher", show=False, id="rate.right"),
        Binding("shift+left", f"move({-LEAP})", "much lower", show=False, id="rate.leap-left"),
        Binding("shift+right", f"move({LEAP})", "much higher", show=False, id="rate.leap-right"),
        Binding("0,home", f"move({-STEPS})", "lowest", show=False, id="rate.first"),
        Binding("dollar_sign,end", f"move({STEPS})", "highest", show=False, id="rate.last"),
    ]

    def __init__(self, recipe: Recipe, corpus: Corpus) -> None:
        super().__init__()
        self._recipe, self._corpus = recipe, corpus
        self._search = RateSearch(recipe, corpus)
        self._points: tuple[RatePoint, ...] = ()
        self._going_on = True
        self._suggested: float | None = None
        self._cursor: float | None = None  # where the person put it

    def compose(self) -> ComposeResult:
        """How far it is, the curves, what stands under the cursor, buttons."""
        with Vertical(id="rate-box") as box:
            box.border_title = "Find a learning rate"
            yield Static(content(ABOUT, MUTED), id="rate-about", markup=False)
            yield Static(id="rate-said", markup=False)
            plot = LinePlot(empty="the first step is under way")
            plot.can_focus = True  # so that enter is the dialog's until the person goes to a button
            yield plot
            yield Static(id="rate-reading", markup=False)
            with Horizontal(id="rate-buttons"):
                yield Button("Take (enter)", id="rate-take", variant="primary", compact=True)
                yield Button("Suggested (s)", id="rate-suggested", compact=True)
                yield Button("Again (r)", id="rate-again", compact=True)
                yield Button("Close (esc)", id="rate-close", compact=True)

    def on_mount(self) -> None:
        """Begin, and look at what comes of it."""
        self.query_one(LinePlot).focus()
        self._search.start()
        self._draw()
        self.set_interval(LOOKS, self._look)

    def on_unmount(self) -> None:
        """However the dialog ends, the test ends with it."""
        self._search.stop()

    @property
    def chosen(self) -> float | None:
        """The rate that would be taken, two digits of it: neighbouring points differ by more."""
        return None if self._place is None else float(f"{self._place:.2g}")

    @property
    def _place(self) -> float | None:
        """Where the cursor stands: at the suggestion until the person moves it."""
        return self._suggested if self._cursor is None else self._cursor

    def action_take(self) -> None:
        """Hand the rate out; nothing happens while there is none."""
        if self.chosen is not None:
            self.dismiss(self.chosen)

    def action_suggested(self) -> None:
        """The cursor back to the suggestion."""
        self._put_cursor(None)

    def action_again(self) -> None:
        """The same test from its beginning; the one under way ends."""
        self._search.stop()
        self._search = RateSearch(self._recipe, self._corpus).start()
        self._points, self._going_on, self._suggested, self._cursor = (), True, None, None
        self._draw()

    def action_move(self, points: int) -> None:
        """The cursor so many points on; without one it comes in at the last."""
        if not self._points:
            return
        last = len(self._points) - 1
        at = last if self._place is None else self._nearest(self._place) + points
        self._put_cursor(self._points[min(max(at, 0), last)].rate)

    def on_line_plot_cursor_moved(self, event: LinePlot.CursorMoved) -> None:
        """A click puts the cursor at the nearest point."""
        event.stop()
        if event.clicked and self._points:
            self._put_cursor(self._points[self._nearest(event.x)].rate)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        match event.button.id:
            case "rate-take":
                self.action_take()
            case "rate-suggested":
                self.action_suggested()
            case "rate-again":
                self.action_again()
                self.query_one(LinePlot).focus()
            case _:
                self.dismiss(None)

    def _nearest(self, rate: float) -> int:
        """The index of the point whose rate is the nearest, as distances look on the plot."""
        rates = np.array([point.rate for point in self._points])
        return int(np.abs(np.log(rates / rate)).argmin())

    def _put_cursor(self, rate: float | None) -> None:
        self._cursor = rate
        self.query_one(LinePlot).move_cursor(self._place)
        self._write()

    def _look(self) -> None:
        """Draw what has come since the last look."""
        if not self._going_on:
            return
        self._going_on = self._search.going_on  # asked first: the last points come before the end
        before, self._points = len(self._points), self._search.points
        if not self._going_on:
            self._suggested = suggestion(self._points)
        if len(self._points) > before or not self._going_on:
            self._draw()

    def _draw(self) -> None:
        """Hand the curves to the plot, and write what goes with them."""
        series: list[Series] = []
        if self._points:
            rates = np.array([point.rate for point in self._points])
            raw = np.array([point.loss for point in self._points])
            smoothed = np.array([point.smoothed for point in self._points])
            top = HEADROOM * smoothed[: int(smoothed.argmin()) + 1].max()
            raw, shown = (np.where(losses <= top, losses, np.nan) for losses in (raw, smoothed))
            series = [Series("raw", rates, raw, "raw"), Series("smoothed", rates, shown, "smooth")]
            if self._suggested is not None:
                at = np.array([self._suggested])
                height = np.interp(np.log(at), np.log(rates), smoothed)
                series.append(Series("suggested", at, height, "other"))
        plot = self.query_one(LinePlot)
        plot.show(series, logarithmic_x=True, x_label="learning rate", y_label="nats", cursor=self._place)
        self._write()

    def _write(self) -> None:
        """How far the test is, what stands under the cursor, and what can be done."""
        self.query_one("#rate-said", Static).update(self._said())
        chosen, place = self.chosen, self._place
        reading = Content.styled("h l or a click: read a rate, and choose it", MUTED)
        if chosen is not None and place is not None:
            point = self._points[self._nearest(place)]
            reading = Content.assemble(
                (f"rate {plain(chosen)}", "$text-accent"),
                f"  step {point.step}  loss {point.loss:.4f}  smoothed {point.smoothed:.4f} nats",
            )
        self.query_one("#rate-reading", Static).update(reading)
        take = self.query_one("#rate-take", Button)
        take.label = Content("Take (enter)" if chosen is None else f"Take {plain(chosen)} (enter)")
        take.disabled = chosen is None
        take.refresh(layout=True)  # a button does not grow with its label by itself
        self.query_one("#rate-suggested", Button).disabled = self._suggested is None

    def _said(self) -> Content:
        """How far the test is, or how it ended."""
        if self._going_on:
            at = f" at rate {self._points[-1].rate:.2g}" if self._points else ""
            return Content(f"step {len(self._points) + 1} of {STEPS}{at}; rates from {LOW:g} to {HIGH:g}")
        if self._search.refusal:
            return content(self._search.refusal, "$text-error")
        if len(self._points) == STEPS:
            ended = f"it held up to {HIGH:g}"
        elif self._points:
            ended = f"it broke at {self._points[-1].rate:.2g}"
        else:
            ended = "it broke at the first step"
        if self._suggested is None:
            return Content(f"No suggestion: the loss never fell; {ended}.")
        now = plain(self._recipe.rate)
        return Content(f"The loss falls fastest near {self._suggested:.2g}; {ended}. Your run has {now}.")
