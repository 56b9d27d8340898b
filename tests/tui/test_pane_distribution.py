"""The next-character pane: bars, the sampling laid over them, and the question a person types."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static

import tui.panes.distribution
from corpora.corpus import Corpus, Origin
from engine.commands import Ask, Command, Rival, Start, Step
from engine.sampling import Sampling
from engine.snapshot import NextCharacter, RivalView, Snapshot, Status
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from tui.messages import EngineCommand
from tui.panes.distribution import NO_TEXT, DistributionPane
from tui.panes.question import LONGEST, Question
from tui.widgets.bars import Bars

SHEET = Path(tui.panes.distribution.__file__).with_suffix(".tcss")
GRID, TAB = (40, 20), (80, 20)
HOSTILE = "[/]\x1b]0;title\x07[red]\u202e\u200b\x9b\n\t "


class Host(App[None]):
    CSS_PATH = SHEET

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []

    def compose(self) -> ComposeResult:
        yield DistributionPane()

    def on_mount(self) -> None:
        self.pane.focus_first()

    def on_engine_command(self, message: EngineCommand) -> None:
        self.commands.append(message.command)

    @property
    def pane(self) -> DistributionPane:
        return self.query_one(DistributionPane)

    @property
    def question(self) -> Question:
        return self.query_one(Question)

    @property
    def bars(self) -> list[str]:
        """The rows of the bars, as they are seen."""
        bars = self.query_one(Bars)
        return [text for y in range(bars.size.height) if (text := bars.render_line(y).text.strip())]

    def line(self, part: str) -> str:
        return str(self.query_one(f"#distribution-{part}", Static).render())


def corpus_of(text: str) -> Corpus:
    return Corpus.from_text("a text", text, origin=Origin.OWN, source="typed")


def expecting(
    corpus: Corpus, shares: dict[str, float], context: str, target: str | None, note: str = ""
) -> Snapshot:
    """A snapshot in which the model gives each character its share."""
    vocabulary = corpus.vocabulary
    logits = np.log([shares.get(character, 1e-9) for character in vocabulary])
    said = NextCharacter(
        tuple(vocabulary.encode(context).tolist()),
        logits,
        None if target is None else vocabulary.id_of(target),
        note,
    )
    return Snapshot(status=Status.PAUSED, corpus=corpus, next_character=said)


ABC = corpus_of("abcd")
EIGHTHS = {"a": 1 / 8, "b": 1 / 2, "c": 1 / 4, "d": 1 / 8}


async def test_before_there_is_a_text_a_sentence_says_which_key_opens_one() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        for snapshot in (None, Snapshot()):
            if snapshot is not None:
                app.pane.show(snapshot)
            await pilot.press("a", "escape")
            assert app.bars == [NO_TEXT]
            assert app.line("facts").split("\n")[0].split() == ["entropy", "–", "bits"]
        assert app.commands == []


async def test_bars_stand_in_order_of_probability_or_of_the_alphabet() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        await pilot.pause()
        assert [row[0] for row in app.bars] == ["b", "c", "a", "d"]
        assert [row.split()[-1] for row in app.bars if "true" not in row] == ["50.0%", "12.5%", "12.5%"]
        await pilot.press("a")
        assert [row[0] for row in app.bars] == ["a", "b", "c", "d"]
        await pilot.press("a")
        assert [row[0] for row in app.bars] == ["b", "c", "a", "d"]


async def test_the_true_character_is_marked_and_no_other() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        await pilot.pause()
        assert [row[0] for row in app.bars if "true" in row] == ["c"]
        app.pane.show(expecting(ABC, EIGHTHS, "ab", None))
        await pilot.pause()
        assert not [row for row in app.bars if "true" in row]


async def test_entropy_and_surprise_are_in_bits_and_exact() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "d"))
        app.pane.show_sampling(Sampling(top_k=2))
        await pilot.pause()
        entropy, surprise = app.line("facts").split("\n")
        two_thirds = -(2 * math.log2(2 / 3) + math.log2(1 / 3)) / 3
        assert entropy.split() == ["entropy", "1.750,", "sampled", f"{two_thirds:.3f}", "bits"]
        assert surprise.split() == ["surprise", "3.000", "bits,", "rank", "4"]


async def test_a_typed_context_has_no_surprise() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", None))
        await pilot.pause()
        assert app.line("facts").split("\n")[1].split() == ["surprise", "–", "bits"]
        assert app.line("context") == "after ab comes ?"


async def test_turning_the_sampling_moves_the_bars_over_the_raw_ones_and_asks_nobody() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", None))
        for sampling, percents in (
            (Sampling(temperature=0), ["100.0%", "0.0%", "0.0%", "0.0%"]),
            (Sampling(temperature=0.5), ["72.7%", "18.2%", "4.5%", "4.5%"]),
            (Sampling(top_k=2), ["66.7%", "33.3%", "0.0%", "0.0%"]),
            (Sampling(top_p=0.8), ["57.1%", "28.6%", "14.3%", "0.0%"]),
            (Sampling(), ["50.0%", "25.0%", "12.5%", "12.5%"]),
        ):
            app.pane.show_sampling(sampling)
            await pilot.pause()
            assert [row.split()[-1] for row in app.bars] == percents
        app.pane.show_sampling(Sampling(top_k=2))
        await pilot.pause()
        assert "░" in app.bars[3]  # what was cut off is still seen behind
        assert app.commands == []


async def test_the_subtitle_names_the_settings_that_bend_the_bars() -> None:
    app = Host()
    async with app.run_test(size=GRID):
        assert app.pane.border_subtitle == "temperature 1.00"
        app.pane.show_sampling(Sampling(temperature=0.35, top_k=5, top_p=0.9))
        assert app.pane.border_subtitle == "temperature 0.35 · top-k 5 · top-p 0.90"


async def test_sampling_never_shuffles_the_rows() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        for sampling in (Sampling(temperature=0), Sampling(temperature=2), Sampling(top_k=1)):
            app.pane.show_sampling(sampling)
            await pilot.pause()
            assert [row[0] for row in app.bars] == ["b", "c", "a", "d"]


async def test_context_and_truth_are_visible_whatever_they_are() -> None:
    corpus = corpus_of("a b\nc\td")
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(expecting(corpus, {"a": 0.5, "\n": 0.5}, "a b\t", "\n"))
        await pilot.pause()
        assert app.line("context") == "after a␣b⇥ comes ⏎"
        assert app.bars[0].split()[0] == "⏎"
        assert app.line("facts").endswith("bits, rank 2")


async def test_the_end_of_a_long_context_stays_in_view_at_every_width() -> None:
    corpus = corpus_of("abc日z")
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(expecting(corpus, {"a": 1.0}, "ab" * 40 + "c" + "日" * 5, "z"))
        for width in (80, 40, 33, 30):
            await pilot.resize_terminal(width, 20)
            await pilot.pause()
            line = app.line("context")
            assert line.endswith("日 comes z")
            assert line.startswith("after …")
            assert width - 6 <= cell_len(line) <= width - 4


async def test_a_real_model_answers_what_is_typed_and_escape_follows_the_example_again() -> None:
    corpus = corpus_of("the cat sat on the mat.\n" * 30)
    engine = EngineThread()
    engine.start()
    try:
        engine.send(Start(Recipe(corpus="own", context=4, hidden=8, embedding=4, batch=4), corpus))
        engine.send(Step())
        app = Host()
        async with app.run_test(size=TAB) as pilot:
            followed = engine.settled(20)
            app.pane.show(followed)
            await pilot.pause()
            assert followed.example is not None
            context = corpus.vocabulary.decode(followed.example.context).replace(" ", "␣").replace("\n", "⏎")
            assert app.line("context").startswith(f"after {context} comes ")
            assert "?" not in app.line("context")
            app.pane.focus_question()
            await pilot.press("o", "n")
            assert app.commands == [Ask("o"), Ask("on")]
            engine.send(app.commands[-1])
            app.pane.show(engine.settled(20))
            await pilot.pause()
            assert app.line("context") == "after ␣␣on comes ?"
            assert "filled up on the left with 2 x space" in app.line("note")
            await pilot.press("escape")
            assert app.commands[2:] == [Ask(None)]
            assert app.question.value == ""
            assert app.query_one(Bars).has_focus
            engine.send(app.commands[-1])
            app.pane.show(engine.settled(20))
            await pilot.pause()
            assert app.line("context").startswith(f"after {context} comes ")
            assert not app.query_one("#distribution-note").display
    finally:
        engine.close()


async def test_a_question_that_is_emptied_follows_the_example_and_asks_nothing_more() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        app.pane.focus_question()
        await pilot.press("a", "backspace", "escape", "escape")
        assert app.commands == [Ask("a"), Ask(None)]


async def test_enter_leaves_the_line_and_the_question_stands() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        app.pane.focus_question()
        await pilot.press("d", "a", "enter", "a")
        assert app.query_one(Bars).has_focus
        assert app.question.value == "da"
        assert app.commands == [Ask("d"), Ask("da")]
        assert [row[0] for row in app.bars] == ["a", "b", "c", "d"]  # the last a was the pane's key
        await pilot.press("escape")
        assert app.commands[2:] == [Ask(None)]


async def test_a_question_outlives_the_run_it_was_asked_in() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        app.pane.focus_question()
        await pilot.press("d")
        app.pane.show(expecting(ABC, EIGHTHS, "ac", "c"))  # the answer is on its way: not asked twice
        app.pane.show(expecting(ABC, EIGHTHS, "dd", None))
        await pilot.pause()
        assert app.commands == [Ask("d")]
        for _ in range(2):
            app.pane.show(expecting(ABC, EIGHTHS, "ba", "d"))  # a new run follows its own example
            await pilot.pause()
        assert app.commands == [Ask("d"), Ask("d")]


async def test_line_feeds_and_tabs_can_be_asked_about() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(corpus_of("ab\n\t c"), {"a": 1.0}, "ab", "c"))
        app.pane.focus_question()
        await pilot.press("a", "ctrl+j")
        assert app.question.value == "a⏎"
        assert app.commands[-1] == Ask("a\n")
        app.question.post_message(events.Paste("b\n\tc␣"))
        await pilot.pause()
        assert app.question.value == "a⏎b⏎⇥c␣"
        assert app.commands[-1] == Ask("a\nb\n\tc ")


async def test_a_return_sign_is_itself_where_the_text_has_it() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(corpus_of("ab⏎\n"), {"a": 1.0}, "ab", "a"))
        app.pane.focus_question()
        app.question.post_message(events.Paste("⏎"))
        await pilot.pause()
        assert app.commands == [Ask("⏎")]


async def test_nothing_that_is_pasted_can_take_over_the_terminal_or_grow_without_end() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        app.pane.focus_question()
        app.question.post_message(events.Paste(HOSTILE))
        await pilot.pause()
        assert app.question.value == "[/]␛]0;title␇[red]··\N{REPLACEMENT CHARACTER}⏎⇥ "
        app.copy_to_clipboard("\x1b[2J")
        await pilot.press("ctrl+v")
        assert "\x1b" not in app.question.value
        app.question.post_message(events.Paste("x" * 1_000_000 + "end"))
        await pilot.pause()
        assert len(app.question.value) == LONGEST
        assert app.question.value.endswith("end")
        command = app.commands[-1]
        assert isinstance(command, Ask)
        assert command.context is not None
        assert len(command.context) == LONGEST


async def test_pasting_replaces_what_is_selected() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.focus_question()
        await pilot.press("a", "b", "c", "shift+left", "shift+left")
        app.question.post_message(events.Paste("z"))
        await pilot.pause()
        assert app.question.value == "az"


async def test_the_note_and_every_character_of_a_hostile_text_are_shown_as_text() -> None:
    corpus = corpus_of("".join(sorted(set(HOSTILE))))
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        for note in (HOSTILE, "", "[bold]refused[/bold]"):
            app.pane.show(expecting(corpus, {}, "[/]\x1b", "\x1b", note))
            await pilot.pause()
            assert app.query_one("#distribution-note").display == bool(note)
            seen = "\n".join([*app.bars, app.line("context"), app.line("note"), app.line("facts")])
            assert not any(ord(character) < 32 and character != "\n" for character in seen)
            assert not {"\x1b", "\x9b", "\u202e", "\u200b"} & set(seen)
        assert app.line("note") == "[bold]refused[/bold]"
        assert app.line("context") == "after [/]␛ comes ␛"
        await pilot.press("a")
        assert "U+001B" in next(row for row in app.bars if row.startswith("␛"))


async def test_scores_that_are_not_finite_are_missing_not_zero() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        good = expecting(ABC, EIGHTHS, "ab", "c")
        assert good.next_character is not None
        for bad in (np.nan, np.inf):
            said = dataclasses.replace(good.next_character, logits=np.array([0.0, bad, 1.0, 2.0]))
            app.pane.show(dataclasses.replace(good, next_character=said))
            app.pane.show_sampling(Sampling(temperature=0.5))
            await pilot.pause()
            assert all("%" not in row and "–" in row for row in app.bars)
            assert app.line("facts").count("–") == 2


async def test_what_a_model_held_for_impossible_surprises_without_end() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        snapshot = expecting(ABC, EIGHTHS, "ab", "d")
        assert snapshot.next_character is not None
        said = dataclasses.replace(snapshot.next_character, logits=np.array([0.0, 0.0, -np.inf, -np.inf]))
        app.pane.show(dataclasses.replace(snapshot, next_character=said))
        await pilot.pause()
        assert [row.split()[-1] for row in app.bars[:3]] == ["50.0%", "50.0%", "0.0%"]
        assert app.line("facts").split()[:3] == ["entropy", "1.000", "bits"]
        assert "surprise      ∞ bits, rank" in app.line("facts")


async def test_an_answer_about_another_text_is_not_mixed_up_with_this_one() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        old = expecting(ABC, EIGHTHS, "ab", "c").next_character
        app.pane.show(Snapshot(corpus=corpus_of("xyz"), next_character=old))
        await pilot.pause()
        assert app.bars == [NO_TEXT]
        assert app.line("context") == ""


async def test_a_new_note_alone_is_drawn() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", None, "one"))
        app.pane.show(expecting(ABC, EIGHTHS, "ab", None, "two"))
        await pilot.pause()
        assert app.line("note") == "two"


@pytest.mark.parametrize("size", [(10, 6), (20, 10), (30, 12), GRID, TAB, (200, 60)])
async def test_no_size_breaks_the_pane(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "abcd" * 4, "c", "a note of some length " * 9))
        app.pane.focus_question()
        await pilot.press("a", "b", "ctrl+j", "enter", "a", "down", "escape")
        await pilot.pause()
        assert app.commands[-1] == Ask(None)


async def test_with_a_note_and_the_smallest_pane_there_is_still_room_for_bars() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", None, "a note of some length " * 40))
        await pilot.pause()
        assert len(app.bars) == 4
        assert app.query_one("#distribution-facts").size.height == 2
        assert app.question.size.height == 1


# Those one compares with.

KNESER_NEY, UNIGRAM = Rival("kneser-ney", 5), Rival("unigram", 1)


def beside(snapshot: Snapshot, **shares: list[float] | None) -> Snapshot:
    """The same with rivals that give a, b, c and d these shares, None while they are reading."""
    names = {"kneser_ney": KNESER_NEY, "unigram": UNIGRAM}
    with np.errstate(divide="ignore"):  # no share at all has no finite logarithm
        views = tuple(
            RivalView(names[name], None, None if p is None else np.log(np.array(p)))
            for name, p in shares.items()
        )
    return dataclasses.replace(snapshot, rivals=views, recipe=Recipe())


async def test_a_rival_has_a_second_bar_and_a_number_beside_each_and_a_legend_says_whose() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(beside(expecting(ABC, EIGHTHS, "ab", "c"), kneser_ney=[0.5, 0.25, 0.125, 0.125]))
        await pilot.pause()
        assert app.line("rival").startswith("█ mlp  ━ kneser-ney 5 3.000 bits")
        rows = [row.replace("◀ true", "").split() for row in app.bars]
        assert [row[0] for row in rows] == ["b", "c", "a", "d"]  # the model's own order
        numbers = [[cell for cell in row if cell.endswith("%")] for row in rows]
        assert numbers == [["50.0%", "25.0%"], ["25.0%", "12.5%"], ["12.5%", "50.0%"], ["12.5%", "12.5%"]]
        longest = max(app.bars, key=lambda row: row.count("━"))
        assert longest.startswith("a")
        assert all("━" in row and "█" in row for row in app.bars)


@pytest.mark.parametrize("size", [GRID, TAB, (34, 12)])
async def test_v_goes_round_the_rivals_and_to_none(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        both = beside(expecting(ABC, EIGHTHS, "ab", "c"), kneser_ney=[0.25] * 4, unigram=[0.4, 0.3, 0.2, 0.1])
        app.pane.show(both)
        await pilot.pause()
        seen = []
        for _ in range(4):
            legend = app.query_one("#distribution-rival", Static)
            seen.append(str(legend.render()).partition("━ ")[2].split(" ")[0] if legend.display else "")
            assert any("━" in row for row in app.bars) == legend.display
            await pilot.press("v")
            await pilot.pause()
        assert seen == ["kneser-ney", "unigram", "", "kneser-ney"]


async def test_a_rival_that_is_reading_is_shown_as_missing_and_comes_in_when_it_is_done() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        plain = expecting(ABC, EIGHTHS, "ab", "c")
        app.pane.show(beside(plain, kneser_ney=None))
        await pilot.pause()
        assert "reading" in app.line("rival")
        assert all("–" in row and "━" not in row for row in app.bars)
        app.pane.show(beside(plain, kneser_ney=[1, 0, 0, 0]))
        await pilot.pause()
        assert "∞ bits" in app.line("rival")  # it held the true one for impossible
        assert [row.count("━") > 0 for row in app.bars] == [False, False, True, False]
        app.pane.show(plain)
        await pilot.pause()
        assert not app.query_one("#distribution-rival").display


async def test_v_without_anybody_to_compare_with_says_which_key_chooses_them() -> None:
    app = Host()
    async with app.run_test(size=TAB, notifications=True) as pilot:
        app.pane.show(expecting(ABC, EIGHTHS, "ab", "c"))
        await pilot.press("v")
        await pilot.pause()
        assert [note.message for note in app._notifications] == ["m chooses models to compare with"]


async def test_every_binding_has_an_id_of_its_own_and_a_tooltip() -> None:
    bindings = [b for b in (*DistributionPane.BINDINGS, *Question.BINDINGS) if not isinstance(b, tuple)]
    assert {b.id for b in bindings} == {
        "distribution.order",
        "distribution.rival",
        "distribution.follow",
        "question.line-feed",
    }
    assert all(b.tooltip for b in bindings)
