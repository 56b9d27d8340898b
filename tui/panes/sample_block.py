"""SampleBlock: one written text as rows of a given width.

What it promises: a stamp (number, step, state, sampling, seed, mean surprise), what had to be done to the
prompt or why it was refused, then the prompt and every written character on a ground as hot as it was
surprising; a text that grew keeps the rows that stand. What it does not know: where on the screen it is.
"""

import math

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import Sample, SampleState
from engine.training.rules import COUNTING
from tui.text import screen_text, single_line
from tui.widgets.strip_chart import tinted
from tui.widgets.wrapping import Wrapping

EARLY_STEPS = 200
"""Up to here a text of noise is no sign of trouble."""

MUTED = "$foreground 65%"
"""Not `$text-muted`: inside a text, as against a style sheet, Textual draws that as bright as the rest."""

_SELECTED, _PROMPT, _REFUSED, _HINT = "bold $text-accent", f"{MUTED} italic", "$text-error", f"{MUTED} italic"
_BETWEEN = " \N{MIDDLE DOT} "
_SELECTION_MARK = "\N{BLACK RIGHT-POINTING TRIANGLE}"


class SampleBlock:
    """A text and its rows; `strips` is for whoever draws them, and loses what is no longer true."""

    def __init__(self, sample: Sample, width: int, *, known_note: str = "") -> None:
        """`sample` in rows of `width` cells; a note that stands over the text before is not said again."""
        self._known_note = known_note
        self.sample = sample
        self.strips: dict[int, Strip] = {}
        self._width = width
        self._wrapping = Wrapping(width)
        self._stamp: list[str] = []
        self._notes: list[Content] = []
        self._hint: list[Content] = []
        self._take(sample)

    @property
    def height(self) -> int:
        """Rows, with an empty one at the end."""
        return self._head + len(self._wrapping) + len(self._hint) + 1

    def update(self, sample: Sample, width: int, known_note: str) -> bool:
        """Show `sample` from now on, if it is the same text, perhaps grown, in the same place.

        Returns:
            Whether it is; nothing changes if it is not.
        """
        old = self.sample
        if width != self._width or known_note != self._known_note:
            return False
        if sample is old:
            return True
        if (
            sample.number != old.number
            or sample.request != old.request
            or not sample.text.startswith(old.text)
        ):
            return False
        self._take(sample)
        return True

    def row(self, index: int, *, selected: bool) -> Content:
        """Row `index`, from 0 to below `height`; the stamp of a selected text has a mark of its own."""
        if index < len(self._stamp):
            stamp = self._stamp[index]
            if selected and not index:
                stamp = _SELECTION_MARK + stamp[1:]
            return Content.styled(stamp, _SELECTED if selected else MUTED)
        if index < self._head:
            return self._notes[index - len(self._stamp)]
        index -= self._head
        if index < len(self._wrapping):
            return self._written(*self._wrapping.line(index))
        index -= len(self._wrapping)
        return self._hint[index] if index < len(self._hint) else Content("")

    @property
    def _head(self) -> int:
        """Rows above the text."""
        return len(self._stamp) + len(self._notes)

    def _take(self, sample: Sample) -> None:
        """Make the rows of `sample` and forget the strips of those that changed."""
        head_before = self._head
        self.sample = sample
        self._stamp = packed(_stamp(sample), self._width)
        refused = sample.state is SampleState.REFUSED
        note = "" if sample.note == self._known_note and not refused else sample.note
        self._notes = wrapped(note, self._width, _REFUSED if refused else MUTED)
        self._hint = wrapped(_early(sample), self._width, _HINT)
        first = self._head + self._wrapping.extend(sample.request.prompt + sample.text)
        stays = range(self._head, first) if self._head == head_before else range(0)
        self.strips = {row: strip for row, strip in self.strips.items() if row in stays}

    def _written(self, start: int, stop: int) -> Content:
        """The characters [start, stop) of prompt and text."""
        prompt, text = self.sample.request.prompt, self.sample.text
        split = len(prompt)
        given = screen_row(prompt[start : min(stop, split)])
        first, last = max(start - split, 0), max(stop - split, 0)
        return Content.styled(given, _PROMPT) + tinted(
            text[first:last], self.sample.surprises[first:last], newlines=False
        )


def packed(parts: list[str], width: int) -> list[str]:
    """Short texts side by side with dots between them, on as many rows as it takes."""
    rows: list[str] = []
    for part in parts:
        if rows and len(rows[-1]) + len(_BETWEEN) + len(part) <= width:
            rows[-1] += _BETWEEN + part
        else:
            rows.append(single_line(part, width))
    return rows


def wrapped(text: str, width: int, style: str) -> list[Content]:
    """A sentence on as many rows as it takes; none for an empty one."""
    shown = screen_text(text, newlines=False)
    wrapping = Wrapping(width)
    wrapping.extend(shown)
    lines = map(wrapping.line, range(len(wrapping)))
    return [Content.styled(shown[start:stop], style) for start, stop in lines]


def screen_row(text: str) -> str:
    """Part of a prompt, each character by its stand-in, as the written ones are."""
    return tinted(text, [0.0] * len(text), newlines=False).plain


def _stamp(sample: Sample) -> list[str]:
    """What a person needs to know to read the text, and to have it written again."""
    sampling = sample.request.sampling
    parts = [f"#{sample.number}", *filter(None, [sample.author]), f"step {sample.step:,}", sample.state.value]
    parts.append(f"T={sampling.temperature:.2f}" if sampling.temperature else "greedy")
    if sampling.top_k:
        parts.append(f"k={sampling.top_k}")
    if sampling.top_p < 1:
        parts.append(f"p={sampling.top_p:.2f}")
    parts.append(f"seed {sample.request.seed}")
    if sample.surprises and sample.state is not SampleState.WRITING:
        mean = math.fsum(sample.surprises) / len(sample.surprises)
        parts.append(f"{mean:.2f} bits/char")
    return parts


def _early(sample: Sample) -> str:
    """Whether noise is normal this early in the run."""
    if sample.state is SampleState.REFUSED or sample.step > EARLY_STEPS or sample.author in COUNTING:
        return ""
    if sample.step == 0:
        return "untrained: every character is about equally likely"
    return f"after {sample.step} steps: frequent characters come before words, so noise is normal"
