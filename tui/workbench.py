"""Workbench: the six panes, side by side where there is room, one at a time under tabs where there is not.

It knows how panes are laid out and which of them can be seen, not what they show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Grid
from textual.widgets import Static, Tab, Tabs

from engine.snapshot import Snapshot
from tui.panes.base import Pane

WIDE = (118, 34)
"""Columns and rows from which all panes stand side by side."""
SMALLEST = (60, 18)
"""Columns and rows below which nothing useful can be drawn."""


class Mode(StrEnum):
    """How the panes are laid out; each is the name of a style class."""

    WIDE = "-wide"
    NARROW = "-narrow"
    TINY = "-tiny"


def mode_for(width: int, height: int) -> Mode:
    """The layout for a terminal of this size, in cells."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Mode.TINY
    return Mode.WIDE if width >= WIDE[0] and height >= WIDE[1] else Mode.NARROW


class Workbench(Container):
    """The panes under their jump keys.

    Arguments:
        titles: of the panes' tabs, in the order of their keys 1, 2, ...
    """

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__()
        self._titles = titles
        self._panes: Mapping[int, Pane] = {}
        self._mode: Mode | None = None
        self._shown = 1  # the pane that is seen, where only one is
        self._snapshot: Snapshot | None = None

    def compose(self) -> ComposeResult:
        """Tabs, panes, and the line for a terminal that is too small, styled for the size there is."""
        self._take_mode()
        yield Tabs(*(Tab(f"{i} {title}", id=f"tab-{i}") for i, title in enumerate(self._titles, 1)))
        yield Grid(id="panes")
        yield Static(id="too-small", markup=False)

    async def furnish(self, panes: Mapping[int, Pane]) -> None:
        """Bring in the panes, under the numbers of their keys."""
        self._panes = panes
        self._arrange()
        await self.query_one("#panes", Grid).mount_all(panes.values())
        panes[self._shown].focus_first()

    def on_mount(self) -> None:
        """The tabs are for the mouse; the keyboard has the numbers."""
        self.query_one(Tabs).can_focus = False

    def on_resize(self, event: events.Resize) -> None:
        """Lay the panes out for the new size."""
        size = self.app.size
        mode = mode_for(size.width, size.height)
        if mode is Mode.TINY:
            self.query_one("#too-small", Static).update(
                f"charlm needs {SMALLEST[0]} x {SMALLEST[1]} cells; here are {size.width} x {size.height}. "
                "Please make the window larger, or the letters smaller. The work goes on meanwhile."
            )
        if mode is not self._mode:
            self._take_mode()

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        """Another tab was chosen: show its pane."""
        event.stop()
        if event.tab.id is None:
            return
        shown = int(event.tab.id.removeprefix("tab-"))
        if shown != self._shown:
            self._shown = shown
            self._arrange()
            if self._mode is Mode.NARROW and self._panes:
                self._panes[shown].focus_first()

    def jump(self, number: int) -> None:
        """Go to a pane, the first being 1: bring it to the front and give it the focus."""
        self._shown = number
        self.query_one(Tabs).active = f"tab-{number}"
        self._arrange()
        self._panes[number].focus_first()

    def reveal(self, number: int) -> None:
        """Let a pane be seen: go to it where only one is, and leave the focus alone where all are."""
        if self._mode is not Mode.WIDE:
            self.jump(number)

    def show(self, snapshot: Snapshot) -> None:
        """Draw `snapshot` in every pane that can be seen."""
        self._snapshot = snapshot
        for pane in self._panes.values():
            if pane.display:
                pane.show(snapshot)

    def _take_mode(self) -> None:
        self._mode = mode_for(self.app.size.width, self.app.size.height)
        for name in Mode:
            self.set_class(name is self._mode, name)
        self._arrange()

    def _arrange(self) -> None:
        """Let the panes be seen that should be, and draw those anew that had not been."""
        for number, pane in self._panes.items():
            seen = self._mode is Mode.WIDE or (self._mode is Mode.NARROW and number == self._shown)
            if seen and not pane.display and self._snapshot is not None:
                pane.display = True
                pane.show(self._snapshot)
            pane.display = seen
