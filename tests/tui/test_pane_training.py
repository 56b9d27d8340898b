"""The training pane: what it says of a run, and that what is turned in it is turned in the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

import tui.panes.training
from corpora.corpus import Corpus, Origin
from engine.commands import Alter, Ask, Command, NextPhase, Rewind, Start, Step
from engine.snapshot import ParameterGroup, Snapshot
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from engine.training.rules import RULES
from tui.messages import EngineCommand
from tui.panes.ladder import PATIENCE, LadderSlider
from tui.panes.recipe_in_words import components, facts, model_in_short, reach
from tui.panes.training import TrainingPane
from tui.rungs import LADDERS, neighbour

SHEET = Path(tui.panes.training.__file__).with_suffix(".tcss")
GRID, TAB = (36, 20), (80, 20)
CORPUS = Corpus.from_text("a text", "abcdefgh \n" * 30, origin=Origin.OWN, source="typed")
SMALL = Recipe(hidden=8, embedding=4, context=4, batch=2)
HOSTILE = "[/] [@click=app.quit]x[/] \x1b]0;title\x07 \u202eevil"
DEADLINE = 30.0


class Host(App[None]):
    """The pane beside a real engine."""

    CSS_PATH = SHEET

    def __init__(self, engine: EngineThread) -> None:
        super().__init__()
        self.engine = engine
        self.commands: list[Command] = []

    def compose(self) -> ComposeResult:
        yield TrainingPane()

    def on_engine_command(self, message: EngineCommand) -> None:
        self.commands.append(message.command)
        self.engine.send(message.command)

    @property
    def pane(self) -> TrainingPane:
        return self.query_one(TrainingPane)

    def slider(self, name: str) -> LadderSlider:
        return self.query_one(f"#training-{name}", LadderSlider)

    def text(self, part: str) -> str:
        return str(self.query_one(f"#training-{part}", Static).content)

    def do(self, *commands: Command) -> Snapshot:
        """Have the engine do something, and show what came of it."""
        for command in commands:
            self.engine.send(command)
        snapshot = self.engine.settled(DEADLINE)
        self.pane.show(snapshot)
        return snapshot


@pytest.fixture
def host() -> Iterator[Host]:
    engine = EngineThread()
    engine.start()
    yield Host(engine)
    engine.close(DEADLINE)


def run_of(recipe: Recipe = SMALL) -> Start:
    return Start(recipe, CORPUS)


async def test_facts_and_table_are_those_of_the_run(host: Host) -> None:
    async with host.run_test(size=TAB) as pilot:
        snapshot = host.do(run_of(SMALL.with_values(layers=3, optimizer="adam")))
        await pilot.pause()
        shown = host.text("facts").replace("\N{NO-BREAK SPACE}", " ")
        assert "mlp, relu, xavier" in shown
        assert f"4×4 → 8 → 8 → 8 → {len(CORPUS.vocabulary)}" in shown
        assert "adam" in shown
        total = sum(group.count for group in snapshot.parameters)
        assert host.text("total").split() == ["parameters", f"{total:,}"]
        rows = [line.split() for line in host.text("rows").splitlines()]
        assert [row[0] for row in rows] == ["embedding", "hidden", "hidden", "hidden", "output"]
        assert rows[1] == ["hidden", "1", "8×16", "+", "8", "136", f"{136 / total:.1%}"]


async def test_weight_and_bias_of_a_layer_are_one_row_that_adds_up(host: Host) -> None:
    async with host.run_test(size=GRID):
        parameters = host.do(run_of()).parameters
        rows = components(parameters)
        assert [(row.name, row.formula, row.count) for row in rows] == [
            ("embedding", "10×4", 40),
            ("hidden 1", "8×16 + 8", 136),
            ("hidden 2", "8×8 + 8", 72),
            ("output", "10×8 + 10", 90),
        ]


def test_facts_name_what_is_not_as_usual() -> None:
    unusual = Recipe(
        momentum=0.9, dropout=0.25, precision="float64", schedule="cosine", warmup=50, steps=5000
    )
    told = " ".join(value for _, value in facts(unusual, 65)).replace("\N{NO-BREAK SPACE}", " ")
    for words in ("momentum 0.9", "dropout 0.25", "float64", "cosine to 5,000, warm-up 50"):
        assert words in told
        assert words not in str(facts(Recipe(), 65))
    assert "momentum" not in str(
        facts(unusual.with_values(optimizer="adam", momentum=0), 65)
    )  # it has none to turn


def test_facts_of_every_model_name_what_means_something_to_it_and_nothing_else() -> None:
    def told(line: str) -> dict[str, str]:
        pairs = facts(Recipe.parse(line), 65)
        return {name: value.replace("\N{NO-BREAK SPACE}", " ") for name, value in pairs}

    transformer = told(
        "model=transformer heads=2 positions=rotary norm=post activation=gelu tied=yes layers=3"
    )
    assert transformer["model"] == "transformer, 2 heads, gelu, xavier, post-norm, rotary positions, tied"
    assert transformer["shape"] == "32 → 3×32 → 65"
    lstm = told(
        "model=lstm hidden=64 layers=2 forget_bias=0.5 batching=streams context=16 schedule=step warmup=9"
    )
    assert lstm["model"] == "lstm, xavier, forget bias 0.5"
    assert lstm["shape"] == "32 → 64 → 64 → 65"
    assert lstm["batching"] == "contiguous streams of 16"
    assert lstm["schedule"] == "×0.5 every 1,000, warm-up 9"
    mlp = told(
        "direct=yes batchnorm=yes optimizer=adamw beta2=0.99 weight_decay=0.1 schedule=linear floor=0.025"
    )
    assert mlp["model"] == "mlp, relu, xavier, direct, batch norm"
    assert mlp["optimizer"] == "adamw, β₂ 0.99, weight decay 0.1"
    assert mlp["schedule"] == "linear to 10,000, floor 2.50%"
    counting = told("model=add-k order=3 add=0.5 stop_steps=5000 stop_seconds=60 stop_loss=1.5 patience=4")
    assert counting == {
        "model": "add-k, order 3, add 0.5",
        "stops": "after 5,000 steps or after 60 s or at 1.5 nats or after 4 validations without a better one",
        "seed": "0",
    }
    assert told("model=uniform") == {"model": "uniform", "seed": "0"}


@pytest.mark.parametrize(
    ("line", "short"),
    [
        ("", "mlp 8x32 > 128 > 128 > 65"),
        ("model=gru hidden=64 layers=1", "gru 32 > 64 > 65"),
        ("model=transformer layers=4", "transformer 32 > 4x32 > 65"),
        ("model=kneser-ney order=7", "kneser-ney 7"),
        ("model=unigram", "unigram"),
    ],
)
def test_a_model_in_short(line: str, short: str) -> None:
    assert model_in_short(Recipe.parse(line), 65) == short


BLOCKS = tuple(
    ParameterGroup(name, shape, " x ".join(map(str, shape)))
    for name, shape in (
        ("embedding.weight", (65, 8)),
        ("block.0.norm_1.weight", (8,)),
        ("block.0.norm_1.bias", (8,)),
        ("block.0.feed_forward.inner.weight", (32, 8)),
        ("output.weight", (65, 8)),
    )
)


def test_a_block_of_several_layers_stands_above_its_parts_and_counts_them_once() -> None:
    rows = components(BLOCKS)
    assert [(row.name, row.formula, row.count, row.part_of) for row in rows] == [
        ("embedding", "65×8", 520, ""),
        ("block 1", "", 272, ""),
        ("norm 1", "8 + 8", 16, "block 1"),
        ("feed forward inner", "32×8", 256, "block 1"),
        ("output", "65×8", 520, ""),
    ]


@pytest.mark.parametrize("size", [GRID, TAB])
async def test_a_table_with_blocks_adds_up_to_its_total_and_fits(host: Host, size: tuple[int, int]) -> None:
    async with host.run_test(size=size) as pilot:
        snapshot = host.do(run_of())
        version = snapshot.version + 1
        host.pane.show(dataclasses.replace(snapshot, parameters=BLOCKS, version=version))
        await pilot.pause()
        assert host.text("total").split() == ["parameters", "1,312"]
        lines = host.text("rows").splitlines()
        assert len({len(line) for line in lines}) == 1
        assert len(lines[0]) <= host.pane.content_size.width - 1
        assert [line.startswith("  ") for line in lines] == [False, False, True, True, False]


async def test_a_model_that_counts_has_no_controls_and_the_keys_still_scroll_its_table(host: Host) -> None:
    async with host.run_test(size=(36, 10)) as pilot:
        host.do(run_of(Recipe(model="kneser-ney", order=9)), Step(2))
        await pilot.pause()
        assert not any(host.slider(name).display for name in LADDERS)
        assert host.text("total").startswith("n-grams")
        assert host.text("rows").splitlines()[0].startswith("1-grams")
        host.pane.focus_first()
        await pilot.press("down", "up")
        table = host.query_one("#training-table", VerticalScroll)
        before = table.scroll_offset.y
        await pilot.press("j")
        assert table.scroll_offset.y == before + 1
        host.do(run_of())
        assert all(host.slider(name).display for name in LADDERS)


async def test_no_word_of_the_facts_is_cut_in_two(host: Host) -> None:
    recipe = Recipe(model="transformer", embedding=8, context=8, heads=2, positions="sinusoidal")
    async with host.run_test(size=(30, 20)) as pilot:
        host.do(run_of(recipe))
        await pilot.pause()
        shown = host.text("facts")
        assert "sinusoidal\n" in shown  # which has no room beside "positions"
        told = [
            word for fact in facts(recipe, len(CORPUS.vocabulary)) for part in fact for word in part.split()
        ]
        assert shown.split() == told


@pytest.mark.parametrize("name", LADDERS)
async def test_each_control_turns_its_ingredient_in_the_engine_at_once(host: Host, name: str) -> None:
    async with host.run_test(size=GRID) as pilot:
        before = getattr(host.do(run_of()).current, name)
        host.pane.focus_first()
        await pilot.press(*["down"] * list(LADDERS).index(name), "right")
        higher = min(rung for rung in LADDERS[name] if rung > before)
        assert host.commands == [Alter(name, RULES[name].kind(higher))]
        assert type(host.commands[0].value) is RULES[name].kind  # type: ignore[union-attr]  # it is an Alter
        after = host.do().current
        assert getattr(after, name) == higher
        assert host.slider(name).rung == higher
        await pilot.press("left")
        assert getattr(host.do().current, name) == before


def test_every_ingredient_that_may_change_during_a_run_has_a_control_within_its_range() -> None:
    assert set(LADDERS) == {name for name, rule in RULES.items() if rule.live}
    for name, rungs in LADDERS.items():
        assert list(rungs) == sorted(set(rungs))
        assert all(RULES[name].read(name, rung) == rung for rung in rungs)


async def test_a_value_between_the_rungs_is_shown_exactly_and_left_for_the_next_rung(host: Host) -> None:
    async with host.run_test(size=GRID) as pilot:
        host.do(run_of(SMALL.with_values(rate=0.0123, batch=33)))
        assert host.slider("rate").text.strip() == "0.0123"
        assert host.slider("batch").text.strip() == "33"
        host.slider("rate").focus()
        await pilot.press("left")
        assert host.commands == [Alter("rate", 0.01)]
        host.do()
        await pilot.press("right")  # the odd rung is gone with the value
        assert host.commands[-1] == Alter("rate", 0.02)


async def test_snapshots_from_before_a_change_do_not_take_it_back(host: Host) -> None:
    async with host.run_test(size=GRID) as pilot:
        old = host.do(run_of())
        host.slider("rate").focus()
        await pilot.press("right", "right")
        chosen = host.slider("rate").rung
        assert chosen == 0.3
        for age in range(PATIENCE):
            host.pane.show(dataclasses.replace(old, version=old.version + age + 1))
            assert host.slider("rate").rung == chosen
        assert len(host.commands) == 2  # what is shown is not sent again
        host.pane.show(dataclasses.replace(old, version=old.version + PATIENCE + 1))
        assert host.slider("rate").rung == 0.1  # the engine did not take it: the truth is shown


async def test_going_back_in_time_shows_what_was_in_force_then(host: Host) -> None:
    async with host.run_test(size=GRID):
        host.do(run_of(), Step(3), Alter("rate", 0.5), Step(2))
        assert host.slider("rate").rung == 0.5
        host.do(Rewind(4))
        assert host.slider("rate").rung == 0.1
        assert host.commands == []


async def test_a_change_in_the_middle_of_a_step_is_shown_at_once(host: Host) -> None:
    async with host.run_test(size=GRID) as pilot:
        host.do(run_of(), NextPhase())
        host.slider("batch").focus()
        await pilot.press("right")
        for _ in range(PATIENCE + 2):
            snapshot = host.do(Ask("a"))  # anything that makes another snapshot
            assert snapshot.current is not None
            assert snapshot.current.batch == 2  # the step that has begun ends as it began
            assert host.slider("batch").rung == 4
        assert host.commands == [Alter("batch", 4)]


def test_the_neighbour_of_a_value_between_two_rungs_is_the_next_one_on_that_side() -> None:
    rungs = (0.1, 0.2, 0.5)
    assert [neighbour(rungs, value, 1) for value in (0.01, 0.1, 0.15, 0.5, 9)] == [0.1, 0.2, 0.2, 0.5, 0.5]
    assert [neighbour(rungs, value, -1) for value in (0.01, 0.1, 0.15, 0.5, 9)] == [0.1, 0.1, 0.1, 0.2, 0.5]


async def test_up_and_down_go_round_the_controls(host: Host) -> None:
    async with host.run_test(size=GRID) as pilot:
        host.do(run_of())
        host.pane.focus_first()
        seen = []
        for _ in LADDERS:
            await pilot.press("down")
            seen.append(host.focused)
        assert seen == [host.slider(name) for name in (*list(LADDERS)[1:], next(iter(LADDERS)))]
        await pilot.press("up")
        assert host.focused is host.slider(list(LADDERS)[-1])


async def test_j_and_k_scroll_a_table_that_is_longer_than_its_place(host: Host) -> None:
    async with host.run_test(size=(36, 15)) as pilot:
        host.do(run_of(SMALL.with_values(layers=4)))
        await pilot.pause()
        host.pane.focus_first()
        table = host.query_one("#training-table", VerticalScroll)
        await pilot.press("j", "j")
        assert table.scroll_offset.y == 2
        await pilot.press("k")
        assert table.scroll_offset.y == 1


async def test_how_far_back_memory_reaches_follows_the_run(host: Host) -> None:
    async with host.run_test(size=TAB):
        limit = host.do(run_of()).rewind_limit
        host.do(Step(3))
        assert f"3 of {limit:,} steps" in host.text("status")
        host.do(Step(2))
        assert f"5 of {limit:,} steps" in host.text("status")


@pytest.mark.parametrize(
    ("now", "limit", "words"),
    [(4464, 4464, "4,464 steps"), (4470, 4464, "4,464 steps"), (0, 0, "no"), (0, 4464, "0 of 4,464")],
)
def test_reach_in_words(now: int, limit: int, words: str) -> None:
    assert reach(Snapshot(rewindable=now, rewind_limit=limit)).startswith(words)


async def test_the_recipe_stands_on_one_line_whatever_the_text_is_called(host: Host) -> None:
    async with host.run_test(size=GRID) as pilot:
        host.do(run_of(SMALL.with_values(corpus=HOSTILE)))
        await pilot.pause()
        line = host.text("status").splitlines()[1]
        assert line.startswith("recipe     corpus='[/]")
        assert line.endswith("…")
        assert cell_len(line) == 32
        assert all(character.isprintable() for character in line)


async def test_what_has_not_changed_is_not_drawn_again(host: Host) -> None:
    async with host.run_test(size=GRID):
        snapshot = host.do(run_of(), Step(40))
        parts = [host.query_one(f"#training-{part}", Static) for part in ("facts", "total", "rows", "status")]
        before = [part.content for part in parts]
        host.pane.show(dataclasses.replace(snapshot, version=snapshot.version + 1, step=41, epoch=1.5))
        assert [part.content for part in parts] == before
        assert all(part.content is content for part, content in zip(parts, before, strict=True))


async def test_without_a_run_it_says_how_to_get_one_and_shows_no_numbers(host: Host) -> None:
    async with host.run_test(size=GRID) as pilot:
        await pilot.pause()
        assert "o opens a text" in host.text("facts")
        assert not host.slider("rate").display
        assert not host.query_one("#training-total").display


@pytest.mark.parametrize("size", [GRID, TAB, (24, 10), (12, 5), (3, 2), (200, 60)])
async def test_lines_fit_at_every_size(host: Host, size: tuple[int, int]) -> None:
    async with host.run_test(size=size) as pilot:
        big = Recipe(
            layers=4, hidden=1024, embedding=256, context=64, schedule="cosine", warmup=100, dropout=0.5
        )
        host.do(run_of(big))
        await pilot.pause()
        room = max(host.pane.content_size.width - 1, 0)
        if size in (GRID, TAB):
            for part in ("facts", "total", "rows", "status"):
                assert all(cell_len(line) <= room for line in host.text(part).splitlines())
        await pilot.resize_terminal(*GRID)
        await pilot.pause()
        assert all(cell_len(line) <= 32 for line in host.text("rows").splitlines())
