"""CorpusView: the text around where training stands, the current example marked in it.

What it promises: only what can be seen is ever read from the corpus, so a text of a hundred million
characters or one line of a million costs as little as a small one; every character has at least one cell and is
shown by what stands for it; context and target differ without colour, too. The example stays in view, and the
view stays where it is while the example is in it, until the person scrolls away.
What it does not know: where the splits are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from corpora.corpus import Corpus
from engine.snapshot import Example
from tui.panes.corpus_lines import Lines
from tui.text import visible

_WHEEL = 3  # lines a turn


class CorpusView(Widget, can_focus=True):
    """A window on a corpus."""

    DEFAULT_CSS = """
    CorpusView {
        & > .corpus-view--context { text-style: underline; color: $text-primary; background: $primary 20%; }
        & > .corpus-view--target { text-style: bold reverse; color: $text-warning; }
        & > .corpus-view--feed { color: $foreground 35%; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "corpus-view--context",
        "corpus-view--target",
        "corpus-view--feed",
    }

    class Moved(Message):
        """The person scrolled, or follows the training again."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.following = True
        self._corpus: Corpus | None = None
        self._example: Example | None = None
        self._top = 0  # the first character in view
        self._lines: Lines | None = None
        self._strips: list[Strip] | None = None

    @property
    def top(self) -> int:
        """The first character in view, as its index in the corpus."""
        return self._top

    def show(self, corpus: Corpus | None, example: Example | None) -> None:
        """Show this text and mark this example; the same again costs nothing."""
        if corpus is not self._corpus:
            self._corpus, self._example, self._lines = corpus, None, None
            self._top, self.following = 0, True
        elif example == self._example:
            return
        self._example = example
        self._place()

    def scroll_to_character(self, position: int) -> None:
        """Bring a place of the text to the top, as far as the end of the text allows, and stay there."""
        if self._corpus is not None:
            self.following = False
            self._top = self._ready_lines(self._corpus).start_of(position)
            self._place()
            self.post_message(self.Moved())

    def scroll_lines(self, rows: int) -> None:
        """So many lines down, or up."""
        if self._corpus is None:
            return
        lines = self._ready_lines(self._corpus)
        if rows < 0:
            self.scroll_to_character(lines.start_of(self._top, above=-rows))
        else:
            self.scroll_to_character(max((stop for _, stop in lines.page(self._top, rows)), default=0))

    def scroll_page(self, direction: int) -> None:
        """A windowful down, or up, with a line in common."""
        self.scroll_lines(direction * max(self.size.height - 1, 1))

    def follow(self) -> None:
        """Back to where training stands."""
        self.following = True
        if self._example is None:
            self._top = 0
        self._place()
        self.post_message(self.Moved())

    def notify_style_update(self) -> None:
        """The theme or the style sheet changed: the rows are made anew."""
        super().notify_style_update()
        self._strips = None

    def render_line(self, y: int) -> Strip:
        """One row, from the rows made for this window."""
        if self._strips is None:
            self._strips = self._draw()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def on_resize(self) -> None:
        """Other lines, from about the same place on."""
        self._lines = None
        if self._corpus is not None:
            self._top = self._ready_lines(self._corpus).start_of(self._top)
        self._place()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """A turn of the wheel."""
        event.stop()
        self.scroll_lines(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """A turn of the wheel."""
        event.stop()
        self.scroll_lines(-_WHEEL)

    def _ready_lines(self, corpus: Corpus) -> Lines:
        if self._lines is None:
            self._lines = Lines(corpus, max(self.size.width, 1))
        return self._lines

    def _place(self) -> None:
        """Put the example in view, if it is to be followed, and leave no rows empty that could be filled."""
        self._strips = None
        self.refresh()
        height = self.size.height
        if self._corpus is None or not height:
            return
        lines, example = self._ready_lines(self._corpus), self._example
        page = lines.page(self._top, height)
        if self.following and example is not None:
            target = example.position + len(example.context)
            if not page or not page[0][0] <= example.position <= target < page[-1][1]:
                self._top = lines.start_of(example.position, above=height // 3)
                page = lines.page(self._top, height)
                if page and target >= page[-1][1]:  # a window lower than the context: the target counts
                    self._top = lines.start_of(target, above=height - 1)
        if len(page) < height and self._top:
            self._top = lines.start_of(len(self._corpus), above=height - 1)

    def _draw(self) -> list[Strip]:
        corpus, (width, height) = self._corpus, self.size
        if corpus is None:
            return []
        plain = self.rich_style
        lines = self._ready_lines(corpus).page(self._top, height)
        strips = []
        for start, stop in lines:
            segments = self._segments(corpus.excerpt(start, stop), start, plain)
            strips.append(Strip(segments).adjust_cell_length(width, plain))
        return strips

    def _segments(self, line: str, start: int, plain: Style) -> list[Segment]:
        """One line, cut where the styles change."""
        cuts = [(start, plain)]  # where each style begins, ascending
        if self._example is not None:
            target = self._example.position + len(self._example.context)
            context = self.get_component_rich_style("corpus-view--context")
            marked = self.get_component_rich_style("corpus-view--target")
            cuts = [(0, plain), (self._example.position, context), (target, marked), (target + 1, plain)]
        segments = []
        for index, (begin, style) in enumerate(cuts):
            end = cuts[index + 1][0] if index + 1 < len(cuts) else start + len(line)
            piece = line[max(begin - start, 0) : max(end - start, 0)]
            if style is plain and piece.endswith("\n"):
                feed = self.get_component_rich_style("corpus-view--feed")
                segments += [Segment(_shown(piece[:-1]), plain), Segment(_shown("\n"), feed)]
            elif piece:
                segments.append(Segment(_shown(piece), style))
        return segments


_stand_in = lru_cache(maxsize=4096)(visible)


def _shown(text: str) -> str:
    """What stands for each character, one after the other."""
    return text if text.isascii() and text.isprintable() else "".join(map(_stand_in, text))
