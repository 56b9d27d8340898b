"""The generation console: what it asks for, what it shows, and that it stays out of the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.filter import NoColor
from textual.widgets import Input

import tui.panes.console
from corpora.corpus import Corpus, Origin
from engine.commands import Generate, Start
from engine.sampling import Sampling, UnknownPolicy
from engine.snapshot import Sample, SampleState, Snapshot
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from tui.keys import BINDINGS
from tui.messages import EngineCommand, SamplingChanged
from tui.panes.console import ConsolePane, unescaped
from tui.panes.sample_list import SampleList
from tui.widgets.slider import Slider
from tui.widgets.tick import Tick

SHEET = Path(tui.panes.console.__file__).with_suffix(".tcss")
GRID, TAB = (40, 20), (80, 20)
CORPUS = Corpus.from_text("a text", "abcdefgh \n" * 30, origin=Origin.OWN, source="typed")
SMALL = Recipe(hidden=8, embedding=4, context=4, batch=1)
HOSTILE = "[/] [@click=app.quit]x[/] \x1b]0;title\x07 \u202eevil 👩\u200d👧 e\u0301 漢字\t\u2028"


class Host(App[None]):
    CSS_PATH = SHEET
    BINDINGS: ClassVar[list[BindingType]] = [*BINDINGS]

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Generate] = []
        self.samplings: list[Sampling] = []

    def compose(self) -> ComposeResult:
        yield ConsolePane()

    def on_mount(self) -> None:
        self.pane.focus_first()

    def on_engine_command(self, message: EngineCommand) -> None:
        assert isinstance(message.command, Generate)
        self.commands.append(message.command)

    def on_sampling_changed(self, message: SamplingChanged) -> None:
        self.samplings.append(message.sampling)

    def action_generate(self) -> None:
        self.pane.generate()

    @property
    def pane(self) -> ConsolePane:
        return self.query_one(ConsolePane)

    @property
    def texts(self) -> SampleList:
        return self.query_one(SampleList)

    @property
    def rows(self) -> list[str]:
        """What the list shows, without the blanks at the right."""
        return [self.texts.render_line(y).text.rstrip() for y in range(self.texts.size.height)]

    def slider(self, label: str) -> Slider:
        return next(slider for slider in self.query(Slider) if slider.label == label)

    def tick(self, word: str) -> Tick:
        return next(tick for tick in self.query(Tick) if word in tick.label)


def sample(
    number: int, text: str = "abc", *, step: int = 1000, prompt: str = "", **changes: object
) -> Sample:
    """A finished text, each character of which surprised by 1 bit."""
    request = Generate(prompt, max(len(text), 1), seed=number)
    made = Sample(number, step, request, SampleState.DONE, text, (1.0,) * len(text))
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type] # the fields of a sample


def shown(samples: Iterable[Sample] = (), corpus: Corpus | None = CORPUS) -> Snapshot:
    return Snapshot(corpus=corpus, samples=tuple(samples))


async def test_enter_in_the_prompt_asks_for_a_text_as_the_controls_stand() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        await pilot.press("i", *"abc", "backslash", "n", "enter")
        await pilot.pause()
        assert app.commands == [Generate("abc\n", 300, Sampling(), 0, UnknownPolicy.REFUSE)]


async def test_the_key_of_the_app_writes_from_the_list_of_texts() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        await pilot.press("g")
        await pilot.pause()
        assert [command.prompt for command in app.commands] == [""]


async def test_each_text_has_the_next_seed_unless_it_is_held() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        await pilot.press("g", "g", "S", "g", "g")
        await pilot.pause()
        assert [command.seed for command in app.commands] == [0, 1, 2, 2]
        assert app.query_one("#console-seed", Input).value == "2"


async def test_the_fields_take_whole_numbers_in_range_and_nothing_else() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        length, seed = app.query_one("#console-length", Input), app.query_one("#console-seed", Input)
        length.focus()
        await pilot.press("end", *["backspace"] * 3, "0", "x", *"12", "enter")
        assert length.value == "12"
        assert app.focused is app.texts
        seed.focus()
        await pilot.press("end", "backspace", "minus", *"34", "escape")
        for field, digits in ((length, "000"), (length, "0000"), (seed, "0" * 16), (seed, "0" * 17)):
            field.insert(digits, len(field.value))
        await pilot.press("g")
        await pilot.pause()
        assert (app.commands[0].length, app.commands[0].seed) == (12_000, 34 * 10**16)


async def test_empty_fields_stand_for_what_they_show() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        for name in ("#console-length", "#console-seed"):
            app.query_one(name, Input).value = ""
        await pilot.press("g")
        await pilot.pause()
        assert (app.commands[0].length, app.commands[0].seed) == (300, 0)


async def test_unknown_characters_are_replaced_once_that_is_ticked() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        await pilot.press("u", "g")
        app.tick("unknown").focus()
        await pilot.press("enter")
        await pilot.click(app.tick("unknown"))
        await pilot.press("g")
        await pilot.pause()
        assert [command.unknown for command in app.commands] == [UnknownPolicy.REPLACE] * 2


async def test_every_turn_of_a_slider_is_told_at_once() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        for label in ("temperature", "top-k", "top-p"):
            app.slider(label).focus()
            await pilot.press("l" if label == "top-k" else "h")
        await pilot.pause()
        assert app.samplings == [
            Sampling(temperature=0.95),
            Sampling(temperature=0.95, top_k=1),
            Sampling(temperature=0.95, top_k=1, top_p=0.95),
        ]
        await pilot.press("g")
        await pilot.pause()
        assert app.commands[0].sampling == app.samplings[-1]


async def test_the_sliders_go_from_greedy_and_off_to_their_ends() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        ends = {}
        for label in ("temperature", "top-k", "top-p"):
            app.slider(label).focus()
            await pilot.press("home")
            low = app.slider(label).text
            await pilot.press("end")
            ends[label] = (low, app.slider(label).text)
        assert ends == {"temperature": ("greedy", "2.00"), "top-k": ("off", "10"), "top-p": ("0.05", "off")}


async def test_top_k_ends_at_the_vocabulary_of_the_text_and_at_a_hundred() -> None:
    app = Host()
    many = Corpus.from_text(
        "many", "".join(map(chr, range(0x4E00, 0x4F00))), origin=Origin.OWN, source="typed"
    )
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown(corpus=many))
        app.slider("top-k").focus()
        await pilot.press("end")
        await pilot.pause()
        assert app.samplings[-1].top_k == 100
        app.pane.show(shown())
        await pilot.pause()
        assert app.samplings[-1].top_k == len(CORPUS.vocabulary) == 10


async def test_a_sampling_set_elsewhere_is_followed_without_an_echo() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        app.pane.show_sampling(Sampling(temperature=0.5, top_k=3, top_p=0.9))
        await pilot.pause()
        assert app.pane.sampling == Sampling(temperature=0.5, top_k=3, top_p=0.9)
        assert app.samplings == []


async def test_the_temperature_is_nudged_and_stays_in_its_limits() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        for delta in (0.05, 0.05, -0.05, 9.0, -99.0):
            app.pane.nudge_temperature(delta)
            await pilot.pause()
        assert [sampling.temperature for sampling in app.samplings] == [1.05, 1.1, 1.05, 2.0, 0.0]


async def test_without_a_text_nothing_is_asked_and_the_way_is_shown() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown(corpus=None))
        await pilot.press("g")
        await pilot.pause()
        assert app.commands == []
        assert "o opens a text." in " ".join(app.rows)
        app.pane.show(shown())
        await pilot.pause()
        assert "g lets the model write" in " ".join(app.rows)
        app.pane.show(shown([sample(1)]))
        await pilot.pause()
        assert "g lets the model write" not in " ".join(app.rows)


async def test_a_hint_names_the_key_as_it_is_remapped() -> None:
    app = Host()
    app.set_keymap({"generate.start": "f7"})
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown())
        await pilot.pause()
        assert app.rows[0].startswith("f7 lets the model write")


async def test_a_text_is_stamped_with_all_that_writes_it_again() -> None:
    app = Host()
    request = Generate("", 3, Sampling(temperature=0.8, top_k=40, top_p=0.9), 7)
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(shown([sample(3, "abc", step=1200, request=request, surprises=(1.0, 2.0, 6.0))]))
        await pilot.pause()
        assert app.rows[:2] == [
            "#3 · step 1,200 · done · T=0.80 · k=40 · p=0.90 · seed 7 · 3.00 bits/char",
            "abc",
        ]


async def test_the_stamp_leaves_out_what_is_off_and_says_greedy() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        greedy = Generate("", 3, Sampling(temperature=0), 7)
        app.pane.show(shown([sample(3, "", request=greedy, state=SampleState.STOPPED)]))
        await pilot.pause()
        assert app.rows[0] == "#3 · step 1,000 · stopped · greedy · seed 7"


async def test_a_refused_prompt_says_why() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        refused = sample(1, "", prompt="é", state=SampleState.REFUSED, note="'é' [/] is unknown")
        app.pane.show(shown([refused]))
        await pilot.pause()
        assert app.rows[0].startswith("#1 · step 1,000 · refused")
        assert app.rows[1:3] == ["'é' [/] is unknown", "é"]


async def test_the_same_note_is_said_once() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(shown([sample(1, note="padded"), sample(2, note="padded"), sample(3, note="other")]))
        await pilot.pause()
        assert (app.rows.count("padded"), app.rows.count("other")) == (1, 1)


@pytest.mark.parametrize(("step", "words"), [(0, "untrained: every"), (50, "after 50 steps"), (5000, "")])
async def test_an_early_text_says_that_noise_is_normal(step: int, words: str) -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(shown([sample(1, step=step)]))
        await pilot.pause()
        assert app.rows[2].startswith(words)
        assert bool(app.rows[2]) is bool(words)
        app.pane.show(shown([sample(2, step=step, author="ngram")]))  # which has read the whole text by then
        await pilot.pause()
        assert app.rows[0].startswith("#2 · ngram · step")
        assert not any("noise" in row or "untrained" in row for row in app.rows)


async def test_newlines_are_kept_and_each_line_fits_the_pane() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown([sample(1, "first\nsecond " + "word " * 10, prompt="a\n")]))
        await pilot.pause()
        start = app.rows.index("a⏎")
        assert app.rows[start + 1 : start + 4] == [
            "first⏎",
            "second word word word word word",
            "word word word word word",
        ]


async def test_the_hotter_the_ground_the_more_surprising_the_character() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(shown([sample(1, "ab", prompt="p", surprises=(0.1, 9.0))]))
        await pilot.pause()
        grounds = {
            character: segment.style and segment.style.bgcolor
            for segment in app.texts.render_line(1)
            for character in segment.text
        }
        assert grounds["p"] == grounds["a"] != grounds["b"]


async def test_a_growing_text_reads_as_if_it_had_come_at_once() -> None:
    text = "abc def\n" * 9 + HOSTILE + "ghi " * 30
    growing, whole = Host(), Host()
    async with growing.run_test(size=GRID) as pilot:
        for stop in (0, 1, 7, 8, 50, 100, 101, len(text)):
            part = sample(1, text[:stop], request=Generate("ab", len(text)), state=SampleState.WRITING)
            growing.pane.show(shown([part]))
            await pilot.pause()
        assert str(growing.pane.border_subtitle) == f"writing {len(text)} of {len(text)}"
        growing.pane.show(shown([sample(1, text, request=Generate("ab", len(text)))]))
        await pilot.pause()
        rows = growing.rows
        assert str(growing.pane.border_subtitle) == "1 text"
    async with whole.run_test(size=GRID) as pilot:
        whole.pane.show(shown([sample(1, text, request=Generate("ab", len(text)))]))
        await pilot.pause()
        assert whole.rows == rows


async def test_it_follows_the_newest_until_the_person_looks_elsewhere() -> None:
    app = Host()
    texts = [sample(n, f"text {n}") for n in range(1, 30)]
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown(texts[:20]))
        await pilot.pause()
        assert "text 20" in app.rows
        app.pane.show(shown(texts[:21]))
        await pilot.pause()
        assert "text 21" in app.rows
        app.texts.scroll_to(y=3, animate=False)
        await pilot.pause()
        seen = app.rows
        app.pane.show(shown(texts[:22]))
        await pilot.pause()
        assert app.rows == seen
        app.pane.show(shown(texts[2:24]))  # the oldest two have gone: only what is seen of them moves
        await pilot.pause()
        app.texts.scroll_to(y=40, animate=False)
        await pilot.pause()
        seen = app.rows
        app.pane.show(shown(texts[5:25]))
        await pilot.pause()
        assert app.rows == seen
        await pilot.press("G")
        await pilot.pause()
        assert "text 25" in app.rows
        app.pane.show(shown(texts[5:26]))
        await pilot.pause()
        assert "text 26" in app.rows


async def test_j_and_k_select_and_the_selected_text_is_what_is_copied() -> None:
    app = Host()
    texts = [sample(n, f"text {n}", prompt="p ") for n in range(1, 10)]
    async with app.run_test(size=GRID) as pilot:
        assert app.pane.selected_text() is None
        app.pane.show(shown(texts))
        await pilot.pause()
        assert app.pane.selected_text() == "p text 9"
        await pilot.press("k", "k")
        assert app.pane.selected_text() == "p text 7"
        assert any(row.startswith("▶7") for row in app.rows)
        await pilot.press("j")
        assert app.pane.selected_text() == "p text 8"
        app.pane.show(shown([*texts, sample(10)]))
        assert app.pane.selected_text() == "p text 8"
        await pilot.press(*["k"] * 8)
        assert app.pane.selected_text() == "p text 1"
        assert app.rows[0].startswith("▶1 ")
        await pilot.press("end")
        assert app.pane.selected_text() == "abc"
        assert not any(row.startswith("▶") for row in app.rows)
        app.pane.show(shown(texts[:1]))
        await pilot.press("j", "k")
        assert app.pane.selected_text() == "p text 1"


async def test_a_click_selects_the_text_under_it() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(shown([sample(1, "one"), sample(2, "two")]))
        await pilot.pause()
        await pilot.click(SampleList, offset=(2, app.rows.index("one")))
        assert app.pane.selected_text() == "one"


async def test_asking_for_a_text_goes_back_to_the_newest() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown([sample(n, f"text {n}") for n in range(1, 20)]))
        await pilot.pause()
        await pilot.press(*["k"] * 5, "g")
        await pilot.pause()
        assert app.pane.selected_text() == "text 19"
        assert "text 19" in app.rows


async def test_only_rows_that_can_be_seen_are_drawn_and_only_once() -> None:
    app = Host()
    texts = [sample(n, "abcdefgh " * 300) for n in range(1, 101)]
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(shown(texts))
        await pilot.pause()
        blocks = app.texts._blocks
        assert sum(len(block.strips) for block in blocks) <= 2 * app.texts.size.height
        drawn = dict(blocks[-1].strips)
        writing = sample(101, "ab", state=SampleState.WRITING)
        app.pane.show(shown([*texts, writing]))
        await pilot.pause()
        assert app.texts._blocks[:100] == blocks
        assert all(blocks[-1].strips[row] is strip for row, strip in drawn.items())


@pytest.mark.parametrize("size", [GRID, TAB, (20, 12), (10, 8), (140, 42), (3, 3)])
async def test_hostile_texts_are_shown_harmlessly_at_any_size(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        app.pane.show(shown([sample(1, HOSTILE, prompt=HOSTILE, note=HOSTILE, step=0)]))
        await pilot.press("k")
        await pilot.pause()
        for row in app.rows:
            assert row.isprintable(), row
            assert len(row) <= size[0]
        await pilot.resize_terminal(30, 15)
        await pilot.pause()
        assert "[/]" in " ".join(app.rows) or "[@click" in " ".join(app.rows)


@pytest.mark.parametrize("size", [GRID, TAB])
async def test_every_control_is_whole_at_both_sizes(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        app.pane.show(shown())
        await pilot.pause()
        inside = app.pane.content_region
        for widget in app.query("Input, Slider, Tick, Label"):
            assert inside.contains_region(widget.region), widget
        assert app.texts.size.height >= 13


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "nord", "ansi-dark"])
async def test_a_change_of_theme_redraws_what_stands(theme: str) -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.theme = "textual-dark" if theme != "textual-dark" else "gruvbox"
        app.pane.show(shown([sample(1, "ab", surprises=(9.0, 0.0))]))
        await pilot.pause()
        before = app.texts.render_line(1)
        app.theme = theme
        await pilot.pause()
        assert app.texts.render_line(1).text == before.text
        assert app.texts.render_line(1) != before


async def test_without_colour_the_hottest_and_the_selected_still_show(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(shown([sample(1, "ab", surprises=(0.0, 9.0))]))
        await pilot.press("k")
        await pilot.pause()
        bare = app.texts.render_line(1).apply_filter(NoColor(), app.texts.background_colors[1])
        bold = {segment.text: bool(segment.style and segment.style.bold) for segment in bare}
        assert (bold["a"], bold["b"]) == (False, True)
        assert app.rows[0].startswith("▶1")
        assert [tick.render().plain[0] for tick in app.query(Tick)] == ["☑", "☐"]


def test_escapes_say_what_a_line_cannot() -> None:
    assert unescaped(r"a\nb\tc\\n \x \ ") == "a\nb\tc\\n \\x \\ "


async def test_a_real_model_writes_what_is_asked_and_the_same_again() -> None:
    engine = EngineThread()
    engine.start()
    app = Host()
    try:
        async with app.run_test(size=GRID) as pilot:
            engine.send(Start(SMALL, CORPUS))
            app.pane.show(engine.settled(20))
            await pilot.press("S", "i", *"ab", "enter", "escape", "g")
            await pilot.pause()
            for command in app.commands:
                engine.send(command)
                while True:
                    snapshot = engine.settled(20)
                    if snapshot.samples and snapshot.samples[-1].state is SampleState.DONE:
                        break
            app.pane.show(snapshot)
            await pilot.pause()
            first, second = snapshot.samples
            assert len(first.text) == 300
            assert app.pane.selected_text() == "ab" + first.text == "ab" + second.text
            assert any(row.startswith("untrained") for row in app.rows)
            await pilot.press("i", "Z", "enter", "escape")
            await pilot.pause()
            engine.send(app.commands[-1])
            app.pane.show(engine.settled(20))
            await pilot.pause()
            assert "#3 · mlp · step 0 · refused" in " ".join(app.rows)
            assert "(U+005A)" in " ".join(app.rows)
    finally:
        engine.close()
