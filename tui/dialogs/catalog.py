"""CatalogDialog: the texts that have a name, and what the one under the cursor is made of.

What it promises: the list is there at once; a text is read, on a thread, only when the cursor has rested on
it, and the answer is its name, so that a recipe can say it. What it does not know: files.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from corpora.catalog import CATALOG, DEFAULT
from corpora.corpus import Corpus
from tui.opening import FromCatalog, Opening, Outcome, Refusal
from tui.panes.corpus_statistics import text_rows
from tui.screens import Dialog
from tui.text import content, screen_text

REST = 0.15
"""Seconds the cursor stays on a name before its text is read, so that running through the list reads nothing."""

EXCERPT = 600  # characters


class CatalogList(OptionList):
    """The names, each with its origin."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", id="catalog.down", show=False),
        Binding("k", "cursor_up", "Up", id="catalog.up", show=False),
    ]

    def __init__(self, chosen: str | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """The list, its cursor on `chosen` (a name, or a name with a seed) if there is such a text."""
        longest = max(map(len, CATALOG))
        super().__init__(
            *(Option(f"{name:<{longest}}  {entry.origin}", id=name) for name, entry in CATALOG.items()),
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
        Binding("escape", "dismiss(None)", "Cancel", id="catalog.cancel", tooltip="Choose nothing"),
    ]

    class Loaded(Message):
        """A text arrived, from its thread."""

        def __init__(self, name: str, outcome: Outcome) -> None:
            super().__init__()
            self.name = name
            self.outcome = outcome

    def __init__(self, chosen: str | None = None) -> None:
        """The dialog, its cursor on the text that is open."""
        super().__init__()
        self._chosen = chosen
        self._known: dict[str, Outcome | None] = {}  # None: on its way
        self._rest: Timer | None = None

    def compose(self) -> ComposeResult:
        """The names, what is known of one, the buttons."""
        with Vertical(id="catalog-box") as box:
            box.border_title = "Catalog"
            with Horizontal(id="catalog-columns"):
                yield CatalogList(self._chosen)
                with VerticalScroll():
                    yield Static(id="catalog-about", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Choose", id="catalog-choose", variant="primary", compact=True)
                yield Button("Cancel", id="catalog-cancel", compact=True)

    def on_mount(self) -> None:
        """The list takes the keys."""
        self.query_one(CatalogList).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another name is under the cursor: read its text once the cursor rests."""
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._read)
        self._write()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A name was chosen."""
        self.dismiss(event.option_id)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The same with the mouse."""
        self.dismiss(self._under_cursor if event.button.id == "catalog-choose" else None)

    def on_catalog_dialog_loaded(self, event: Loaded) -> None:
        """A text is there, or why not."""
        self._known[event.name] = event.outcome
        self._write()

    @property
    def _under_cursor(self) -> str:
        """The name under the cursor."""
        return list(CATALOG)[self.query_one(CatalogList).highlighted or 0]

    def _read(self) -> None:
        name = self._under_cursor
        if name not in self._known:
            self._known[name] = None
            Opening(FromCatalog(name), lambda _, outcome: self._arrived(name, outcome)).start()

    def _arrived(self, name: str, outcome: Outcome) -> None:
        """On the opening's thread: posting is all that may be done there."""
        self.post_message(self.Loaded(name, outcome))

    def _write(self) -> None:
        entry = CATALOG[self._under_cursor]
        lines = [Content.styled(entry.name, "bold"), Content(entry.description), Content()]
        match self._known.get(entry.name):
            case None:
                lines.append(Content.styled("reading …", "$foreground 60%"))
            case Refusal(message=message):
                lines.append(content(message, "$text-error"))
            case Corpus() as corpus:
                lines.append(content(corpus.source, "$foreground 60%"))
                lines += [row.content() for row in text_rows(corpus)]
                lines += [Content(), Content(screen_text(corpus.excerpt(0, EXCERPT)))]
        self.query_one("#catalog-about", Static).update(Content("\n").join(lines))
