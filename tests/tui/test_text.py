"""Nothing hostile in a corpus reaches the screen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.widgets import DataTable, Static

from tui.text import content, rich_text, screen_text, single_line, visible

any_text = st.text(
    st.characters() | st.sampled_from("\x00\t\n\r\x1b\x7f\x9b\x9d\u0301\u200d\u202e\ufe0f\ud800日🏻🇩[]")
)


def is_safe(text: str) -> bool:
    """Whether no character of a line could act instead of being shown."""
    return not any(unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp") for c in text)


@given(st.characters() | st.characters(categories=["Cc", "Cf", "Cs", "Co", "Mn", "Zs"]), st.booleans())
def test_every_character_has_a_safe_stand_in_of_one_or_two_cells(character: str, space: bool) -> None:
    shown = visible(character, space=space)
    assert is_safe(shown)
    assert cell_len(shown) in (1, 2)


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\n", "⏎"),
        ("\t", "⇥"),
        (" ", " "),
        ("\xa0", "⍽"),
        ("\x1b", "␛"),
        ("\x7f", "␡"),
        ("\x9b", "�"),
        ("\u202e", "·"),
        ("\u200d", "·"),
        ("\ufe0f", "·"),
        ("\ue000", "�"),
        ("\ud800", "�"),
        ("\u0301", "◌\u0301"),
        ("a", "a"),
        ("[", "["),
        ("日", "日"),
    ],
)
def test_stand_ins_are_the_documented_ones(character: str, shown: str) -> None:
    assert visible(character) == shown


def test_a_space_is_drawn_when_asked_for() -> None:
    assert visible(" ", space=True) == "␣"


@pytest.mark.parametrize("text", ["", "ab"])
def test_only_one_code_point_is_shown_at_a_time(text: str) -> None:
    with pytest.raises(ValueError, match="one code point"):
        visible(text)


@given(any_text)
def test_screen_text_keeps_line_feeds_and_lets_nothing_else_act(text: str) -> None:
    shown = screen_text(text)
    assert is_safe(shown.replace("\n", ""))
    assert shown.count("\n") == text.count("\n")
    assert is_safe(screen_text(text, newlines=False))


@given(st.text(st.characters(codec="ascii")), st.booleans())
def test_ascii_text_is_shown_as_any_other(text: str, newlines: bool) -> None:
    assert screen_text(text, newlines=newlines) + "é" == screen_text(text + "é", newlines=newlines)


@given(st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert screen_text(text) == text


def test_marks_stay_on_their_letter_and_do_not_pile_up() -> None:
    assert screen_text("e\u0301\n\u0301") == "e\u0301\n◌\u0301"
    assert screen_text("a" + 5 * "\u0300") == "a" + 3 * "\u0300" + "◌" + 2 * "\u0300"
    assert screen_text("\x1b\u0301") == "␛◌\u0301"


def test_half_flags_do_not_melt_into_a_picture() -> None:
    assert screen_text("🇩🇪") == "🄳🄴"


@given(any_text, st.integers(-1, 40))
def test_single_line_fits_and_is_exact_when_cut(text: str, width: int) -> None:
    line = single_line(text, width)
    whole = screen_text(text, newlines=False)
    assert is_safe(line)
    if cell_len(whole) <= width:
        assert line == whole
    else:
        assert cell_len(line) == max(width, 0)
        assert not line or line.endswith("…")


def test_a_wide_character_is_not_cut_in_half() -> None:
    assert single_line("日本語", 4) == "日 …"
    assert single_line("日本語", 5) == "日本…"
    assert single_line("日本語", 6) == "日本語"


HOSTILE = "[/] [red]x[/red] [@click=app.quit]y[/] \x1b]0;title\x07 \x1b[31m \x9b1m [$primary]"
SHOWN = "[/] [red]x[/red] [@click=app.quit]y[/] ␛]0;title␇ ␛[31m �1m [$primary]"


class HostileApp(App[None]):
    """Hostile text in a static, in a border's title and in a table."""

    def compose(self) -> ComposeResult:
        static = Static(content(HOSTILE, "$text-primary"), id="static")
        static.styles.border = ("round", "white")
        static.border_title = content(HOSTILE)
        yield static
        yield DataTable()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_column(rich_text(HOSTILE))
        table.add_row(rich_text(HOSTILE))


async def test_markup_and_escapes_show_literally_in_real_widgets() -> None:
    app = HostileApp()
    async with app.run_test(size=(100, 12)) as pilot:
        await pilot.pause()
        strips = list(app.screen._compositor.render_strips())
        rows = ["".join(segment.text for segment in strip) for strip in strips]
        assert sum(SHOWN in row for row in rows) == 4
        assert not any("\x1b" in row or "\x07" in row or "\x9b" in row for row in rows)
        assert not any(
            segment.style and segment.style.meta.get("@click") for strip in strips for segment in strip
        )
