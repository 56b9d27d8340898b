"""Where the lines of a growing text break.

What it promises: lines no wider than asked (a character wider than the line stands alone), breaks after a
line feed and otherwise after a space if the line has one, every character on exactly one line; and that a
text which only grew is not wrapped again from its beginning. Widths are those of the stand-ins that
`tui.text.visible` shows. What it does not know: styles, and what the text says.
"""

from functools import lru_cache

from rich.cells import cell_len

from tui.text import visible


@lru_cache(maxsize=4096)
def stand_in_width(character: str) -> int:
    """The cells of one character's stand-in, a line feed's sign included."""
    return cell_len(visible(character))


class Wrapping:
    """The line breaks of one text at one width."""

    def __init__(self, width: int) -> None:
        """No text yet, `width` cells (at least 1)."""
        self.width = max(width, 1)
        self._starts: list[int] = []
        self._length = 0

    def __len__(self) -> int:
        """How many lines there are; an empty text has none."""
        return len(self._starts)

    def line(self, index: int) -> tuple[int, int]:
        """Where line `index` begins and ends, in characters: [start, stop)."""
        following = index + 1
        return self._starts[index], self._starts[following] if following < len(self._starts) else self._length

    def extend(self, text: str) -> int:
        """Wrap `text`, which begins with what was wrapped before.

        Returns:
            The first line that may have changed.
        """
        if len(text) == self._length:
            return len(self._starts)
        kept = max(len(self._starts) - 1, 0)  # the last line may take more, or break elsewhere
        start = self._starts[kept] if self._starts else 0
        del self._starts[kept:]
        self._length = len(text)
        narrow = text.isascii()
        while start < self._length:
            self._starts.append(start)
            start = self._break(text, start, start + self.width if narrow else self._reach(text, start))
        return kept

    def _reach(self, text: str, start: int) -> int:
        """How far a line from `start` can go, if no line feed and no word stands in its way."""
        cells = 0
        for index in range(start, len(text)):
            cells += stand_in_width(text[index])
            if cells > self.width:
                return max(index, start + 1)
        return len(text)

    def _break(self, text: str, start: int, reach: int) -> int:
        """Where the line from `start` ends, if it may go as far as `reach`."""
        feed = text.find("\n", start, reach)
        if feed >= 0:
            return feed + 1
        if reach >= len(text):
            return len(text)
        space = text.rfind(" ", start, reach)
        return space + 1 if space >= start else reach
