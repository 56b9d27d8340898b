"""Question: a line in which a person types a context, line feeds and tabs included.

What it promises: whatever is typed or pasted, the line shows only what `tui.text` lets through, so no text
can take over the terminal; and it stays short, since a model looks no farther back than its context. A line
feed is written with ctrl+j and shown as ⏎, as in the bars.
What it does not know: models, and whether the characters are ones that a model has seen.
"""

from __future__ import annotations

from collections.abc import Container
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.text import OPEN_BOX, RETURN, TAB, screen_text

LONGEST = 512
"""Characters kept, the last ones: twice the longest context a recipe allows."""

STANDS_FOR = {RETURN: "\n", TAB: "\t", OPEN_BOX: " "}
"""What a person may write for a character that a line cannot hold, or copy from the bars."""


class Question(Input):
    """What comes after this?"""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j", "line_feed", "Line feed", id="question.line-feed", tooltip="Write ⏎", show=False),
    ]

    def validate_value(self, value: str) -> str:
        """Every way into the line leads through here."""
        return screen_text(value[-LONGEST:], newlines=False)[-LONGEST:]

    def context(self, vocabulary: Container[str]) -> str:
        """What was meant: the stand-ins stand for their characters, unless the text has them itself."""
        meant = {ord(shown): character for shown, character in STANDS_FOR.items() if shown not in vocabulary}
        return self.value.translate(meant)

    def action_line_feed(self) -> None:
        """Write a line feed."""
        self.replace(RETURN, *self.selection)

    def _on_paste(self, event: events.Paste) -> None:
        """All lines of what is pasted, where Input takes the first only."""
        event.prevent_default()
        event.stop()
        self.replace(event.text, *sorted(self.selection))
