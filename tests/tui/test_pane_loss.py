"""The loss pane: curves, units, zoom, and the cursor that reads exact numbers."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

import tui.panes.loss
from corpora.corpus import Corpus, Origin
from engine.commands import Command, ReturnTo, Rival, Run, Start, Step
from engine.snapshot import Losses, RivalView, Snapshot, Status
from engine.thread import EngineThread
from engine.training.recipe import Recipe
from tui.messages import EngineCommand
from tui.panes.loss import LossPane
from tui.panes.loss_levels import levels
from tui.panes.loss_readings import COLUMNS
from tui.panes.units import Unit, clock
from tui.widgets.plot import LinePlot

SHEET = Path(tui.panes.loss.__file__).with_suffix(".tcss")
GRID, TAB = (64, 20), (80, 20)
SENTENCE = "no loss yet: space trains, s makes one step"


class Host(App[None]):
    CSS_PATH = SHEET

    def compose(self) -> ComposeResult:
        yield LossPane()

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []

    def on_mount(self) -> None:
        self.pane.focus_first()

    def on_engine_command(self, event: EngineCommand) -> None:
        self.commands.append(event.command)

    @property
    def pane(self) -> LossPane:
        return self.query_one(LossPane)

    @property
    def plot(self) -> str:
        """What the plot shows."""
        plot = self.query_one(LinePlot)
        return "\n".join(plot.render_line(y).text for y in range(plot.size.height))

    @property
    def table(self) -> list[list[str]]:
        """The words of the table, line by line."""
        return [line.split() for line in str(self.query_one("#loss-table", Static).render()).split("\n")]

    @property
    def cursor(self) -> list[str]:
        return self.table[2]


def corpus_of(text: str, entropy_rate: float | None = None) -> Corpus:
    return Corpus.from_text("a text", text, origin=Origin.OWN, source="typed", entropy_rate=entropy_rate)


def losses_at(steps: list[int], validation: dict[int, float] | None = None) -> Losses:
    """A course in which every number tells its step: raw 1 + 1/step, smoothed 2 + 1/step."""
    validation = validation or {}
    array = np.array(steps, dtype=np.int64)
    return Losses(
        array,
        1 + 1 / array,
        2 + 1 / array,
        np.array(list(validation), dtype=np.int64),
        np.array(list(validation.values()), dtype=np.float64),
    )


def snapshot_of(losses: Losses | None, corpus: Corpus | None = None, **changes: object) -> Snapshot:
    made = int(losses.steps[-1]) if losses is not None and len(losses.steps) else 0
    plain = Snapshot(
        status=Status.PAUSED, corpus=corpus or corpus_of("abcdefgh" * 9), step=made, losses=losses
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # the fields' own types differ


def axis(plot: str) -> list[float]:
    """The numbers at the y axis of a drawn plot."""
    rows = plot.split("\n")[1:-2]
    return [float(found[1]) for line in rows if (found := re.match(r"\s*(\d+\.?\d*)[┤┼]", line))]


@pytest.mark.parametrize("snapshot", [None, Snapshot(), snapshot_of(None), snapshot_of(losses_at([]))])
async def test_before_the_first_step_a_sentence_says_which_keys_train(snapshot: Snapshot | None) -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        if snapshot is not None:
            app.pane.show(snapshot)
        for key in ("h", "l", "0", "dollar_sign", "shift+left", "u", "L", "z", "Z", "escape"):
            await pilot.press(key)
        await pilot.pause()
        assert SENTENCE in app.plot
        assert app.table[1] == ["–", "–", "–", "–", "–", "0.00", "00:00"]


async def test_a_real_run_shows_its_last_step_and_its_pace_exactly() -> None:
    corpus = corpus_of("the cat sat on the mat. " * 30)
    engine = EngineThread()
    engine.start()
    try:
        engine.send(Start(Recipe(corpus="own", hidden=8, embedding=4, batch=4), corpus))
        engine.send(Run(20))
        engine.send(Step())
        snapshot = engine.settled(20)
        while snapshot.losses is None or not len(snapshot.losses.validation):
            snapshot = engine.settled(20)  # it validates when it has nothing else to do
    finally:
        engine.close()
    losses = snapshot.losses
    assert snapshot.step >= 1
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(snapshot)
        await pilot.pause()
        assert app.table[0] == ["step", "raw", "smoothed", "validation", "steps/s", "epoch", "time"]
        assert app.table[1] == [
            str(losses.steps[-1]),
            f"{losses.raw[-1]:.6f}",
            f"{losses.smoothed[-1]:.6f}",
            f"{losses.validation[-1]:.6f}",
            "–",
            f"{snapshot.epoch:.2f}",
            clock(snapshot.seconds),
        ]
        for name in ("raw", "smoothed", "validation", "uniform, ln V", "step"):
            assert name in app.plot


async def test_a_generated_text_has_its_entropy_as_a_line_and_another_has_not() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        losses = losses_at([1, 2, 3], {1: 2.0})
        app.pane.show(snapshot_of(losses, corpus_of("abcd" * 20, entropy_rate=0.7)))
        await pilot.pause()
        legend = app.plot.split("\n")[0]
        assert all(name in legend for name in ("raw", "smoothed", "validation", "ln V", "entropy"))
        app.pane.show(snapshot_of(losses))
        await pilot.pause()
        assert "entropy" not in app.plot


async def test_u_turns_curves_lines_and_readings_to_bits_to_perplexity_and_back() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at([1, 2, 3, 4], {4: math.log(8)})))
        await pilot.press("h")
        seen = []
        for _ in range(4):
            seen.append(
                (max(axis(app.plot)), app.table[1][1:4], app.cursor[1:4], str(app.pane.border_subtitle))
            )
            await pilot.press("u")
            await pilot.pause()
        nats, bits, perplexity, again = seen
        assert again == nats
        assert nats[1] == nats[2] == ["1.250000", "2.250000", "2.079442"]
        assert bits[1] == bits[2] == ["1.803369", "3.246064", "3.000000"]
        assert perplexity[1] == perplexity[2] == ["3.490343", "9.487736", "8.000000"]
        assert 2 <= nats[0] <= 3  # the highest number is the first smoothed loss, 3 nats
        assert 3 < bits[0] <= 3 / math.log(2)
        assert 8 < perplexity[0] <= math.exp(3)
        assert [one[3].partition(" ")[0] for one in seen[:3]] == ["nats", "bits", "perplexity"]


async def test_the_level_of_the_uniform_guess_changes_its_name_with_the_unit() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at([1, 2, 3])))
        names = []
        for _ in range(3):
            names.append(re.search(r"uniform, (ln V|log₂ V|V)", app.plot))
            await pilot.press("u")
            await pilot.pause()
        assert [name and name[1] for name in names] == ["ln V", "log₂ V", "V"]


RIVALS = (
    RivalView(Rival("kneser-ney", 5), 1.5, None),
    RivalView(Rival("unigram", 1), math.inf, None),
    RivalView(Rival("witten-bell", 7), None, None),
    RivalView(Rival("katz", 3), 2.0, None),
)


async def test_rivals_have_a_line_each_with_name_and_loss_in_the_chosen_unit_once_they_are_known() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        plain = snapshot_of(losses_at([1, 2, 3], {3: 2.5}))
        app.pane.show(plain)
        await pilot.pause()
        assert "kneser-ney" not in app.plot
        app.pane.show(dataclasses.replace(plain, rivals=RIVALS))  # nothing else is new
        await pilot.pause()
        for numbers in (("1.500", "2.000"), ("2.164", "2.885"), ("4.482", "7.389")):
            rows = app.plot.split("\n")
            assert f"kneser-ney 5 {numbers[0]}" in app.plot
            assert f"katz 3 {numbers[1]}" in app.plot
            assert all("─" in row for row in rows if "kneser-ney" in row or "katz" in row)
            assert "kneser-ney" not in rows[0]  # the line bears its name; the legend has no room for many
            assert "unigram" not in app.plot  # nowhere on the axis
            assert "witten-bell" not in app.plot
            await pilot.press("u")
            await pilot.pause()
        app.pane.show(plain)
        await pilot.pause()
        assert "kneser-ney" not in app.plot


def test_rivals_have_colours_of_their_own_that_do_not_move_when_one_is_known_late() -> None:
    now = levels(dataclasses.replace(snapshot_of(None), rivals=RIVALS), Unit.NATS)
    roles = {level.name.rpartition(" ")[0]: level.role for level in now}
    assert (roles["kneser-ney 5"], roles["katz 3"]) == ("rival-1", "rival-4")
    later = dataclasses.replace(RIVALS[2], loss=1.75)
    rivals = (*RIVALS[:2], later, RIVALS[3])
    then = levels(dataclasses.replace(snapshot_of(None), rivals=rivals), Unit.NATS)
    after = {level.name.rpartition(" ")[0]: level.role for level in then}
    assert roles.items() <= after.items()
    assert after["witten-bell 7"] == "rival-3"


async def test_rivals_that_are_as_good_as_one_another_do_not_write_over_each_other() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        alike = tuple(RivalView(Rival("kneser-ney", n), 1.5 + n / 1000, None) for n in range(4, 9))
        app.pane.show(dataclasses.replace(snapshot_of(losses_at([1, 2, 3])), rivals=alike))
        await pilot.pause()
        named = re.findall(r" kneser-ney \d 1\.50\d ", app.plot)
        assert len(named) == 2
        assert app.plot.count("kneser-ney") == 2


async def test_capital_l_switches_the_axis_between_linear_and_logarithmic() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        steps = np.arange(1, 200, dtype=np.int64)
        losses = Losses(steps, 100.0 / steps, 100.0 / steps, steps[:0], steps[:0].astype(float))
        app.pane.show(snapshot_of(losses))
        await pilot.pause()
        linear = axis(app.plot)
        await pilot.press("L")
        await pilot.pause()
        assert "log" in str(app.pane.border_subtitle)
        assert np.ptp(np.diff(linear)) == 0  # even
        assert min(axis(app.plot)) <= 2 < min(linear)
        await pilot.press("L")
        await pilot.pause()
        assert axis(app.plot) == linear


async def test_z_zooms_into_the_last_steps_and_capital_z_back() -> None:
    app = Host()
    async with app.run_test(size=TAB) as pilot:
        app.pane.show(snapshot_of(losses_at(list(range(1, 2001)), {1: 2.0, 1990: 2.0})))
        seen = []
        for key in ("z", "z", "z", "Z", "Z"):
            await pilot.press(key)
            await pilot.pause()
            ticks = [int(tick) for tick in app.plot.split("\n")[-1].split() if tick.isdigit()]
            seen.append((str(app.pane.border_subtitle).split(" · ")[2], min(ticks), max(ticks)))
        assert [one[0] for one in seen] == [
            "last 1,000 steps",
            "last 100 steps",
            "all steps",
            "last 100 steps",
            "last 1,000 steps",
        ]
        assert 1001 <= seen[0][1] < seen[0][2] <= 2000
        assert 1901 <= seen[1][1] < seen[1][2] <= 2000
        assert seen[2][1] < 1000


async def test_zoomed_in_a_far_level_does_not_press_the_curves_flat() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        steps = np.arange(1, 1001, dtype=np.int64)
        raw = np.where(steps > 900, 0.5 + (steps % 10) / 100, 3.0)
        app.pane.show(snapshot_of(Losses(steps, raw, raw, steps[:0], raw[:0])))
        await pilot.pause()
        assert "uniform" in app.plot
        await pilot.press("z")
        await pilot.pause()
        assert "uniform" not in app.plot
        assert 0.5 <= min(axis(app.plot)) < max(axis(app.plot)) <= 0.6


async def test_zooming_into_a_short_run_says_why_it_cannot() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at([1, 2, 3])))
        await pilot.press("z")
        assert "all steps" in str(app.pane.border_subtitle)
        assert [note.message for note in app._notifications] == [
            "zooming needs more than 100 steps; so far there are 3"
        ]


async def test_the_cursor_walks_over_recorded_steps_and_reads_each_exactly() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at([1, 3, 4, 8, 9], {3: 0.5})))
        assert not any(app.pane.check_action(name, ()) for name in ("go_to", "drop_cursor"))
        walk = []
        for key in ("h", "h", "left", "l", "right", "right", "0", "h", "dollar_sign", "home", "end"):
            await pilot.press(key)
            walk.append(int(app.cursor[0]))
        assert walk == [9, 8, 4, 8, 9, 9, 1, 1, 9, 1, 9]
        await pilot.press("h", "h")
        assert app.cursor[:4] == ["4", "1.250000", "2.250000", "0.500000"]
        assert " ".join(app.cursor[4:]) == "at 3 enter: back"  # in few words, as there is little room
        await pilot.press("h")
        assert app.cursor[:4] == ["3", "1.333333", "2.333333", "0.500000"]
        await pilot.press("h")
        assert app.cursor[:4] == ["1", "2.000000", "3.000000", "–"]
        assert " ".join(app.cursor[4:]) == "enter: go back there"
        await pilot.press("enter")
        assert app.commands == [ReturnTo(1)]
        await pilot.press("end")
        assert "enter:" not in app.cursor  # it is there already
        await pilot.press("enter")
        assert app.commands == [ReturnTo(1)]
        await pilot.press("escape")
        assert app.cursor[0] == "h"


async def test_a_reading_says_all_where_there_is_room() -> None:
    app = Host()
    async with app.run_test(size=(100, 20)) as pilot:
        app.pane.show(snapshot_of(losses_at([1, 3, 4, 8], {3: 0.5})))
        await pilot.press("h", "h")
        assert " ".join(app.cursor[4:]) == "validated at 3 enter: go back there"


@pytest.mark.parametrize(
    ("smoothed", "steps", "model", "warned"),
    [
        (1.4, 50, "mlp", False),
        (1.6, 50, "mlp", True),
        (1.6, 49, "mlp", False),
        (1.6, 50, "kneser-ney", False),
    ],
)
async def test_a_run_that_was_blown_up_but_stays_finite_is_told_so(
    smoothed: float, steps: int, model: str, warned: bool
) -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        losses = losses_at([1, steps])
        blown = dataclasses.replace(losses, smoothed=np.full(2, smoothed * math.log(8)))
        app.pane.show(snapshot_of(blown, recipe=Recipe(model=model)))
        await pilot.pause()
        assert ("far worse than guessing: - lowers the rate, B goes back" in " ".join(app.cursor)) is warned


async def test_the_cursor_leaps_a_twentieth_of_the_view() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at(list(range(1, 2001)))))
        await pilot.press("h", "shift+left")
        assert app.cursor[0] == "1,900"
        await pilot.press("shift+right")
        assert app.cursor[0] == "2,000"
        await pilot.press("z", "z", "shift+left")
        assert app.cursor[0] == "1,995"
        await pilot.press("0")
        assert app.cursor[0] == "1,901"


async def test_the_cursor_line_stands_in_the_plot_and_goes_with_escape() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at(list(range(1, 50)))))
        await pilot.pause()
        without = app.plot
        await pilot.press("0", "shift+right", "shift+right")
        assert app.plot.count("│") > without.count("│") + 4
        await pilot.press("escape")
        assert app.plot == without


async def test_a_click_puts_the_cursor_where_it_points() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at(list(range(1, 101)))))
        await pilot.pause()
        plot = app.query_one(LinePlot)
        read = []
        for column in (plot.size.width - 1, plot.size.width // 2, 6):
            await pilot.click(LinePlot, offset=(column, 6))
            await pilot.pause()
            read.append(int(app.cursor[0]))
        assert read[0] == 100
        assert 40 < read[1] < 60
        assert read[2] < 10
        await pilot.hover(LinePlot, offset=(plot.size.width - 1, 6))
        await pilot.pause()
        assert int(app.cursor[0]) == read[2]  # pointing alone moves nothing


async def test_the_cursor_stays_at_its_step_when_data_come_in_and_goes_to_the_nearest_when_thinned_away() -> (
    None
):
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        app.pane.show(snapshot_of(losses_at(list(range(1, 11)))))
        await pilot.press("h", *"hhh")
        assert app.cursor[0] == "7"
        app.pane.show(snapshot_of(losses_at(list(range(1, 21)))))
        assert app.cursor[0] == "7"
        app.pane.show(snapshot_of(losses_at([1, 5, 6, 9, 20, 21])))
        assert app.cursor[0] == "6"
        app.pane.show(snapshot_of(losses_at([1, 2, 3])))  # gone back
        assert app.cursor[0] == "3"
        app.pane.show(snapshot_of(losses_at([])))
        app.pane.show(snapshot_of(losses_at([1, 2])))
        assert app.cursor[0] == "h"  # a new run has no cursor


async def test_readings_move_with_every_snapshot_even_if_the_curves_wait() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        corpus = corpus_of("abcdefgh" * 9)
        running = {"status": Status.RUNNING, "steps_per_second": 1234.5, "epoch": 1.5, "seconds": 75.0}
        app.pane.show(snapshot_of(losses_at(list(range(1, 2001))), corpus, **running))
        await pilot.pause()
        drawn = app.plot
        app.pane.show(snapshot_of(losses_at(list(range(1, 2003))), corpus, **running))
        await pilot.pause()
        assert app.plot == drawn
        assert app.table[1] == ["2,002", "1.000500", "2.000500", "–", "1,234", "1.50", "01:15"]


@pytest.mark.parametrize("size", [(12, 6), (20, 8), (40, 12), GRID, TAB, (200, 60)])
async def test_no_size_breaks_the_pane_or_cuts_a_column(size: tuple[int, int]) -> None:
    app = Host()
    async with app.run_test(size=size) as pilot:
        app.pane.show(snapshot_of(losses_at(list(range(1, 300)), {100: 2.0})))
        await pilot.press("h", "h")
        await pilot.pause()
        heads = [head for head, _ in COLUMNS]
        assert app.table[0] == heads[: len(app.table[0])]
        assert len(app.table[0]) == 7 or size[0] < 64


async def test_a_resize_brings_back_the_columns_that_had_no_room() -> None:
    app = Host()
    async with app.run_test(size=(30, 20)) as pilot:
        app.pane.show(snapshot_of(losses_at([1, 2])))
        await pilot.pause()
        assert app.table[0] == ["step", "raw"]
        await pilot.resize_terminal(*GRID)
        await pilot.pause()
        assert app.table[0][-1] == "time"


async def test_losses_that_are_not_finite_are_left_out_of_the_curves_and_read_as_they_are() -> None:
    app = Host()
    async with app.run_test(size=GRID) as pilot:
        losses = losses_at([1, 2, 3])
        app.pane.show(snapshot_of(dataclasses.replace(losses, raw=np.array([np.nan, 1.0, np.inf]))))
        await pilot.press("h")
        assert app.cursor[1] == "∞"
        await pilot.press("0", "u", "u", "L")
        await pilot.pause()
        assert app.cursor[1] == "–"


def test_every_binding_has_an_id_of_its_own_and_a_tooltip() -> None:
    bindings = LossPane.BINDINGS
    ids = [binding.id for binding in bindings if not isinstance(binding, tuple)]
    assert len(set(ids)) == len(bindings)
    assert all(str(one).startswith("loss.") for one in ids)
    assert all(binding.tooltip for binding in bindings if not isinstance(binding, tuple))
