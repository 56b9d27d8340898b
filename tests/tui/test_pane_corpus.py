"""The corpus pane: statistics, the text around the example, the bar, the catalog."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Button, Static

import tui.panes.corpus
from corpora import catalog
from corpora.corpus import Corpus, Origin
from engine.commands import Rewind, Start, Step
from engine.snapshot import Example, Snapshot
from engine.thread import EngineThread
from engine.training.course import split_borders
from engine.training.recipe import Recipe
from tui.dialogs.catalog import CatalogDialog
from tui.messages import CorpusChosen, OpenRequested
from tui.panes.corpus import CorpusPane
from tui.panes.corpus_lines import BLOCK
from tui.panes.corpus_statistics import FLOOR, Row
from tui.panes.corpus_view import CorpusView
from tui.panes.position_bar import LOOKING, TRAINING, PositionBar

SHEET = Path(tui.panes.corpus.__file__).with_suffix(".tcss")
GRID, TAB = (36, 20), (80, 20)
HOSTILE = (
    "[/][red]x[@click=app.quit]y\x1b]0;title\x07\x9b2J\u202eabc"
    "\u200d\U0001f468\u200d\U0001f469 e\u0301\u0301 \t"
)


class Host(App[None]):
    CSS_PATH = SHEET
    BINDINGS = [Binding("c", "catalog", id="text.catalog")]  # noqa: RUF012 - Textual's way

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield CorpusPane()

    def on_mount(self) -> None:
        self.pane.focus_first()

    def on_corpus_chosen(self, event: CorpusChosen) -> None:
        self.heard.append(event.choice)

    def on_open_requested(self, event: OpenRequested) -> None:
        self.heard.append("open")

    def action_catalog(self) -> None:
        self.pane.action_catalog()

    @property
    def pane(self) -> CorpusPane:
        return self.query_one(CorpusPane)

    @property
    def view(self) -> CorpusView:
        return self.query_one(CorpusView)

    @property
    def numbers(self) -> list[str]:
        """The statistics, line by line."""
        return str(self.query_one("#corpus-statistics", Static).render()).split("\n")

    @property
    def bar(self) -> str:
        return str(self.query_one(PositionBar).render())

    @property
    def rows(self) -> list[str]:
        """The text in view, row by row."""
        return [self.view.render_line(y).text for y in range(self.view.size.height)]

    def marked(self, attribute: str) -> str:
        """What of the text is underlined, or reversed."""
        strips = [self.view.render_line(y) for y in range(self.view.size.height)]
        return "".join(s.text for strip in strips for s in strip if s.style and getattr(s.style, attribute))


def corpus_of(text: str, entropy_rate: float | None = None, name: str = "mine") -> Corpus:
    return Corpus.from_text(name, text, origin=Origin.OWN, source="a test", entropy_rate=entropy_rate)


def snapshot_of(corpus: Corpus, position: int | None = None, context: int = 8) -> Snapshot:
    """A picture of a run whose last example stands at `position`."""
    recipe = Recipe(context=context)
    example = None
    if position is not None:
        ids = corpus.ids[position : position + context + 1].tolist()
        example = Example(position, tuple(ids[:-1]), ids[-1])
    borders = split_borders(recipe, len(corpus))
    return Snapshot(version=1, corpus=corpus, recipe=recipe, current=recipe, borders=borders, example=example)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app live until something holds that a thread brings about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await pilot.pause()


async def test_an_empty_pane_says_what_to_do() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(Snapshot())
        await pilot.press("j", "k", "f", "home", "end", "pagedown", "pageup")
        assert "open one of your own" in " ".join(host.numbers)
        assert host.bar == ""
        assert "".join(host.rows).strip() == ""


@pytest.mark.parametrize("size", [GRID, TAB])
async def test_statistics_are_those_of_the_text_and_of_the_run(size: tuple[int, int]) -> None:
    corpus = corpus_of("aab\nc" * 400)  # 2,000 characters, 4 distinct, shares .4 .2 .2 .2
    host = Host()
    async with host.run_test(size=size) as pilot:
        host.pane.show(snapshot_of(corpus, context=5))
        await pilot.pause()
        words = " ".join(" ".join(host.numbers).split())
        for said in (
            "mine · own",
            "size 2,000 chars",
            "distinct 4 chars",
            "unigram 1.922 bits",
            "examples 1,595 C = 5",
            "train 1,600 80.0%",
            "validation 200 10.0%",
            "test 200 10.0%",
        ):
            assert said in words
        assert FLOOR not in words
        assert max(map(len, host.numbers)) <= host.pane.content_size.width


async def test_a_generated_text_shows_its_true_entropy_rate_in_bits() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        host.pane.show(snapshot_of(corpus_of("abcdefgh" * 20, entropy_rate=0.6931471805599453)))
        await pilot.pause()
        words = " ".join(" ".join(host.numbers).split())
        assert f"true rate 1.000 bits ↑ {FLOOR}" in words


async def test_a_model_that_counts_has_no_examples_of_one_length() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        recipe = Recipe(model="kneser-ney")
        seen = snapshot_of(corpus_of("aab\nc" * 400))
        host.pane.show(replace(seen, recipe=recipe, current=recipe))
        await pilot.pause()
        words = " ".join(" ".join(host.numbers).split())
        assert "train 1,600 80.0%" in words
        assert "examples" not in words


async def test_what_was_done_to_the_text_on_the_way_in_is_said() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        host.pane.show(snapshot_of(corpus_of("some\r\ntext that is long enough\r\n")))
        await pilot.pause()
        assert "CRLF turned into LF" in host.numbers


async def test_values_stand_in_one_column() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        host.pane.show(snapshot_of(catalog.load("markov")))
        await pilot.pause()
        values = [line for line in host.numbers[1:] if any(c.isdigit() for c in line)]
        assert all(line[23].isdigit() and line[24] == " " for line in values)
        assert len(values) == 8


@pytest.mark.parametrize("width", [26, 31, 32])
@pytest.mark.parametrize(
    "row",
    [
        Row("size", "100,000,000", "chars"),
        Row("╍ validation", "239", "10.0%"),
        Row("╍ validation", "10,000,000", "10.0%"),
        Row("examples", "1,906", "C = 8"),
        Row(f"↑ {FLOOR}"),
    ],
)
def test_a_row_is_as_wide_as_the_pane_and_its_number_whole(row: Row, width: int) -> None:
    shown = row.content(width)
    assert shown.cell_length == width
    assert row.value in shown.plain


async def test_before_the_first_step_the_text_is_shown_from_its_beginning() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        host.pane.show(snapshot_of(corpus_of("Once upon a time there was " * 50)))
        await pilot.pause()
        assert host.rows[0].startswith("Once upon a time there was ")
        assert host.marked("underline") == host.marked("reverse") == ""
        assert TRAINING not in host.bar


async def test_context_and_target_of_a_real_step_are_marked_in_their_surroundings() -> None:
    corpus, engine, host = catalog.load("proverbs"), EngineThread(), Host()
    engine.start()
    try:
        async with host.run_test(size=TAB) as pilot:
            engine.send(Start(Recipe(context=6, batch=1), corpus))
            for _ in range(5):
                engine.send(Step())
                snapshot = engine.settled(timeout=20)
                host.pane.show(snapshot)
                await pilot.pause()
                assert snapshot.example is not None
                at = snapshot.example.position
                shown = corpus.excerpt(at, at + 6).replace("\n", "⏎")
                assert host.marked("underline") == shown
                assert host.marked("reverse") == corpus.excerpt(at + 6, at + 7).replace("\n", "⏎")
                assert host.pane.border_subtitle == f"at {at:,} · train"
            engine.send(Rewind(5))
            host.pane.show(engine.settled(timeout=20))
    finally:
        engine.close()


@pytest.mark.parametrize("size", [GRID, TAB, (24, 12), (60, 14)])
async def test_the_example_is_in_view_wherever_it_is(size: tuple[int, int]) -> None:
    corpus = corpus_of("".join(f"{n:04}," for n in range(2_000)))  # one line
    host = Host()
    async with host.run_test(size=size) as pilot:
        for where in (0, 17, 7_990, 300, 5_000):
            host.pane.show(snapshot_of(corpus, where))
            await pilot.pause()
            assert host.marked("underline") == corpus.excerpt(where, where + 8)
            assert host.marked("reverse") == corpus.excerpt(where + 8, where + 9)


async def test_where_the_context_is_longer_than_the_window_the_target_is_in_view() -> None:
    corpus = corpus_of("".join(f"{n:04}," for n in range(2_000)))
    host = Host()
    async with host.run_test(size=(16, 16)) as pilot:
        host.pane.show(snapshot_of(corpus, 3_000, context=200))
        await pilot.pause()
        assert host.view.size.area < 200
        assert host.marked("reverse") == corpus.excerpt(3_200, 3_201)


async def test_the_text_stays_where_it_is_while_the_example_is_in_view() -> None:
    corpus = corpus_of("The text of which the words do not jump about. " * 100)
    host = Host()
    async with host.run_test(size=TAB) as pilot:
        host.pane.show(snapshot_of(corpus, 2_000))
        await pilot.pause()
        before = host.view.top
        host.pane.show(snapshot_of(corpus, 2_060))
        await pilot.pause()
        assert host.view.top == before > 0
        host.pane.show(snapshot_of(corpus, 100))
        assert host.view.top < 100


async def test_scrolling_leaves_the_training_and_f_goes_back_to_it() -> None:
    corpus = corpus_of("".join(f"line {n}\n" for n in range(1_000)))
    host = Host()
    async with host.run_test(size=TAB) as pilot:
        host.pane.show(snapshot_of(corpus, 4_000))
        await pilot.pause()
        first = int(host.rows[0].split()[1].rstrip("⏎"))
        await pilot.press("j", "j", "down")
        assert host.rows[0].startswith(f"line {first + 3}⏎")
        await pilot.press("k", "up", "k", "k")
        assert host.rows[0].startswith(f"line {first - 1}⏎")
        await pilot.press("pagedown")
        height = host.view.size.height
        assert host.rows[0].startswith(f"line {first - 1 + height - 1}⏎")
        await pilot.press("pageup")
        assert host.rows[0].startswith(f"line {first - 1}⏎")
        await pilot.press("end")
        assert host.rows[-1].startswith("line 999⏎")
        assert str(host.pane.border_subtitle).endswith("test · f follows")
        host.pane.show(snapshot_of(corpus, 200))
        assert host.rows[-1].startswith("line 999⏎")
        assert LOOKING in host.bar
        assert TRAINING in host.bar
        await pilot.press("home")
        assert host.rows[0].startswith("line 0⏎")
        await pilot.press("f")
        assert host.pane.border_subtitle == "at 200 · train"
        assert LOOKING not in host.bar
        assert host.marked("underline") == corpus.excerpt(200, 208).replace("\n", "⏎")


async def test_the_wheel_scrolls_and_a_click_on_the_bar_goes_there() -> None:
    corpus = corpus_of("".join(f"line {n}\n" for n in range(1_000)))
    host = Host()
    async with host.run_test(size=TAB) as pilot:
        host.pane.show(snapshot_of(corpus, 0))
        await pilot.pause()
        host.view.post_message(
            events.MouseScrollDown(host.view, 1, 1, 0, 1, 0, shift=False, meta=False, ctrl=False)
        )
        await pilot.pause()
        assert host.rows[0].startswith("line 3⏎")
        width = host.query_one(PositionBar).size.width
        await pilot.click(PositionBar, offset=(width // 2, 0))
        assert abs(host.view.top - len(corpus) // 2) <= len(corpus) / width
        assert not host.view.following


async def test_the_bar_shows_the_splits_and_where_training_stands() -> None:
    host = Host()
    async with host.run_test(size=(54, 20)) as pilot:  # 50 cells inside
        host.pane.show(snapshot_of(corpus_of("ab" * 500), 500))
        await pilot.pause()
        assert host.bar == "━" * 25 + TRAINING + "━" * 14 + "╍" * 5 + "┉" * 5


async def test_another_text_is_shown_from_its_beginning_and_followed() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        host.pane.show(snapshot_of(corpus_of("first " * 1_000), 3_000))
        await pilot.press("end")
        host.pane.show(snapshot_of(corpus_of("second " * 1_000, name="other")))
        await pilot.pause()
        assert host.rows[0].startswith("second ")
        assert host.view.following
        assert host.numbers[0].startswith("other")


@pytest.mark.parametrize("size", [GRID, TAB, (10, 5), (1, 1)])
async def test_hostile_text_cannot_touch_the_screen(size: tuple[int, int]) -> None:
    corpus = corpus_of(HOSTILE * 40, name="n[/]\x1b]0;x\x07\n[red]")
    host = Host()
    async with host.run_test(size=size) as pilot:
        for position in (0, 3, len(HOSTILE) - 4, 100):
            host.pane.show(snapshot_of(corpus, position))
            await pilot.pause()
            shown = "".join(host.rows) + "".join(host.numbers) + host.export_screenshot()
            assert not any(c in shown for c in "\x1b\x07\x9b\u202e\u200d")
        if size == TAB:
            assert "[/][red]x[@click=app.quit]y" in "".join(host.rows)
            assert "n[/]" in host.numbers[0]


async def test_of_a_line_of_a_million_characters_only_what_can_be_seen_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corpus = corpus_of("x[y]z" * 200_000)
    read: list[int] = []
    excerpt = Corpus.excerpt

    def counted(self: Corpus, start: int, stop: int) -> str:
        read.append(stop - start)
        return excerpt(self, start, stop)

    monkeypatch.setattr(Corpus, "excerpt", counted)
    monkeypatch.setattr(Corpus, "text", property(lambda _: pytest.fail("the whole text was asked for")))
    host = Host()
    async with host.run_test(size=TAB) as pilot:
        host.pane.show(snapshot_of(corpus, 700_000))
        await pilot.press("j", "pagedown", "k", "pageup", "end", "home", "f")
        assert host.marked("underline") == "x[y]zx[y"
        assert 0 < sum(read) < 60 * BLOCK


async def test_a_storm_of_sizes_keeps_the_example_in_view() -> None:
    corpus = corpus_of("wörter und 漢字 in Zeilen\n" * 300)
    host = Host()
    async with host.run_test(size=TAB) as pilot:
        host.pane.show(snapshot_of(corpus, 3_000))
        for size in ((1, 1), (200, 60), (36, 20), (12, 40), (80, 24), (36, 20)):
            await pilot.resize_terminal(*size)
        await pilot.pause()
        assert host.marked("underline") == corpus.excerpt(3_000, 3_008).replace("\n", "⏎")


async def test_the_buttons_name_the_keys_as_they_are_remapped() -> None:
    class Remapped(Host):
        def on_mount(self) -> None:
            self.set_keymap({"text.catalog": "f6"})

    host = Remapped()
    async with host.run_test(size=GRID) as pilot:
        await pilot.pause()
        button = host.query_one("#corpus-catalog", Button)
        assert str(button.label) == "Catalog (f6)"
        assert button.size.width >= len("Catalog (f6)")


async def test_open_is_asked_of_the_app() -> None:
    host = Host()
    async with host.run_test(size=GRID) as pilot:
        await pilot.pause()
        assert str(host.query_one("#corpus-open", Button).label) == "Open (o)"
        await pilot.click("#corpus-open")
        assert host.heard == ["open"]


async def test_a_name_is_chosen_from_the_catalog_which_begins_at_the_text_that_is_open() -> None:
    host = Host()
    async with host.run_test(size=TAB) as pilot:
        host.pane.show(snapshot_of(catalog.load("markov:7")))
        await pilot.pause()
        await pilot.click("#corpus-catalog")
        assert isinstance(host.screen, CatalogDialog)
        await pilot.press("escape", "c", "k", "enter")
        assert host.heard == ["brackets"]
