"""CorpusPane: what text there is, what it is made of, and where training stands in it.

What it promises: the statistics are written anew only when the text, its splits or the context change; of the
text only what can be seen is ever looked at; what the text says cannot touch the screen but through `tui.text`.
What it does not know: how a text is opened. It asks the app for that, and for a run on what was chosen.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from engine.snapshot import Snapshot
from tui import questions
from tui.keys import active_key
from tui.messages import CorpusChosen, OpenRequested
from tui.panes.base import Pane
from tui.panes.corpus_statistics import statistics
from tui.panes.corpus_view import CorpusView
from tui.panes.position_bar import PositionBar, part_of

MEANINGS = """size: of the whole text, in Unicode code points
unigram: entropy of the characters taken one by one, per character
true rate: entropy rate of the source that generated the text; on text it has not seen, no model stays below it
examples: windows of C characters and the one after, in the part that is trained on"""

NO_TEXT = "no text yet: open one of your own, or choose one that has a name"


class CorpusPane(Pane):
    """The text, its statistics, and the example under way."""

    BINDING_GROUP_TITLE = "Corpus"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", "Down", id="corpus.down", tooltip="A line down", show=False),
        Binding("k,up", "scroll(-1)", "Up", id="corpus.up", tooltip="A line up", show=False),
        Binding("ctrl+d,pagedown", "page(1)", "Page down", id="corpus.page-down", show=False),
        Binding("ctrl+u,pageup", "page(-1)", "Page up", id="corpus.page-up", show=False),
        Binding("home", "go_to(0)", "Start", id="corpus.start", tooltip="Start of the text", show=False),
        Binding("end", "go_to(-1)", "End", id="corpus.end", tooltip="End of the text", show=False),
        Binding("f,F", "follow", "Follow", id="corpus.follow", tooltip="Follow the training again"),
    ]

    def __init__(self, *, id: str | None = "corpus") -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.border_title = "1 Corpus"
        self._snapshot = Snapshot()
        self._written: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Numbers, bar, text, buttons."""
        numbers = Static(NO_TEXT, id="corpus-statistics", markup=False)
        numbers.tooltip = MEANINGS
        yield numbers
        yield PositionBar()
        yield CorpusView()
        with Horizontal(id="corpus-buttons"):
            yield Button("Open", id="corpus-open", compact=True)
            yield Button("Catalog", id="corpus-catalog", compact=True)

    def on_mount(self) -> None:
        """Write the keys on the buttons, once the app knows which are remapped."""
        self.call_after_refresh(self._label_buttons)

    def on_resize(self) -> None:
        """One column of numbers, or two."""
        self._write_statistics()

    def show(self, snapshot: Snapshot) -> None:
        """Draw what changed since the last one."""
        self._snapshot = snapshot
        self._write_statistics()
        self.query_one(CorpusView).show(snapshot.corpus, snapshot.example)
        self._write_position()

    def action_catalog(self) -> None:
        """Let the person choose from the texts that have a name."""
        corpus = self._snapshot.corpus
        self.app.push_screen(questions.which_named_text(corpus.name if corpus else None), self._choose)

    def action_scroll(self, rows: int) -> None:
        """Look so many lines further down, or up."""
        self.query_one(CorpusView).scroll_lines(rows)

    def action_page(self, direction: int) -> None:
        """Look a windowful further down, or up."""
        self.query_one(CorpusView).scroll_page(direction)

    def action_go_to(self, place: int) -> None:
        """Look at the start (0) or the end (-1) of the text."""
        if self._snapshot.corpus is not None:
            self.query_one(CorpusView).scroll_to_character(place and len(self._snapshot.corpus))

    def action_follow(self) -> None:
        """Follow the training again."""
        self.query_one(CorpusView).follow()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """What the keys do, with the mouse."""
        event.stop()
        if event.button.id == "corpus-open":
            self.post_message(OpenRequested())
        else:
            self.action_catalog()

    def on_position_bar_pointed(self, event: PositionBar.Pointed) -> None:
        """Look where the person pointed."""
        event.stop()
        self.query_one(CorpusView).scroll_to_character(event.position)

    def on_corpus_view_moved(self, event: CorpusView.Moved) -> None:
        """Say where one looks now."""
        event.stop()
        self._write_position()

    def _label_buttons(self) -> None:
        for name, binding in (("open", "text.open"), ("catalog", "text.catalog")):
            button = self.query_one(f"#corpus-{name}", Button)
            button.label = f"{name.capitalize()} ({active_key(self.app, binding)})"
            button.refresh(layout=True)  # a new label does not make a button wider

    def _choose(self, name: str | None) -> None:
        if name is not None:
            self.post_message(CorpusChosen(name))

    def _write_statistics(self) -> None:
        snapshot = self._snapshot
        recipe = snapshot.current or snapshot.recipe
        context = recipe.context if recipe and recipe.means("context") else None
        width = self.content_size.width
        if snapshot.corpus is None or not width:
            return
        wanted = (snapshot.corpus.fingerprint, snapshot.corpus.name, snapshot.borders, context, width)
        if wanted != self._written:
            self._written = wanted
            text = statistics(snapshot.corpus, snapshot.borders, context, width)
            self.query_one("#corpus-statistics", Static).update(text)

    def _write_position(self) -> None:
        """Where training stands, or where one looks, on the bar and below it."""
        view, snapshot = self.query_one(CorpusView), self._snapshot
        training = snapshot.example.position if snapshot.example else None
        looking = None if view.following else view.top
        self.query_one(PositionBar).show(snapshot.borders, training, looking)
        place = training if looking is None else looking
        said = "" if place is None else f"at {place:,} · {part_of(snapshot.borders, place).name}"
        if looking is not None:
            said += " · f follows"
        if said != self.border_subtitle:
            self.border_subtitle = said
