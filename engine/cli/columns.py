"""Words in columns, each on its row and as wide as it is, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from engine.cli.terminal import cells, harmless


def in_columns(rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    """The rows' words under one another.

    Arguments:
        rows: of equally many words each.
        numbers: whether all columns but the first are set to the right.
    """
    shown = [[on_one_line(word) for word in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    lines = []
    for row in shown:
        blanks = [" " * (width - _width(word)) for word, width in zip(row, widths, strict=True)]
        padded = [
            blank + word if numbers and place else word + blank
            for place, (word, blank) in enumerate(zip(row, blanks, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def on_one_line(text: str) -> str:
    """A text that a terminal neither obeys nor breaks."""
    return harmless(
        text.replace("\n", "\N{RETURN SYMBOL}").replace("\t", "\N{SYMBOL FOR HORIZONTAL TABULATION}")
    )


def _width(text: str) -> int:
    return sum(map(cells, text))
