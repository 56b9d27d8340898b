"""PasteDialog: a text from the clipboard, or typed, with a name.

What it promises: what is pasted is kept character by character, whatever it is; what could write elsewhere on
the screen, or is too long to be edited, is shown as an excerpt instead of being put into an editor; numbers
follow the text, on a thread. What it does not know: how a text becomes a corpus.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Button, Input, Label, Static, TextArea

from corpora.corpus import Corpus
from tui.dialogs.file_tree import PathLine
from tui.opening import FromText, Opening, Outcome, Refusal
from tui.screens import Dialog
from tui.text import content, screen_text

EDITABLE = 20_000
"""Characters a text area edits without delay; a million take it more than a second."""

EXCERPT = 2_000
"""Characters shown of a text that is not edited."""

REST = 0.3
"""Seconds without a key after which the numbers are made anew."""

NOTHING_YET = "paste a text here"


class PasteArea(TextArea):
    """A text area that keeps what it cannot edit safely, and shows its beginning."""

    class Kept(Message):
        """A text was put aside whole, or given up again."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id, soft_wrap=True, placeholder=NOTHING_YET)
        self._kept: str | None = None

    @property
    def whole(self) -> str:
        """The text that is meant: what was kept, or what stands in the editor."""
        return self.text if self._kept is None else self._kept

    @property
    def is_kept(self) -> bool:
        """Whether what is shown is an excerpt that cannot be edited."""
        return self._kept is not None

    def take(self, pasted: str) -> None:
        """Put a text at the cursor, or after what is kept already."""
        pasted = pasted.replace("\r\n", "\n").replace("\r", "\n")  # as an editor, and the corpus, would
        if self._kept is not None:
            self._keep(self._kept + pasted)
            return
        start, end = sorted(self.selection)
        if len(self.text) + len(pasted) <= EDITABLE and screen_text(pasted) == pasted:
            self.move_cursor(self.replace(pasted, start, end).end_location)
            return
        before, after = self.get_text_range((0, 0), start), self.get_text_range(end, self.document.end)
        self._keep(before + pasted + after)

    def give_up(self) -> None:
        """Forget what was kept, and edit again."""
        self._kept, self.read_only = None, False
        self.load_text("")
        self.post_message(self.Kept())

    def action_paste(self) -> None:
        """Take what was copied in the app."""
        self.take(self.app.clipboard)

    async def _on_paste(self, event: events.Paste) -> None:
        """Take what the terminal pastes."""
        event.stop()
        event.prevent_default()
        self.take(event.text)

    def _keep(self, text: str) -> None:
        self._kept, self.read_only = text, True
        self.load_text(screen_text(text[:EXCERPT]) + (" …" if len(text) > EXCERPT else ""))
        self.post_message(self.Kept())


class PasteDialog(Dialog[Corpus | None]):
    """Which text, and what is it called?

    Arguments:
        context: characters of context the text must be long enough for.
    """

    CSS_PATH = "paste.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="paste.cancel", tooltip="Open nothing"),
        Binding("ctrl+s", "accept", "Open", id="paste.accept", tooltip="Train on this text", priority=True),
    ]

    class Read(Message):
        """The text became a corpus, or why not, from the opening's thread."""

        def __init__(self, opening: Opening, outcome: Outcome) -> None:
            super().__init__()
            self.opening = opening
            self.outcome = outcome

    def __init__(self, *, context: int = 1) -> None:
        super().__init__()
        self._needed = context
        self._rest: Timer | None = None
        self._opening: Opening | None = None
        self._accepted = False

    def compose(self) -> ComposeResult:
        """Name, text, numbers, buttons."""
        with Vertical(id="paste-box") as box:
            box.border_title = "Paste a text"
            with Horizontal(id="paste-naming"):
                yield Label("name ")
                yield PathLine("paste", id="paste-name", compact=True)
            yield PasteArea(id="paste-text")
            yield Static(id="paste-said", markup=False)
            with Horizontal(id="paste-buttons"):
                yield Button("Open (ctrl+s)", id="paste-open", variant="primary", compact=True)
                yield Button("Clear", id="paste-clear", compact=True)
                yield Button("Cancel", id="paste-cancel", compact=True)

    def on_mount(self) -> None:
        """The text takes the keys."""
        self.query_one(PasteArea).focus()

    def action_accept(self) -> None:
        """Open the text; a refusal is said in words."""
        self._accepted = True
        self._read()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter after the name: on to the text."""
        event.stop()
        self.query_one(PasteArea).focus()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """The text changed: count anew once the keys rest."""
        event.stop()
        self._count_soon()

    def on_paste_area_kept(self, event: PasteArea.Kept) -> None:
        """A text was put aside: say what is shown of it."""
        event.stop()
        area = self.query_one(PasteArea)
        area.border_subtitle = "an excerpt: kept whole, not edited here" if area.is_kept else ""
        self._count_soon()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        match event.button.id:
            case "paste-open":
                self.action_accept()
            case "paste-clear":
                area = self.query_one(PasteArea)
                area.give_up()
                area.focus()
            case _:
                self.dismiss(None)

    def on_paste_dialog_read(self, event: Read) -> None:
        """Hand the corpus on if the person said so, or show its numbers."""
        event.stop()
        if event.opening is not self._opening:
            return
        match event.outcome:
            case Refusal(message):
                said = content(message, "$text-error" if self._accepted else "$foreground 60%")
                self._accepted = False
            case Corpus() as corpus:
                if self._accepted:
                    self.dismiss(corpus)
                    return
                said = Content(
                    f"{len(corpus):,} characters, {len(corpus.vocabulary):,} distinct, "
                    f"unigram entropy {corpus.unigram_entropy:.3f} bits"
                )
        self.query_one("#paste-said", Static).update(said)

    def _count_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._read)

    def _read(self) -> None:
        """Read the text as it stands; answers about what stood there before are not heard any more."""
        if self._rest is not None:
            self._rest.stop()
        name = self.query_one(PathLine).value.strip() or "paste"
        source = FromText(name, self.query_one(PasteArea).whole)
        self._opening = Opening(source, self._ended, context=self._needed).start()

    def _ended(self, opening: Opening, outcome: Outcome) -> None:
        """On the opening's thread: posting is all that may be done there."""
        self.post_message(self.Read(opening, outcome))
