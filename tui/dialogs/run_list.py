"""RunList: the runs of a folder, a line each, and what is known of one in full.

What it promises: whatever a folder is called and a recipe says goes through `tui.text`; a run that cannot be read
has its line, too, and says so. What it does not know: where the runs come from, and what is done with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.training.runs import RunSummary
from tui.text import screen_text, single_line

MISSING = "–"
_NUMBERS = (("step", 9), ("loss", 7), ("valid.", 7), ("saved", 12))
"""The columns at the right, and the cells of each."""
_MODEL = 12
_MOST_NAME = 44  # more would only tear the line apart
_MUTED = "$foreground 60%"


class RunList(OptionList):
    """The lines; the arrows or j and k move the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", id="runs.down", show=False),
        Binding("k", "cursor_up", "Up", id="runs.up", show=False),
    ]

    def __init__(self, on_screen: Path | None) -> None:
        """The list.

        Arguments:
            on_screen: the folder of the run that goes on, None if it is not kept.
        """
        super().__init__(compact=True, markup=False)
        self._on_screen = on_screen
        self._runs: Sequence[RunSummary] = ()
        self._now = 0.0

    @property
    def selected(self) -> RunSummary | None:
        """The run under the cursor."""
        at = self.highlighted
        return self._runs[at] if at is not None and at < len(self._runs) else None

    @property
    def heads(self) -> str:
        """The heads of the columns."""
        return _line(self._room, "name", "text", "model", [head for head, _ in _NUMBERS])

    def show(self, runs: Sequence[RunSummary], now: float, cursor: Path | None) -> None:
        """Draw these runs.

        Arguments:
            runs: in their order.
            now: seconds since 1970.
            cursor: the folder of the run to stand on; where the cursor is if there is none.
        """
        at = next((number for number, run in enumerate(runs) if run.path == cursor), self.highlighted or 0)
        self._runs, self._now = runs, now
        self._draw()
        self.highlighted = min(at, len(runs) - 1) if runs else None

    def on_resize(self) -> None:
        """Other widths fit."""
        at = self.highlighted
        self._draw()
        self.highlighted = at

    @property
    def _room(self) -> int:
        return self.scrollable_content_region.width - 2  # of the padding of a line

    def _draw(self) -> None:
        self.clear_options()
        self.add_options(Option(self._prompt(run)) for run in self._runs)

    def _prompt(self, run: RunSummary) -> Content:
        style = "$text-error" if run.trouble else "bold" if run.path == self._on_screen else ""
        recipe = run.recipe
        text, model = (MISSING, MISSING) if recipe is None else (Path(recipe.corpus).name, recipe.model)
        numbers = [
            f"{run.step:,}",
            _loss(run.train_loss),
            _loss(run.validation_loss),
            when(run.saved, self._now),
        ]
        if run.trouble:
            numbers[:3] = [MISSING] * 3
        return Content.styled(_line(self._room, run.name, text, model, numbers), style)


def about(run: RunSummary, on_screen: Path | None) -> Content:
    """All that is known of a run: where it is, what is the matter with it, how it was made."""
    lines = [Content.styled(screen_text(str(run.path), newlines=False), _MUTED)]
    if run.path == on_screen:
        lines.append(Content("This is the run on the screen."))
    if run.trouble:
        lines.append(Content.styled(screen_text(run.trouble, newlines=False), "$text-error"))
    if run.recipe is not None:
        lines.append(Content(f"{run.seconds:,.0f} seconds of training. Its recipe:"))
        lines.append(Content.styled(screen_text(str(run.recipe), newlines=False), _MUTED))
    return Content("\n").join(lines)


def when(moment: float, now: float) -> str:
    """A moment of the past in few words; both in seconds since 1970."""
    past = now - moment
    if past < 60:
        return "just now"
    if past < 3600:
        return f"{past // 60:.0f} min ago"
    if past < 86400:
        return f"{past // 3600:.0f} h ago"
    return datetime.fromtimestamp(moment).astimezone().strftime("%d %b %Y")


def _loss(loss: float | None) -> str:
    return MISSING if loss is None else f"{loss:.3f}"


def _line(room: int, name: str, text: str, model: str, numbers: Sequence[str]) -> str:
    """The columns side by side; name and text share what the others leave, three cells to two."""
    left = max(0, room - _MODEL - sum(width for _, width in _NUMBERS) - 2)
    of_name = min(_MOST_NAME, left * 3 // 5)
    of_text = min(_MOST_NAME, left - of_name)
    words = (_padded(name, of_name), _padded(text, of_text), _padded(model, _MODEL - 1))
    return " ".join(words) + "".join(
        f"{number:>{width}}" for number, (_, width) in zip(numbers, _NUMBERS, strict=True)
    )


def _padded(word: str, width: int) -> str:
    short = single_line(word, width)
    return short + " " * (width - cell_len(short))
