"""StatusLine: one line on top that says what is trained on what, and how far it is."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from engine.snapshot import Snapshot, Status
from tui.panes.recipe_in_words import learned, model_in_short
from tui.text import single_line

MARKS = {Status.EMPTY: "○", Status.PAUSED: "‖", Status.RUNNING: "▶", Status.STOPPED: "■"}
NAME_WIDTH = 24
"""Most cells the text's name may take."""


class StatusLine(Static):
    """The line; it draws only what has changed."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        padding: 0 1;
        background: $panel;
        color: $foreground;
        text-wrap: nowrap;
    }
    """

    def __init__(self) -> None:
        super().__init__(Text("charlm", style="bold"), markup=False)
        self._drawn: Text | None = None
        self._snapshot = Snapshot()

    def show(self, snapshot: Snapshot) -> None:
        """Draw `snapshot`."""
        self._snapshot = snapshot
        line = self._line(snapshot)
        if line != self._drawn:
            self._drawn = line
            self.update(line, layout=False)  # a layout of the whole screen each frame would cost 100 ms

    def on_resize(self) -> None:
        """Another width: what there is room for changes."""
        self.show(self._snapshot)

    def _line(self, snapshot: Snapshot) -> Text:
        left = Text("charlm", style="bold", no_wrap=True)
        state = f"{MARKS[snapshot.status]} {snapshot.status}"
        right = Text(state, style="bold", no_wrap=True)
        if snapshot.corpus is not None and snapshot.recipe is not None:
            model = model_in_short(snapshot.recipe, len(snapshot.corpus.vocabulary))
            count = sum(group.count for group in snapshot.parameters)
            sized = f"{model}   {count:,} {learned(snapshot.recipe)}" if count else model
            right.append(f"  step {snapshot.step:,}", style="not bold")
            if snapshot.steps_per_second is not None:
                right.append(f"  {snapshot.steps_per_second:,.0f}/s", style="not bold")
            if snapshot.kept is not None:
                word, style = ("not saved", "bold") if snapshot.kept.trouble else ("kept", "not bold")
                right.append(f"  {word}", style=style)
            room = self.size.width - left.cell_len - right.cell_len - 4
            name = single_line(snapshot.corpus.name, NAME_WIDTH)
            for words in (f"{name}   {sized}", f"{name}   {model}", name):
                if len(words) <= room:
                    left.append(f"   {words}", style="not bold")
                    break
        gap = self.size.width - left.cell_len - right.cell_len
        left.append(" " * max(1, gap))
        left.append_text(right)
        return left
