"""Line breaks: nothing lost, nothing too wide, and a grown text breaks as if it had come at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.wrapping import Wrapping, stand_in_width

TEXTS = st.text(alphabet=st.sampled_from("ab  \n\t\x1b漢\u0301\u200d😀é"), max_size=120)


def lines(text: str, width: int) -> list[str]:
    wrapping = Wrapping(width)
    wrapping.extend(text)
    return [text[slice(*wrapping.line(i))] for i in range(len(wrapping))]


@given(TEXTS, st.integers(1, 12))
def test_every_character_is_on_one_line_that_fits(text: str, width: int) -> None:
    broken = lines(text, width)
    assert "".join(broken) == text
    for line in broken:
        assert line
        assert len(line) == 1 or sum(map(stand_in_width, line)) <= width
        assert "\n" not in line[:-1]


@given(TEXTS, st.lists(st.integers(0, 120), max_size=8), st.integers(1, 12))
def test_a_text_that_grew_breaks_as_if_it_came_at_once(text: str, cuts: list[int], width: int) -> None:
    wrapping = Wrapping(width)
    for cut in [*sorted(cuts), len(text)]:
        before = [wrapping.line(i) for i in range(len(wrapping))]
        kept = wrapping.extend(text[:cut])
        assert [wrapping.line(i) for i in range(kept)] == before[:kept]
    assert [text[slice(*wrapping.line(i))] for i in range(len(wrapping))] == lines(text, width)


def test_words_stay_whole_where_they_can() -> None:
    assert lines("the cat sat on a\nmat", 8) == ["the cat ", "sat on ", "a\n", "mat"]
    assert lines("mat unbreakable", 8) == ["mat ", "unbreaka", "ble"]


def test_a_wide_character_is_not_cut() -> None:
    assert lines("漢漢漢", 5) == ["漢漢", "漢"]
    assert lines("漢漢", 1) == ["漢", "漢"]
