"""The stepper: the numbers of each phase, and finding one's way among the phases."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

import tui.panes.stepper
from corpora.corpus import Corpus, Origin
from engine.commands import Command, NextPhase, Rewind, Run, Start, Step
from engine.session import Session
from engine.snapshot import Layer, Phase, Snapshot, Status, Trace
from engine.training.recipe import Recipe
from engine.training.rules import RULES
from tui.panes.formulas import rule
from tui.panes.numerals import MISSING, column, plain, significant
from tui.panes.step_story import Story
from tui.panes.step_text import account
from tui.panes.stepper import Sections, StepperPane
from tui.text import visible

SHEET = Path(tui.panes.stepper.__file__).with_suffix(".tcss")
GRID, TAB = (64, 20), (80, 20)
CORPUS = Corpus.from_text("a text", "Abcdefgh ijk.\n" * 30, origin=Origin.OWN, source="typed")
HOSTILE = Corpus.from_text(
    "x", "[/]\x1b]0;\x07\u202e漢e\u0301 \t👩\u200d\n" * 20, origin=Origin.OWN, source="typed"
)
DEADLINE = 30.0
SMALL = Recipe(hidden=16, embedding=4, context=6, batch=4)


def snapshot_after(*commands: Command, recipe: Recipe = SMALL, corpus: Corpus = CORPUS) -> Snapshot:
    """What a real engine shows after these commands."""
    session = Session()
    for command in (Start(recipe, corpus), *commands):
        session.handle(command)
    return session.picture()


def story_of(snapshot: Snapshot, width: int = 60) -> Story:
    assert snapshot.trace is not None
    assert snapshot.corpus is not None
    assert snapshot.current is not None
    corpus = snapshot.corpus
    return Story(snapshot.trace, corpus.vocabulary, snapshot.current, len(corpus), width)


def told(phase: Phase, story: Story) -> str:
    return "\n".join(line.plain for line in account(phase, story))


def trace_of(snapshot: Snapshot) -> Trace:
    assert snapshot.trace is not None
    return snapshot.trace


DONE = snapshot_after(Step(3))
"""A whole step, the third."""


class Host(App[None]):
    CSS_PATH = SHEET

    def compose(self) -> ComposeResult:
        yield StepperPane()

    def on_mount(self) -> None:
        self.pane.focus_first()

    @property
    def pane(self) -> StepperPane:
        return self.query_one(StepperPane)

    @property
    def sections(self) -> Sections:
        return self.query_one(Sections)

    @property
    def phases(self) -> str:
        return str(self.query_one("#stepper-phases", Static).content)

    @property
    def shown(self) -> list[str]:
        """The accounts that are there, by the name of their phase."""
        return [str(phase) for phase in Phase if self.query_one(f"#stepper-{phase}").display]

    @property
    def chosen(self) -> list[str]:
        """The accounts whose heading is marked."""
        contents = {phase: str(self.query_one(f"#stepper-{phase}", Static).content) for phase in self.shown}
        return [phase for phase, text in contents.items() if text.startswith("▸")]

    @property
    def hint(self) -> str:
        return str(self.query_one("#stepper-primer", Static).content)

    def in_view(self, phase: str) -> bool:
        """Whether the heading of an account can be seen."""
        top = self.query_one(f"#stepper-{phase}").virtual_region.y
        return (
            self.sections.scroll_offset.y <= top < self.sections.scroll_offset.y + self.sections.size.height
        )


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Until something is so on the screen; a deadline that only a broken program reaches."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await pilot.pause(0.005)


# What is told.


def test_draw_shows_the_characters_that_stand_at_that_place() -> None:
    trace, text = trace_of(DONE), CORPUS.text
    lines = told(Phase.DRAW, story_of(DONE)).splitlines()
    assert f"{trace.example.position:,} of {len(text):,} characters, the first of 4 examples" in lines[0]
    window = text[trace.example.position : trace.example.position + 7]
    assert lines[1].split()[-6:] == [visible(character, space=True) for character in window[:6]]
    assert lines[2].split()[1:] == [str(i) for i in trace.example.context]
    assert lines[3].startswith("c7 ")
    assert lines[3].split()[1:4] == [visible(window[6], space=True), "id", f"{trace.example.target},"]


def test_a_long_context_shows_its_end_with_every_id_below_its_character() -> None:
    snapshot = snapshot_after(NextPhase(), recipe=SMALL.with_values(context=40))
    lines = told(Phase.DRAW, story_of(snapshot)).splitlines()
    example = trace_of(snapshot).example
    ids = lines[2].split("…")[1].split()
    assert 10 < len(ids) < 40
    assert ids == [str(i) for i in example.context[-len(ids) :]]
    assert len(lines[1]) == len(lines[2]) <= 60


def test_forward_shows_every_layer_with_its_formula_shapes_strip_and_dead_units() -> None:
    trace, text = trace_of(DONE), told(Phase.FORWARD, story_of(DONE))
    assert [line.split("  ")[0] for line in text.splitlines() if " = " in line and line[0] != " "][:3] == [
        "embedding",
        "hidden 1",
        "hidden 2",
    ]
    for layer in trace.layers:
        assert layer.formula in text
        assert layer.shapes in text
    for layer in trace.layers[1:]:
        assert f"{np.mean(layer.values == 0):.1%} dead" in text
    strips = [line for line in text.splitlines() if set(line) & set("▁▂▃▄▅▆▇█·") and "." not in line]
    assert len(strips) == 4  # three layers and the logits


def test_the_likeliest_characters_come_in_order_and_the_true_one_is_marked() -> None:
    trace = trace_of(DONE)
    assert trace.probabilities is not None
    rows = [line.split() for line in told(Phase.FORWARD, story_of(DONE)).splitlines()[-6:]]
    ranked = [row for row in rows if row[0].rstrip(".").isdecimal()]
    order = np.argsort(-trace.probabilities, kind="stable")
    for row in ranked:
        i = order[int(row[0][:-1]) - 1]
        assert row[1] == visible(CORPUS.vocabulary.characters[i], space=True)
        assert row[2] == significant(float(trace.probabilities[i]))
        assert (row[-1] == "true") == (i == trace.example.target)
    assert [row[0] for row in ranked[:5]] == ["1.", "2.", "3.", "4.", "5."]
    assert sum(row[-1] == "true" for row in ranked) == 1


@given(st.integers(0, len(CORPUS.vocabulary) - 1))
def test_the_true_character_is_listed_with_its_rank_wherever_it_stands(target: int) -> None:
    trace = trace_of(DONE)
    example = dataclasses.replace(trace.example, target=target)
    story = dataclasses.replace(story_of(DONE), trace=dataclasses.replace(trace, example=example))
    marked = [line for line in told(Phase.FORWARD, story).splitlines() if line.endswith(" true")]
    assert trace.probabilities is not None
    rank = 1 + int((trace.probabilities > trace.probabilities[target]).sum())
    assert len(marked) == 1
    assert marked[0].split()[0] == f"{rank}."


def test_loss_is_told_in_nats_and_bits_beside_the_batch_and_guessing() -> None:
    trace = trace_of(DONE)
    assert trace.probabilities is not None
    likely = float(trace.probabilities[trace.example.target])
    lines = told(Phase.LOSS, story_of(DONE)).splitlines()
    assert lines[0].endswith(f"= -log {significant(likely)}")
    numbers = {line.split()[0]: line.split()[1:3] for line in lines[2:]}
    assert numbers["example"] == [significant(-math.log(likely)), significant(-math.log2(likely))]
    assert trace.batch_loss is not None
    assert numbers["batch"] == [significant(trace.batch_loss), significant(trace.batch_loss / math.log(2))]
    size = len(CORPUS.vocabulary)
    assert numbers["guessing"] == [significant(math.log(size)), significant(math.log2(size))]
    assert "mean of 4 examples" in lines[3]


def test_a_batch_of_one_has_no_mean() -> None:
    assert "batch" not in told(
        Phase.LOSS, story_of(snapshot_after(Step(), recipe=SMALL.with_values(batch=1)))
    )


def test_backward_shows_each_norm_and_that_of_all_which_is_the_root_of_their_squares() -> None:
    trace = trace_of(DONE)
    lines = told(Phase.BACKWARD, story_of(DONE)).splitlines()
    rows = {line[:18].rstrip(): line[18:28].strip() for line in lines[2:]}
    for name, norm in trace.gradient_norms:
        readable = name.replace("hidden.0", "hidden 1").replace("hidden.1", "hidden 2").replace(".", " ")
        assert rows[readable] == significant(norm)
    together = math.sqrt(sum(norm**2 for _, norm in trace.gradient_norms))
    assert float(rows["all together"]) == pytest.approx(together, rel=1e-3)
    assert lines[-1].split() == ["clipping", "off"]
    longest = max(lines[2:], key=lambda line: line.count("█"))
    assert longest.startswith(max(trace.gradient_norms, key=lambda pair: pair[1])[0].split(".")[0])


def test_clipping_says_what_is_due_and_then_what_it_did() -> None:
    clipped = SMALL.with_values(clip_norm=0.01, clip_value=0.02)
    before = told(Phase.BACKWARD, story_of(snapshot_after(*[NextPhase()] * 4, recipe=clipped)))
    assert "entries to ±0.02   norm to 0.01" in before
    assert "before the update" in before
    after = snapshot_after(Step(), recipe=clipped)
    parts = trace_of(after).clipped.split(", ")
    assert len(parts) == 2
    assert all(part in told(Phase.BACKWARD, story_of(after)) for part in parts)
    loose = snapshot_after(Step(), recipe=SMALL.with_values(clip_norm=1e6))
    assert "norm to 1e+06   nothing to cut" in told(Phase.BACKWARD, story_of(loose))


@pytest.mark.parametrize(
    ("recipe", "form"),
    [
        (SMALL, ["θ ← θ - 0.1000 · g"]),
        (SMALL.with_values(momentum=0.9), ["v ← 0.9 v + g", "θ ← θ - 0.1000 · v"]),
        (SMALL.with_values(optimizer="adam", rate=0.003), ["θ ← θ - 0.003000 · m / (√v + ε)"]),
    ],
)
def test_update_is_written_in_the_optimizers_own_form(recipe: Recipe, form: Sequence[str]) -> None:
    text = told(Phase.UPDATE, story_of(snapshot_after(Step(), recipe=recipe)))
    assert all(rule in text for rule in form)


@pytest.mark.parametrize(
    ("line", "forms"),
    [
        ("", ["θ ← θ - r · g"]),
        ("weight_decay=0.01", ["g ← g + 0.01 θ", "θ ← θ - r · g"]),
        ("optimizer=nesterov momentum=0.9", ["v ← 0.9 v + g", "θ ← θ - r · (g + 0.9 v)"]),
        ("optimizer=adagrad", ["s ← s + g²", "θ ← θ - r · g / (√s + ε)"]),
        ("optimizer=rmsprop", ["s: running mean of g²", "θ ← θ - r · g / (√s + ε)"]),
        ("optimizer=adam weight_decay=0.1", ["g ← g + 0.1 θ", "m, v: running means of g and g², unbiased",
                                             "θ ← θ - r · m / (√v + ε)"]),
        ("optimizer=adamw weight_decay=0.1", ["m, v: running means of g and g², unbiased",
                                              "θ ← θ - r · m / (√v + ε) - r · 0.1 θ"]),
        ("model=kneser-ney", ["n(context, c) ← n(context, c) + 1"]),
    ],
)  # fmt: skip
def test_every_rule_by_which_a_model_learns_has_its_form(line: str, forms: Sequence[str]) -> None:
    assert [formula for _, formula in rule(Recipe.parse(line), "r")] == forms


@pytest.mark.parametrize("optimizer", RULES["optimizer"].choices)
def test_every_optimizer_is_called_by_its_name(optimizer: str) -> None:
    momentum = 0.9 if optimizer == "nesterov" else 0
    assert optimizer in [name for name, _ in rule(Recipe(optimizer=optimizer, momentum=momentum), "r")]


@pytest.mark.parametrize(
    ("model", "batch", "words"),
    [
        ("mlp", 4, "mean of 4 examples"),
        ("lstm", 4, "mean of 4 × 6 places"),
        ("transformer", 1, "mean of 6 places"),
    ],
)
def test_the_loss_of_a_batch_says_of_how_many_targets_it_is_the_mean(
    model: str, batch: int, words: str
) -> None:
    story = dataclasses.replace(
        story_of(DONE), recipe=Recipe(model=model), trace=dataclasses.replace(trace_of(DONE), batch=batch)
    )
    batch_line = next(line for line in told(Phase.LOSS, story).splitlines() if line.startswith("batch"))
    assert batch_line.endswith(words)


LONG = "y = x + Wo [head1; ...; head4] + bo, x' = y + W2 gelu(W1 LN(y) + b1) + b2"


def test_a_formula_too_long_for_a_line_is_broken_at_its_blanks_and_keeps_every_sign() -> None:
    block = Layer("block.0", LONG, "12 arrays -> (4,)", np.arange(4.0), None)
    story = dataclasses.replace(story_of(DONE), trace=dataclasses.replace(trace_of(DONE), layers=(block,)))
    lines = told(Phase.FORWARD, story).splitlines()
    assert lines[0] == "block 1    y = x + Wo [head1; ...; head4] + bo,"
    assert lines[1].split(" = ")[0].strip() == "x'"
    upto = next(index for index, line in enumerate(lines) if "12 arrays" in line) + 1
    assert " ".join(" ".join(lines[:upto]).split()) == f"block 1 {LONG} 12 arrays -> (4,)"


def test_blocks_that_are_alike_refer_to_the_first_and_their_names_have_the_room_they_need() -> None:
    blocks = [Layer(name, LONG, "", np.arange(4.0), None) for name in ("block.0", "block.1.a_long_name")]
    story = dataclasses.replace(
        story_of(DONE), trace=dataclasses.replace(trace_of(DONE), layers=tuple(blocks))
    )
    lines = told(Phase.FORWARD, story).splitlines()
    second = next(line for line in lines if line.startswith("block 2"))
    assert second.rstrip() == "block 2 a long name as block 1"
    assert lines[0].index("y = ") == second.index("as block 1")
    assert "\n".join(lines).count("Wo") == 1


def test_long_names_of_arrays_have_their_numbers_in_one_column_still() -> None:
    names = ["embedding.weight", "block.0.feed_forward.inner.weight", "output.bias"]
    trace = dataclasses.replace(trace_of(DONE), gradient_norms=tuple((name, 1.5) for name in names))
    lines = told(Phase.BACKWARD, dataclasses.replace(story_of(DONE, width=64), trace=trace)).splitlines()
    rows = [line for line in lines if "1.500" in line]
    assert len({line.index("1.500") for line in rows}) == 1
    assert rows[1].startswith("block 1 feed forward inner weight ")


def test_update_shows_the_ratios_and_how_likely_the_true_character_became() -> None:
    trace = trace_of(DONE)
    lines = told(Phase.UPDATE, story_of(DONE)).splitlines()
    rows = {line[:18].rstrip(): line[18:].split() for line in lines[2:]}
    ratios = dict(trace.ratios)
    assert rows["output weight"][0] == significant(ratios["output.weight"])
    assert rows["output weight"][1] == "healthy"
    assert rows["output bias"][1:] == []  # too young to be judged
    assert trace.before is not None
    assert trace.after is not None
    arrow = "↑" if trace.after > trace.before else "↓"
    sentence = f"{significant(trace.before)} → {significant(trace.after)} {arrow} for"
    assert any(sentence in line for line in lines)


@pytest.mark.parametrize(
    ("ratio", "word"),
    [(1e-5, "slow"), (1e-3, "healthy"), (0.5, "fast"), (0.0, "not moved"), (None, "all zero")],
)
def test_a_ratio_is_judged_by_the_rule_of_thumb(ratio: float | None, word: str) -> None:
    trace = dataclasses.replace(trace_of(DONE), ratios=(("output.weight", ratio),))
    story = dataclasses.replace(story_of(DONE), trace=trace)
    assert next(line for line in told(Phase.UPDATE, story).splitlines() if "output" in line).endswith(word)


@pytest.mark.parametrize(("batch", "words"), [(4, "the other 3 examples"), (1, "too long")])
def test_a_step_that_made_the_truth_less_likely_says_why(batch: int, words: str) -> None:
    trace = dataclasses.replace(trace_of(DONE), batch=batch, before=0.5, after=0.25)
    text = told(Phase.UPDATE, dataclasses.replace(story_of(DONE), trace=trace))
    assert "0.5000 → 0.2500 ↓" in text
    assert words in text


def test_what_was_not_watched_is_a_dash_or_said_in_words() -> None:
    bare = Trace(7, Phase.UPDATE, trace_of(DONE).example, 4)
    story = dataclasses.replace(story_of(DONE), trace=bare)
    assert "not watched" in told(Phase.FORWARD, story)
    assert told(Phase.LOSS, story).splitlines()[2].split() == ["example", MISSING, MISSING]
    assert told(Phase.BACKWARD, story).splitlines()[-2].split() == ["all", "together", MISSING]
    assert f"{MISSING} → {MISSING}" in told(Phase.UPDATE, story)


def test_a_loss_without_bounds_is_shown_so() -> None:
    trace = dataclasses.replace(
        trace_of(DONE), loss=math.inf, gradient_norms=(("a.weight", math.inf), ("b.weight", math.nan))
    )
    story = dataclasses.replace(story_of(DONE), trace=trace)
    assert told(Phase.LOSS, story).splitlines()[2].split()[1:3] == ["∞", "∞"]
    assert [line.split()[-1] for line in told(Phase.BACKWARD, story).splitlines()[2:4]] == ["∞", MISSING]


STORIES = [
    story_of(snapshot)
    for snapshot in (
        DONE,
        snapshot_after(Step(), corpus=HOSTILE, recipe=SMALL.with_values(context=30, activation="tanh")),
        snapshot_after(Step(), corpus=HOSTILE, recipe=Recipe(model="transformer", context=30, embedding=8)),
        snapshot_after(Step(), recipe=Recipe(optimizer="adam", clip_norm=0.1, clip_value=0.01, layers=4)),
    )
]


@given(st.sampled_from(STORIES), st.sampled_from(list(Phase)), st.integers(1, 120))
def test_no_line_is_wider_than_asked_and_nothing_in_it_moves_the_cursor(
    story: Story, phase: Phase, width: int
) -> None:
    for line in account(phase, dataclasses.replace(story, width=width)):
        assert cell_len(line.plain) <= width
        assert all(character.isprintable() or character == "\u0301" for character in line.plain)


@pytest.mark.parametrize("phase", list(Phase))
def test_nothing_is_cut_where_all_panes_share_the_screen(phase: Phase) -> None:
    for line in account(phase, story_of(snapshot_after(Step(), recipe=Recipe()))):
        assert not line.plain.endswith("…")


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_numbers_fit_their_column_and_keep_four_digits(value: float) -> None:
    assert cell_len(column(value)) == 10 or abs(value) < 1e-99 or abs(value) > 1e99
    if 1e-300 < abs(value) < 1e300:  # closer to the ends rounding leaves the range
        assert float(significant(value)) == pytest.approx(value, rel=1e-3)


def test_numbers_that_are_turned_are_written_as_people_type_them() -> None:
    assert [plain(x) for x in (0.1, 1e-5, 0.00007, 32.0, 4096.0, 0.0, 100.0)] == [
        "0.1", "0.00001", "0.00007", "32", "4096", "0", "100"
    ]  # fmt: skip
    assert significant(0.0) == "0"
    assert significant(1234.0) == "1234"


# What is on the screen.


@pytest.mark.parametrize("done", range(6))
async def test_phases_that_are_done_are_filled_and_told_and_the_next_has_its_key(done: int) -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(snapshot_after(*[NextPhase()] * done))
        await pilot.pause()
        names = [str(phase) for phase in Phase]
        assert host.shown == names[:done]
        assert host.phases.count("●") == done
        assert f"{names[done % 5]} n" in host.phases
        assert host.phases.count(" n") == 1
        if done:
            assert host.chosen == [names[done - 1]]
            await until(pilot, lambda: host.in_view(names[done - 1]))
            assert str(host.pane.border_subtitle) == "step 1"


async def test_h_and_l_go_from_phase_to_phase_and_stop_at_the_ends() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(DONE)
        await pilot.pause()
        for keys, phase in (
            (["h"], "backward"), (["left"], "loss"), (["h"] * 5, "draw"), (["l"], "forward"),
            (["right"] * 9, "update"),
        ):  # fmt: skip
            await pilot.press(*keys)
            assert host.chosen == [phase]
            await until(pilot, lambda phase=phase: host.in_view(phase))  # type: ignore[misc]  # bound in the loop


async def test_a_phase_that_is_yet_to_come_cannot_be_chosen() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        await pilot.press("l", "h")  # nothing is done
        host.pane.show(snapshot_after(NextPhase(), NextPhase()))
        await pilot.press("l", "l")
        assert host.chosen == ["forward"]


async def test_it_scrolls_by_rows_by_pages_and_to_the_ends() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(DONE)
        await until(pilot, lambda: host.sections.scroll_offset.y > 0)  # the newest phase is at the end
        assert host.in_view("update")
        page = host.sections.size.height - 1
        await pilot.press("home")
        assert host.sections.scroll_offset.y == 0
        await pilot.press("j", "down", "down", "k")
        assert host.sections.scroll_offset.y == 2
        await pilot.press("up", "pagedown")
        assert host.sections.scroll_offset.y == 1 + page
        await pilot.press("pageup")
        assert host.sections.scroll_offset.y == 1
        await pilot.press("end")
        assert host.sections.scroll_offset.y == host.sections.max_scroll_y


async def test_reading_on_is_not_disturbed_by_snapshots_of_the_same_step() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(DONE)
        await pilot.press("h", "h", "j")
        at, text = host.sections.scroll_offset, host.query_one("#stepper-loss", Static).content
        host.pane.show(dataclasses.replace(DONE, version=DONE.version + 1, seconds=9.0))
        await pilot.pause()
        assert host.sections.scroll_offset == at
        assert host.query_one("#stepper-loss", Static).content is text


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (Snapshot(), "No text yet: o opens one."),
        (snapshot_after(), "n does one phase, s a whole step."),
        (snapshot_after(Run()), "space stops it; n then does one phase, s a step."),
    ],
)
async def test_before_anything_it_says_which_keys_there_are(snapshot: Snapshot, words: str) -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(snapshot)
        await pilot.pause()
        assert words in host.hint
        assert host.query_one("#stepper-primer").display
        assert host.shown == []


LOOKING = Recipe(model="transformer", context=8, embedding=8, heads=2, layers=2, batch=2, rate=0.5)


@pytest.mark.parametrize(("width", "cell", "count"), [(60, 3, 8), (38, 2, 8), (30, 1, 8), (26, 1, 5)])
def test_each_head_shows_how_much_it_looks_at_each_character(width: int, cell: int, count: int) -> None:
    snapshot = snapshot_after(*[Step()] * 30, recipe=LOOKING)
    trace, vocabulary = trace_of(snapshot), CORPUS.vocabulary.characters
    context = [visible(vocabulary[i], space=True) for i in trace.example.context]
    lines = told(Phase.FORWARD, story_of(snapshot, width)).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    at = [index for index, line in enumerate(lines) if line.startswith("looks at")]
    looks = [layer for layer in trace.layers if layer.values.ndim == 2]
    assert [layer.name for layer in looks] == ["block.0.attention", "block.1.attention"]
    assert [line.split()[1] for line in lines if line.startswith("attention")] == ["1", "2"]
    for index, layer in zip(at, looks, strict=True):
        begin = len(lines[index]) - cell * count
        assert lines[index][begin - 1] == ("…" if count < 8 else " ")
        cells = [lines[index][begin + cell * i : begin + cell * (i + 1)] for i in range(count)]
        assert [text.strip() for text in cells] == context[-count:]
        for head, shares in enumerate(layer.values, 1):
            row = lines[index + head]
            assert row.split()[:2] == ["head", str(head)]
            bars = [row[begin + cell * i : begin + cell * (i + 1)] for i in range(count)]
            assert all(len(set(bar)) == 1 for bar in bars)
            heights = ["▁▂▃▄▅▆▇█".index(bar[0]) for bar in bars]
            assert heights == [math.ceil(share / shares.max() * 8) - 1 for share in shares[-count:]]
            assert row.split()[-2:] == [context[int(shares.argmax())], f"{shares.max():.0%}"]


def test_weights_that_are_no_numbers_are_shown_as_such() -> None:
    snapshot = snapshot_after(Step(), recipe=LOOKING)
    trace = trace_of(snapshot)
    broken = dataclasses.replace(trace.layers[1], values=np.full((2, 8), np.nan))
    wild = dataclasses.replace(snapshot, trace=dataclasses.replace(trace, layers=(broken,)))
    rows = [line for line in told(Phase.FORWARD, story_of(wild)).splitlines() if "head " in line]
    assert [row.split() for row in rows] == [["head", "1", "!" * 24], ["head", "2", "!" * 24]]


async def test_before_the_first_step_the_formulas_of_the_model_stand_there_whole() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        start = snapshot_after(recipe=SMALL.with_values(optimizer="adam"))
        host.pane.show(start)
        await pilot.pause()
        lines = [line.strip() for line in host.hint.splitlines()]
        at = next(index for index, line in enumerate(lines) if line.startswith("forward"))
        assert [lines[at].split(maxsplit=1)[1], *lines[at + 1 : at + 4]] == [
            "x = [e(c1); e(c2); ...; e(c6)]",
            "h1 = relu(W1 x + b1)",
            "h2 = relu(W2 h1 + b2)",
            "z = W3 h2 + b3",
        ]
        assert lines[-1] == "θ ← θ - rate · m / (√v + ε)"
        block = (("block.0", LONG), ("block.1", LONG))
        host.pane.show(dataclasses.replace(start, recipe=Recipe(model="transformer"), formulas=block))
        assert LONG in " ".join(host.hint.split())
        assert host.hint.count("Wo") == 1  # blocks that are alike are told once


COUNTING = Recipe(model="kneser-ney", order=3)


async def test_a_model_that_counts_has_no_backward_phase_and_nothing_is_said_of_gradients() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(snapshot_after(recipe=COUNTING))
        await pilot.pause()
        assert "backward" not in host.phases
        assert "backward" not in host.hint
        assert "softmax" not in host.hint
        assert "n(context, c) + 1" in host.hint
        names = ["draw", "forward", "loss", "update"]
        for done in range(1, 5):
            host.pane.show(snapshot_after(Step(), *[NextPhase()] * done, recipe=COUNTING))
            await pilot.pause()
            assert f"{names[done % 4]} n" in host.phases
            assert host.shown == names[:done]
            assert host.chosen == [names[done - 1]]
        update = str(host.query_one("#stepper-update", Static).content)
        assert "4 update" in update
        assert "‖Δθ‖" not in update


def test_a_model_that_counts_tells_what_it_reads_even_at_the_very_beginning() -> None:
    first = story_of(snapshot_after(Step(), recipe=COUNTING))
    lines = told(Phase.DRAW, first).splitlines()
    assert lines[0].endswith(
        f"the first of {trace_of(snapshot_after(Step(), recipe=COUNTING)).batch} new ones"
    )
    assert [line.split()[0] for line in lines] == [
        "position",
        "c1",
    ]  # nothing stands before the first character
    later = story_of(snapshot_after(Step(2), recipe=COUNTING))
    assert [line.split()[0] for line in told(Phase.DRAW, later).splitlines()] == [
        "position",
        "c1",
        "ids",
        "c9",
    ]
    text = told(Phase.FORWARD, later)
    assert all(layer.name in text for layer in later.trace.layers)
    assert "new ones" in told(Phase.LOSS, later)


async def test_going_back_and_running_forget_what_is_no_longer_so() -> None:
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(DONE)
        host.pane.show(snapshot_after(Step(3), Rewind(3)))
        await pilot.pause()
        assert host.shown == []
        assert host.query_one("#stepper-primer").display


async def test_a_step_that_was_stopped_says_why_and_offers_no_next_phase() -> None:
    wild = SMALL.with_values(rate=100.0, layers=4, batch=1, activation="gelu")
    with np.errstate(all="ignore"):  # numbers without bounds are what it is about
        stopped = snapshot_after(Step(200), recipe=wild)
    assert stopped.status is Status.STOPPED
    assert stopped.trouble is not None
    async with Host().run_test(size=GRID) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(stopped)
        await pilot.pause()
        note = host.query_one("#stepper-note", Static)
        assert note.display
        assert str(note.content).startswith(stopped.trouble.title)
        assert " n" not in host.phases
        host.pane.show(DONE)
        assert not note.display


@pytest.mark.parametrize("size", [GRID, TAB, (30, 8), (12, 5), (3, 2), (200, 60)])
async def test_accounts_are_as_wide_as_the_pane_at_every_size(size: tuple[int, int]) -> None:
    async with Host().run_test(size=size) as pilot:
        host = pilot.app
        assert isinstance(host, Host)
        host.pane.show(snapshot_after(Step(), corpus=HOSTILE))
        await pilot.pause()
        for new in (size, TAB):
            await pilot.resize_terminal(*new)
            await pilot.pause()
            room = host.sections.scrollable_content_region.width
            for phase in host.shown:
                lines = str(host.query_one(f"#stepper-{phase}", Static).content).splitlines()
                assert all(cell_len(line) <= max(room, 0) for line in lines[1:])
        assert room == 76
