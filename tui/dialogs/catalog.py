"""CatalogDialog: the texts that have a name, and what the one under the cursor is made of.

What it promises: the list is there at once; a text is read, on a thread, only when the cursor has rested on
it; a download is fetched only when it is chosen, which can be seen and cancelled; the answer is a text's name, so
that a recipe can say it. What it does not know: files, and how bytes travel.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Button, OptionList, ProgressBar, Static
from textual.widgets.option_list import Option

from corpora.catalog import CATALOG, DEFAULT, CatalogEntry
from corpora.corpus import Corpus
from tui.opening import FromCatalog, Opening, Outcome, Refusal, at_work
from tui.panes.corpus_statistics import text_rows
from tui.screens import Dialog
from tui.text import content, screen_text

REST = 0.15
"""Seconds the cursor stays on a name before its text is read, so that running through the list reads nothing."""

EXCERPT = 600  # characters


class CatalogList(OptionList):
    """The names, each with its origin; a download that is on this machine has a tick, another an arrow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", id="catalog.down", show=False),
        Binding("k", "cursor_up", "Up", id="catalog.up", show=False),
    ]

    def __init__(self, chosen: str | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """The list, its cursor on `chosen` (a name, or a name with a seed) if there is such a text."""
        longest = max(map(len, CATALOG))
        super().__init__(
            *(
                Option(f"{name:<{longest}}  {entry.origin}{_whereabouts(entry)}", id=name)
                for name, entry in CATALOG.items()
            ),
            id=id,
            compact=True,
            markup=False,
        )
        base = (chosen or "").partition(":")[0]
        self.highlighted = list(CATALOG).index(base if base in CATALOG else DEFAULT)


class CatalogDialog(Dialog[str | None]):
    """Which text with a name?"""

    CSS_PATH = "catalog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape", "cancel", "Cancel", id="catalog.cancel", tooltip="Stop fetching, or choose nothing"
        ),
    ]

    class Progressed(Message):
        """So many bytes of a download are here, from its thread."""

        def __init__(self, opening: Opening, read: int, total: int) -> None:
            super().__init__()
            self.opening = opening
            self.read = read
            self.total = total

    class Loaded(Message):
        """A text arrived, or it is known why not, from its thread."""

        def __init__(self, name: str, opening: Opening, outcome: Outcome) -> None:
            super().__init__()
            self.name = name
            self.opening = opening
            self.outcome = outcome

    def __init__(self, chosen: str | None = None) -> None:
        """The dialog, its cursor on the text that is open."""
        super().__init__()
        self._chosen = chosen
        self._known: dict[str, Outcome | None] = {}  # None: on its way
        self._rest: Timer | None = None
        self._fetching: Opening | None = None  # what was chosen and has to come first

    def compose(self) -> ComposeResult:
        """The names, what is known of one, the buttons."""
        with Vertical(id="catalog-box") as box:
            box.border_title = "Catalog"
            with Horizontal(id="catalog-columns"):
                yield CatalogList(self._chosen)
                with VerticalScroll():
                    yield Static(id="catalog-about", markup=False)
            with Vertical(id="catalog-fetching"):
                yield ProgressBar(id="catalog-progress", show_eta=False)
                yield Static(id="catalog-said", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Choose", id="catalog-choose", variant="primary", compact=True)
                yield Button("Cancel", id="catalog-cancel", compact=True)

    def on_mount(self) -> None:
        """The list takes the keys."""
        self.query_one(CatalogList).focus()
        self._wait_for(None)

    def on_unmount(self) -> None:
        """Nobody waits for a download any more."""
        if self._fetching is not None:
            self._fetching.cancel()

    def action_cancel(self) -> None:
        """Stop fetching; if nothing is being fetched, go away."""
        if self._fetching is None:
            self.dismiss(None)
        else:
            self._wait_for(None)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another name is under the cursor: read its text once the cursor rests."""
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._read)
        self._write()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A name was chosen."""
        self._choose()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The same with the mouse."""
        if event.button.id == "catalog-choose":
            self._choose()
        else:
            self.action_cancel()

    def on_catalog_dialog_progressed(self, event: Progressed) -> None:
        """Move the bar."""
        if event.opening is self._fetching:
            self._show_progress(event.opening, event.read, event.total)

    def on_catalog_dialog_loaded(self, event: Loaded) -> None:
        """A text is there, or why not."""
        if isinstance(event.outcome, Refusal) and event.outcome.cancelled:
            return
        self._known[event.name] = event.outcome
        if event.opening is self._fetching:
            self._wait_for(None)
            if isinstance(event.outcome, Corpus):
                self.dismiss(event.name)
        self._write()

    @property
    def _under_cursor(self) -> str:
        """The name under the cursor."""
        return list(CATALOG)[self.query_one(CatalogList).highlighted or 0]

    def _read(self) -> None:
        """Read the text under the cursor, if it is on this machine: resting there asks for no more."""
        name = self._under_cursor
        if name not in self._known and CATALOG[name].here:
            self._known[name] = None
            self._opening(FromCatalog(name, fetch=False)).start()

    def _choose(self) -> None:
        """Answer with the name under the cursor; a download has to be here first."""
        name = self._under_cursor
        if CATALOG[name].download is None:
            self.dismiss(name)
        else:
            self._known.pop(name, None)
            self._wait_for(self._opening(FromCatalog(name)))
            self._write()

    def _opening(self, source: FromCatalog) -> Opening:
        """A text on its way in. What it tells comes on its own thread, where posting is all that may be done."""

        def done(opening: Opening, outcome: Outcome) -> None:
            self.post_message(self.Loaded(source.name, opening, outcome))

        def progress(opening: Opening, read: int, total: int) -> None:
            self.post_message(self.Progressed(opening, read, total))

        return Opening(source, done, progress=progress)

    def _wait_for(self, opening: Opening | None) -> None:
        """Wait for this download, or for none; the one that was waited for is given up."""
        if self._fetching is not None:
            self._fetching.cancel()
        self._fetching = opening
        self.query_one("#catalog-fetching").display = opening is not None
        if opening is not None:
            self._show_progress(opening.start(), 0, 0)

    def _show_progress(self, opening: Opening, read: int, total: int) -> None:
        self.query_one(ProgressBar).update(total=total or None, progress=read)
        self.query_one("#catalog-said", Static).update(content(at_work(opening.source, read, total)))

    def _write(self) -> None:
        entry = CATALOG[self._under_cursor]
        lines = [Content.styled(entry.name, "bold"), Content(entry.description), Content()]
        match self._known.get(entry.name):
            case None if entry.download is not None and not entry.here:
                size = f"{entry.size:,} bytes" if entry.size else "size unknown"
                lines.append(Content(f"not on this machine; Enter fetches it ({size}) from"))
                lines.append(content(entry.download.address, "$foreground 60%"))
            case None:
                lines.append(Content.styled("reading …", "$foreground 60%"))
            case Refusal(message=message):
                lines.append(content(message, "$text-error"))
            case Corpus() as corpus:
                lines.append(content(corpus.source, "$foreground 60%"))
                lines += [row.content() for row in text_rows(corpus)]
                lines += [Content(), Content(screen_text(corpus.excerpt(0, EXCERPT)))]
        self.query_one("#catalog-about", Static).update(Content("\n").join(lines))


def _whereabouts(entry: CatalogEntry) -> str:
    if entry.download is None:
        return ""
    return " ✓" if entry.here else " ↓"
