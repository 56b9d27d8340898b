"""Choice: one of a few words, turned by keys or picked from a menu that says what each of them means.

What it promises: the value is always one of the words; the menu names what a word stands for beside it, and where
it comes from below. What it does not know: what is chosen for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.screens import Dialog
from tui.text import content

MUTED = "$foreground 60%"


@dataclass(frozen=True)
class Entry:
    """A word of a menu.

    Attributes:
        word: to be chosen.
        meaning: what it stands for, in a few words, or "".
        source: where it comes from, or "".
        heading: what stands above it and all that follow, or "".
    """

    word: str
    meaning: str = ""
    source: str = ""
    heading: str = ""


class Menu(Dialog[str | None]):
    """Which of these words?

    Arguments:
        title: what is chosen.
        entries: in their order.
        value: the word it begins on.
    """

    CSS_PATH = "choice.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,left,h", "dismiss(None)", "back", id="menu.back", tooltip="Leave it as it is"),
        Binding("j", "turn(1)", "down", show=False, id="menu.down"),
        Binding("k", "turn(-1)", "up", show=False, id="menu.up"),
    ]

    def __init__(self, title: str, entries: Sequence[Entry], value: str) -> None:
        super().__init__()
        self._heading = title
        self._entries = tuple(entries)
        self._value = value

    def compose(self) -> ComposeResult:
        """The words, with headings that cannot be chosen."""
        words = max(cell_len(entry.word) for entry in self._entries)
        options: list[Option] = []
        for entry in self._entries:
            if entry.heading:
                options.append(Option(Content.styled(entry.heading, "bold $text-primary"), disabled=True))
            options.append(Option(_told(entry, words), id=entry.word))
        menu = OptionList(*options, markup=False, id="menu-words")
        menu.border_title = content(self._heading.capitalize())
        yield menu

    def on_mount(self) -> None:
        """Begin on the word that is chosen now."""
        menu = self.query_one(OptionList)
        menu.highlighted = menu.get_option_index(self._value)
        menu.focus()

    def action_turn(self, places: int) -> None:
        """Another word."""
        menu = self.query_one(OptionList)
        menu.action_cursor_down() if places > 0 else menu.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        event.stop()
        self.dismiss(event.option.id)

    def on_click(self, event: events.Click) -> None:
        """A click beside the menu leaves it."""
        if event.widget is self:
            self.dismiss(None)


class Choice(Widget, can_focus=True):
    """A word that stands for others, too; up and down are left to the form it stands in.

    Arguments:
        title: what is chosen, the menu's heading.
        entries: the words, in their order.
        value: one of them.
    """

    class Changed(Message):
        """Another word was chosen."""

    DEFAULT_CSS = "Choice { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "menu", "menu", show=False, id="choice.menu", tooltip="All choices"),
        Binding("left,h", "turn(-1)", "before", show=False, id="choice.before", tooltip="The choice before"),
        Binding("right,l", "turn(1)", "next", show=False, id="choice.next", tooltip="The next choice"),
    ]

    value: reactive[str] = reactive("", init=False)

    def __init__(self, title: str, entries: Sequence[Entry], value: str) -> None:
        super().__init__()
        self._heading = title
        self._entries = tuple(entries)
        self._words = [entry.word for entry in entries]
        self.set_reactive(Choice.value, value)

    def validate_value(self, value: str) -> str:
        """Only what there is to choose.

        Raises:
            ValueError: if it is none of the words.
        """
        if value not in self._words:
            raise ValueError(f"{self._heading} = {value!r}: choose one of {', '.join(self._words)}")
        return value

    def watch_value(self) -> None:
        """Tell who listens."""
        self.post_message(self.Changed())

    def render(self) -> Content:
        """The word, and a sign that there are others."""
        room = self.content_size.width - 2
        return Content(f"{self.value[: max(room, 0)]:<{max(room, 0)}} ▾")

    def action_turn(self, places: int) -> None:
        """Another word, round and round."""
        self.value = self._words[(self._words.index(self.value) + places) % len(self._words)]

    def action_menu(self) -> None:
        """Show all."""
        self.app.push_screen(Menu(self._heading, self._entries, self.value), self._chosen)

    def on_click(self, event: events.Click) -> None:
        """The same by mouse."""
        event.stop()
        self.action_menu()

    def _chosen(self, word: str | None) -> None:
        if word is not None:
            self.value = word


def _told(entry: Entry, words: int) -> Content:
    """A word and its meaning on a line, its source below."""
    if not entry.meaning:
        return content(entry.word)
    line = Content.assemble(content(entry.word.ljust(words + 2), "bold"), content(entry.meaning))
    if not entry.source:
        return line
    return Content("\n").join([line, content(" " * (words + 2) + entry.source, MUTED)])
