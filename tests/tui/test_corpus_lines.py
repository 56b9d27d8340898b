"""The lines of a corpus: found from any place, the same from wherever one looks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.corpus import Corpus, Origin
from tui.panes.corpus_lines import BLOCK, Lines


def corpus_of(text: str) -> Corpus:
    return Corpus.from_text("mine", text, origin=Origin.OWN, source="a test")


def test_a_line_that_fits_is_never_cut() -> None:
    text = "a line of forty characters, feed too ...\n" * 200
    lines = Lines(corpus_of(text), 60).page(0, 1_000)
    assert [text[start:stop] for start, stop in lines] == text.splitlines(keepends=True)


LINES = st.lists(
    st.tuples(st.sampled_from(["\n", "a", "ab ", "漢", "e\u0301", "\t"]), st.integers(1, 3 * BLOCK)),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(parts=LINES, width=st.integers(1, 90), place=st.floats(0, 1), rows=st.integers(0, 50))
def test_lines_are_the_same_from_wherever_one_looks(
    parts: list[tuple[str, int]], width: int, place: float, rows: int
) -> None:
    text = "".join(piece * count for piece, count in parts)
    lines = Lines(corpus_of(text), width)
    whole = lines.page(0, len(text) + 1)
    assert [start for start, _ in whole] == [0, *(stop for _, stop in whole)][: len(whole)]
    assert (whole[-1][1] if whole else 0) == len(text)
    assert all("\n" not in text[start : stop - 1] for start, stop in whole)
    if text:
        position = min(int(place * len(text)), len(text) - 1)
        line = next(i for i, (start, stop) in enumerate(whole) if start <= position < stop)
        assert lines.page(position, rows) == whole[line : line + rows]
        assert lines.start_of(position) == whole[line][0]
        assert lines.start_of(position, above=rows) == whole[max(line - rows, 0)][0]
