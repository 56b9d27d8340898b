"""OpenDialog: a person's own text, from a file, the web or a paste, or one that has a name.

What it promises: the screen goes on while a text is read or fetched, which can be seen and cancelled; whatever is
refused is said in words while the dialog stays; only a corpus that can be trained on comes out. What it does not
know: how bytes travel or become text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, DirectoryTree, Input, OptionList, ProgressBar, Static

from corpora.addresses import is_address
from corpora.corpus import Corpus
from tui.dialogs.catalog import CatalogList
from tui.dialogs.file_tree import FileTree, PathLine
from tui.dialogs.paste import PasteDialog
from tui.opening import FromCatalog, FromPath, Opening, Outcome, Refusal, Source, at_work
from tui.screens import Dialog
from tui.text import content, screen_text

HINT = "Enter opens; Backspace in the files goes to the folder above"


class OpenDialog(Dialog[Corpus | None]):
    """Which text?

    Arguments:
        folder: where the tree of files begins; the current folder if None.
        context: characters of context the text must be long enough for.
        path: a file or an address to begin with at once.
    """

    CSS_PATH = "open.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="open.cancel", tooltip="Stop reading, or open nothing"),
    ]

    class Progressed(Message):
        """So many bytes are read, from the opening's thread."""

        def __init__(self, opening: Opening, read: int, total: int) -> None:
            super().__init__()
            self.opening = opening
            self.read = read
            self.total = total

    class Ended(Message):
        """A text is there, or why not, from the opening's thread."""

        def __init__(self, opening: Opening, outcome: Outcome) -> None:
            super().__init__()
            self.opening = opening
            self.outcome = outcome

    def __init__(self, folder: Path | None = None, *, context: int = 1, path: str = "") -> None:
        super().__init__()
        self._path = path
        self._folder = (folder or Path()).absolute()
        self._needed = context
        self._opening: Opening | None = None  # under way; what others say is not heard any more
        self._chosen = ""  # in the tree; the line shows what stands for it
        self._malformed: FromPath | FromCatalog | None = None  # opens if its malformed bytes are replaced

    def compose(self) -> ComposeResult:
        """Path, files and names, what happens, buttons."""
        with Vertical(id="open-box") as box:
            box.border_title = "Open a text"
            yield PathLine(
                placeholder="path of a text file, or its http(s) address; ~ is your home",
                id="open-path",
                compact=True,
            )
            with Horizontal(id="open-columns"):
                with Vertical(id="open-files") as files:
                    files.border_title = "Files"
                    yield FileTree(self._folder)
                with Vertical(id="open-names") as names:
                    names.border_title = "Catalog"
                    yield CatalogList(id="open-catalog")
            yield ProgressBar(id="open-progress", show_eta=False)
            with VerticalScroll(id="open-message", can_focus=False):
                yield Static(HINT, id="open-said", markup=False)
            with Horizontal(id="open-buttons"):
                yield Button("Open", id="open-open", variant="primary", compact=True)
                yield Button("Replace malformed bytes", id="open-replace", variant="warning", compact=True)
                yield Button("Paste", id="open-paste", compact=True)
                yield Button("Cancel", id="open-cancel", compact=True)

    def on_mount(self) -> None:
        """The path takes the keys; what was asked for is begun."""
        line = self.query_one(PathLine)
        line.focus()
        self._say(HINT)
        if self._path:
            line.value = self._path
            self._open_path(self._path)

    def on_unmount(self) -> None:
        """Nobody waits for a text any more."""
        if self._opening is not None:
            self._opening.cancel()

    def action_cancel(self) -> None:
        """Stop reading; if nothing is being read, go away."""
        if self._opening is None:
            self.dismiss(None)
        else:
            self._opening.cancel()
            self._opening = None
            self._say("cancelled; nothing was opened")

    def on_key(self, event: events.Key) -> None:
        """Whoever types where no path can be typed, a key that means nothing there, begins a new path.

        In the tree j and k mean something: they move. No key is lost, but where they come very fast one that was
        on its way to another control may come after the next.
        """
        if event.is_printable and event.character != " " and event.key not in self.active_bindings:
            event.stop()
            self._path_anew().post_message(events.Key(event.key, event.character))

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted is a new path as well."""
        event.stop()
        self._path_anew().post_message(events.Paste(event.text))

    def _path_anew(self) -> PathLine:
        """The path, empty if the focus was elsewhere; from now on what is typed goes there."""
        line = self.query_one(PathLine)
        if self.focused is not line:  # else a key that was still on its way to another control
            line.value = ""
            self.set_focus(line)
        return line

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the path."""
        event.stop()
        self._open_path(event.value)

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """A file was chosen in the tree; its name goes into the path, so that it can be edited there."""
        event.stop()
        self._chosen = str(event.path)
        self.query_one(PathLine).value = self._chosen
        self._begin(FromPath(self._chosen))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A name was chosen."""
        event.stop()
        if event.option_id is not None:
            self._begin(FromCatalog(event.option_id))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        match event.button.id:
            case "open-open":
                self._open_path(self.query_one(PathLine).value)
            case "open-replace":
                if self._malformed is not None:
                    self._begin(replace(self._malformed, replace=True))
            case "open-paste":
                self.app.push_screen(PasteDialog(context=self._needed), self._pasted)
            case _:
                self.action_cancel()

    def on_open_dialog_progressed(self, event: Progressed) -> None:
        """Move the bar."""
        event.stop()
        if event.opening is self._opening:
            bar = self.query_one(ProgressBar)
            bar.update(total=event.total or None, progress=event.read)
            self._write(at_work(event.opening.source, event.read, event.total))

    def on_open_dialog_ended(self, event: Ended) -> None:
        """Hand the text on, or say why there is none."""
        event.stop()
        if event.opening is not self._opening:
            return
        self._opening = None
        match event.outcome:
            case Corpus() as corpus:
                self.dismiss(corpus)
            case Refusal(message, replaceable):
                source = event.opening.source
                malformed = source if replaceable and isinstance(source, FromPath | FromCatalog) else None
                self._say(message, error=True, malformed=malformed)

    def _open_path(self, typed: str) -> None:
        """Open a file, fetch what is behind an address, or show a folder in the tree."""
        if typed == screen_text(self._chosen, newlines=False):
            typed = self._chosen
        if not typed.strip():
            self._say("type a path, or choose a file below", error=True)
            return
        if is_address(typed.strip()):
            self._begin(FromCatalog(typed.strip()))
            return
        folder = _as_folder(typed)
        if folder is None:
            self._begin(FromPath(typed))
            return
        tree = self.query_one(FileTree)
        tree.path = folder
        tree.focus()
        self._say(f"{typed!r} is a folder; choose a text file in it")

    def _begin(self, source: Source) -> None:
        """Read a text; the one that was being read is given up."""
        if self._opening is not None:
            self._opening.cancel()
        opening = Opening(source, self._ended, progress=self._progressed, context=self._needed)
        self._opening = opening
        self._say(at_work(source))
        self.query_one(ProgressBar).update(total=None, progress=0)
        opening.start()

    def _progressed(self, opening: Opening, read: int, total: int) -> None:
        """On the opening's thread: posting is all that may be done there."""
        self.post_message(self.Progressed(opening, read, total))

    def _ended(self, opening: Opening, outcome: Outcome) -> None:
        """On the opening's thread: posting is all that may be done there."""
        self.post_message(self.Ended(opening, outcome))

    def _pasted(self, corpus: Corpus | None) -> None:
        if corpus is not None:
            self.dismiss(corpus)

    def _say(
        self, message: str, *, error: bool = False, malformed: FromPath | FromCatalog | None = None
    ) -> None:
        """Say what happens, and show what can be done about it."""
        self._write(message, error=error)
        self._malformed = malformed
        replacing = self.query_one("#open-replace", Button)
        replacing.display = malformed is not None
        self.query_one(ProgressBar).display = self._opening is not None
        if malformed is not None:
            replacing.focus()

    def _write(self, message: str, *, error: bool = False) -> None:
        self.query_one("#open-said", Static).update(content(message, "$text-error" if error else ""))


def _as_folder(typed: str) -> Path | None:
    """The folder a path names; None if it names none, or nothing at all."""
    try:
        path = Path(typed).expanduser().absolute()
        return path if path.is_dir() else None
    except (OSError, RuntimeError):  # opening it will say what is wrong with it
        return None
