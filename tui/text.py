"""The one door through which corpus text reaches the screen.

What it promises: whatever characters go in, what comes out holds no control, format, surrogate, private or
unassigned character (line feeds aside, where they are asked for), so no text can move the cursor, set the
window's title, reverse its neighbours or vanish; and nothing in it is read as markup. Each character of the
text keeps a stand-in that takes up at least one cell, and widths are those by which Textual lays out cells.

What it does not know: fonts. Terminals disagree about the width of some marks of Indic scripts, and the few
that reorder right-to-left letters will do so here too.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.text import Text
from textual.content import Content

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
INVISIBLE = "\N{MIDDLE DOT}"
RETURN = "\N{RETURN SYMBOL}"
TAB = "\N{RIGHTWARDS ARROW TO BAR}"
OPEN_BOX = "\N{OPEN BOX}"
SHOULDERED_BOX = "\N{SHOULDERED OPEN BOX}"
DOTTED_CIRCLE = "\N{DOTTED CIRCLE}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

MARKS_PER_BASE = 3
"""Combining marks a character may carry; more would climb into the rows above and below."""

_PICTURES = 0x2400  # the block of control pictures starts with the one for NUL
_FIRST_FLAG, _LAST_FLAG, _FIRST_SQUARED = 0x1F1E6, 0x1F1FF, 0x1F130
_IGNORABLE = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810)))
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0100, 0xE01F0))))
"""Fillers, variation selectors and skin tones: assigned characters that show nothing of their own, or that
change the width of their neighbour, on which terminals do not agree."""


def visible(character: str, *, space: bool = False) -> str:
    """One character as something to look at: at least one cell wide, never a control or format character.

    Arguments:
        character: one code point.
        space: whether a plain space is drawn as an open box, too.
    Raises:
        ValueError: if `character` is not one code point.
    """
    if len(character) != 1:
        raise ValueError(f"visible() shows one code point; {character!r} has {len(character)}")
    if character == " ":
        return OPEN_BOX if space else " "
    if unicodedata.category(character) == "Zs":
        return SHOULDERED_BOX
    shown = _stand_in(character)
    return DOTTED_CIRCLE + shown if _is_mark(shown) else shown


def screen_text(text: str, *, newlines: bool = True) -> str:
    """A text for display, its combining marks on the characters they belong to.

    Arguments:
        text: any text.
        newlines: keep line feeds (True), or draw them as return signs on one line (False).
    """
    if text.isascii():
        return text.translate(_ASCII_LINES if newlines else _ASCII)
    return "".join(_units(text, newlines=newlines))


def single_line(text: str, width: int) -> str:
    """A text on one line of at most `width` cells; one that is cut fills them and ends in an ellipsis."""
    if width <= 0:
        return ""
    kept: list[str] = []
    used = 0
    room = 0  # how many of the kept units leave a cell for the ellipsis
    for unit in _units(text, newlines=False):
        used += cell_len(unit)
        if used > width:
            cut = "".join(kept[:room])
            return cut + " " * (width - 1 - cell_len(cut)) + ELLIPSIS
        kept.append(unit)
        if used < width:
            room = len(kept)
    return "".join(kept)


def content(text: str, style: str = "", *, newlines: bool = True) -> Content:
    """A text for any Textual widget or title, with its brackets shown as brackets.

    Arguments:
        text: any text.
        style: a Textual style for all of it, such as `$text-muted` or `bold $primary`.
        newlines: as for `screen_text`.
    """
    return Content.styled(screen_text(text, newlines=newlines), style)


def rich_text(text: str, style: str = "", *, newlines: bool = True) -> Text:
    """The same as `content` for the widgets that take Rich's text only (table cells, tree labels)."""
    return Text(screen_text(text, newlines=newlines), style=style)


def _units(text: str, *, newlines: bool) -> Iterator[str]:
    """The stand-ins of a text, a character and the marks upon it being one unit."""
    unit = ""
    marks = 0
    takes_marks = False
    for character in text:
        if character == "\n" and newlines:
            shown, is_mark = "\n", False
        elif unicodedata.category(character) == "Zs":
            shown, is_mark = " " * get_character_cell_size(character), False
        else:
            shown = _stand_in(character)
            is_mark = _is_mark(shown)
        if is_mark and takes_marks and marks < MARKS_PER_BASE:
            unit += shown
            marks += 1
            continue
        if unit:
            yield unit
        unit = DOTTED_CIRCLE + shown if is_mark else shown
        marks = int(is_mark)
        takes_marks = is_mark or (shown == character and character not in "\n ")
    if unit:
        yield unit


@lru_cache(maxsize=4096)
def _stand_in(character: str) -> str:
    """What is drawn for a character, marks and spaces aside."""
    code = ord(character)
    if character == "\n":
        return RETURN
    if character == "\t":
        return TAB
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if _FIRST_FLAG <= code <= _LAST_FLAG:  # half a flag: a pair would melt into one picture
        return chr(_FIRST_SQUARED + code - _FIRST_FLAG)
    category = unicodedata.category(character)
    if category in ("Zl", "Zp"):
        return RETURN
    if category == "Cf" or character in _IGNORABLE:
        return INVISIBLE
    if category[0] == "C":
        return REPLACEMENT
    return character


@lru_cache(maxsize=4096)
def _is_mark(shown: str) -> bool:
    """Whether a stand-in needs a character to sit on."""
    return get_character_cell_size(shown) == 0 or unicodedata.category(shown)[0] == "M"


_ASCII = {code: _stand_in(chr(code)) for code in (*range(0x20), 0x7F)}
_ASCII_LINES = {code: shown for code, shown in _ASCII.items() if code != ord("\n")}
