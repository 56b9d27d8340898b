"""SampleList: the texts the model wrote, one below the other, the newest last.

What it promises: only rows that can be seen are drawn, rows of text that stands are drawn once for each
width and theme, and a text that grows costs as much as its last row, so hundreds of long texts leave `show`
as fast as none. It follows the newest text until the person scrolls up or selects another. What it does not
know: how to ask for a text, and the engine.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from engine.snapshot import Sample
from tui.panes.sample_block import MUTED, SampleBlock, wrapped


class SampleList(ScrollView, can_focus=True):
    """A scrollable column of stamped texts, one of which can be selected."""

    DEFAULT_CSS = """
    SampleList {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        text-wrap: nowrap;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "select(1)", "next text", show=False, id="samples.next", tooltip="Select the next text"),
        Binding(
            "k", "select(-1)", "text before", show=False, id="samples.before", tooltip="Select the one before"
        ),
        Binding("G,end", "follow", "last", show=False, id="samples.last", tooltip="Follow the newest text"),
    ]

    class Selected(Message):
        """Another text is selected; None: the newest, whichever it is."""

        def __init__(self, number: int | None) -> None:
            super().__init__()
            self.number = number

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
    ) -> None:
        """An empty list."""
        super().__init__(id=id)
        self.set_reactive(SampleList.auto_links, False)  # a text is no place for links to click
        self._samples: tuple[Sample, ...] = ()
        self._blocks: list[SampleBlock] = []
        self._bottoms: list[int] = []  # the row after each block, ascending
        self._selected: int | None = None
        self._hint: tuple[str, ...] = ()
        self._hint_rows: list[Content] = []
        self._width = 0

    @property
    def selected(self) -> Sample | None:
        """The text that is selected, the newest if none is, None if there is none."""
        chosen = [sample for sample in self._samples if sample.number == self._selected]
        return chosen[0] if chosen else self._samples[-1] if self._samples else None

    def show(self, samples: Sequence[Sample], hint: Sequence[str] = ()) -> None:
        """Show these texts.

        Arguments:
            samples: newest last; texts that did not change are best the same objects.
            hint: paragraphs to show as long as there is no text.
        """
        if tuple(hint) != self._hint:
            self._hint = tuple(hint)
            self._hint_rows = self._wrap_hint()
            if not self._samples:
                self.refresh()
        samples = tuple(samples)
        if samples == self._samples:  # texts that stand are the same objects, which is seen at once
            return
        self._samples = samples
        if self._selected is not None and all(s.number != self._selected for s in self._samples):
            self._selected = None
        self._lay_out()

    def follow(self) -> None:
        """Select none and stay with the newest."""
        self._choose(None)
        self._to_end()

    def action_follow(self) -> None:
        """The same by a key."""
        self.follow()

    def action_select(self, distance: int) -> None:
        """Select the text so many further down; beyond the last one, follow the newest."""
        chosen = self.selected
        if chosen is None:
            return
        index = self._samples.index(chosen) + distance
        if index >= len(self._samples):
            self.follow()
            return
        index = max(index, 0)
        self._choose(self._samples[index].number)
        self._bring_to_view(index)

    def notify_style_update(self) -> None:
        """The theme or the style sheet changed: what was drawn is drawn anew."""
        super().notify_style_update()
        for block in self._blocks:
            block.strips.clear()

    def on_resize(self, event: events.Resize) -> None:
        """Wrap everything to the new width."""
        if self._wrapping_width != self._width:
            self._width = self._wrapping_width
            self._hint_rows = self._wrap_hint()
            self._lay_out()

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Put the knob of a scroll bar that appears where the view is; Textual moves it at the next scroll."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def on_click(self, event: events.Click) -> None:
        """Select the text under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None and self._blocks:
            index = bisect_right(self._bottoms, offset.y + self.scroll_offset.y)
            if index < len(self._samples):
                self._choose(self._samples[index].number)

    def render_line(self, y: int) -> Strip:
        """One row: of the text that reaches it, or of the hint."""
        row = y + self.scroll_offset.y
        if not self._blocks:
            line = self._hint_rows[row] if row < len(self._hint_rows) else Content("")
            return self._strip(line)
        index = bisect_right(self._bottoms, row)
        if index >= len(self._blocks):
            return Strip.blank(self.size.width, self.rich_style)
        block = self._blocks[index]
        inside = row - (self._bottoms[index] - block.height)
        strip = block.strips.get(inside)
        if strip is None:
            is_selected = block.sample.number == self._selected
            strip = block.strips[inside] = self._strip(block.row(inside, selected=is_selected))
        return strip

    @property
    def _wrapping_width(self) -> int:
        return max(self.scrollable_content_region.width, 1)

    def _lay_out(self) -> None:
        """Bring the blocks up to date and, unless the person looks elsewhere, the newest into view."""
        if not self._width:  # not on the screen yet; the first resize does it
            return
        following = self._selected is None and self.is_vertical_scroll_end
        seen = self._top_of_view()
        old = {block.sample.number: block for block in self._blocks}
        self._blocks = []
        note = ""
        for sample in self._samples:
            block = old.get(sample.number)
            if block is None or not block.update(sample, self._width, note):
                block = SampleBlock(sample, self._width, known_note=note)
            self._blocks.append(block)
            note = sample.note
        self._bottoms = list(accumulate(block.height for block in self._blocks))
        self._stretch(self._bottoms[-1] if self._bottoms else 0)
        if following:
            self._to_end()
        elif seen is not None:
            self._to_row_of(*seen)
        self.refresh()

    def _top_of_view(self) -> tuple[int, int] | None:
        """The text at the top of what is seen, and how many of its rows are above."""
        y = self.scroll_offset.y
        index = bisect_right(self._bottoms, y)
        if index >= len(self._blocks):
            return None
        block = self._blocks[index]
        return block.sample.number, y - (self._bottoms[index] - block.height)

    def _to_row_of(self, number: int, row: int) -> None:
        """Put that row of that text on top again: the oldest texts may have gone, or the width changed."""
        for block, bottom in zip(self._blocks, self._bottoms, strict=True):
            if block.sample.number == number:
                y = bottom - block.height + min(row, block.height - 1)
                if y != self.scroll_offset.y:
                    self.scroll_to(y=y, animate=False, immediate=True, force=True)

    def _stretch(self, height: int) -> None:
        """Be `height` rows tall inside; while the scroll bar stays, without a new layout of the whole screen."""
        size = Size(self._width, height)
        if self.show_vertical_scrollbar and height > self.scrollable_content_region.height:
            self.set_reactive(SampleList.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = height
        else:
            self.virtual_size = size

    def _to_end(self) -> None:
        """Show the last row; by force, since the scroll bar that would allow it comes with the next layout."""
        self.scroll_end(animate=False, immediate=True, force=True, x_axis=False)

    def _choose(self, number: int | None) -> None:
        if number == self._selected:
            return
        for block in self._blocks:
            if block.sample.number in (number, self._selected):
                block.strips.clear()
        self._selected = number
        self.post_message(self.Selected(number))
        self.refresh()

    def _bring_to_view(self, index: int) -> None:
        """Scroll as little as shows the block, its head first if it is taller than the list."""
        bottom = self._bottoms[index]
        top = bottom - self._blocks[index].height
        height = self.scrollable_content_region.height
        y = self.scroll_offset.y
        if top < y or bottom - top > height:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif bottom > y + height:
            self.scroll_to(y=bottom - height, animate=False, immediate=True)

    def _wrap_hint(self) -> list[Content]:
        rows: list[Content] = []
        for paragraph in self._hint:
            rows += [*wrapped(paragraph, max(self._width, 1), MUTED), Content("")]
        return rows

    def _strip(self, line: Content) -> Strip:
        width = self.size.width
        strips = Visual.to_strips(self, line, width, 1, self.visual_style, pad=True, apply_selection=False)
        return strips[0].adjust_cell_length(width) if strips else Strip.blank(width)
