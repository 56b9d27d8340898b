"""FileTree and PathLine: the two ways to say which file is meant.

What it promises: file names are shown through `tui.text`, whatever is in them; from any folder there is a way
up. What it does not know: what is in the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text, TextType
from textual.binding import Binding, BindingType
from textual.widgets import DirectoryTree, Input

from tui.text import rich_text, screen_text


class PathLine(Input):
    """A line for a path."""

    def validate_value(self, value: str) -> str:
        """Every way into the line leads through here; a name with control characters is opened from the tree."""
        return screen_text(value, newlines=False)


class FileTree(DirectoryTree):
    """The files of a folder, and of the folders in it."""

    ICON_NODE, ICON_NODE_EXPANDED, ICON_FILE = "▸ ", "▾ ", "  "  # terminals do not agree how wide an emoji is

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,minus", "to_parent", "Folder above", id="open.parent", tooltip="The folder above"),
        Binding("j", "cursor_down", "Down", id="open.down", show=False),
        Binding("k", "cursor_up", "Up", id="open.up", show=False),
    ]

    def process_label(self, label: TextType) -> Text:
        """A name on one line."""
        return rich_text(str(label), newlines=False)

    def action_to_parent(self) -> None:
        """Go to the folder above."""
        self.path = Path(self.path).absolute().parent
