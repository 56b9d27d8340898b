"""Going back is exact, going forward again gives the same bits, and no accident leaves a run between two steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.corpus import Corpus, Origin
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET
from engine.training.trainer import Trainer

TEXT = "sixty zippers were quickly picked from the woven jute bag. " * 4
CORPUS = Corpus.from_text("text", TEXT, origin=Origin.OWN, source="written here")
SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5)
RECIPES = {
    "sgd": SMALL,
    "momentum": SMALL.with_values(momentum=0.9, rate=0.02),
    "adam": SMALL.with_values(optimizer="adam", rate=0.01),
    "dropout": SMALL.with_values(dropout=0.3),
    "clipping": SMALL.with_values(clip_norm=0.3, clip_value=0.1),
    "cosine": SMALL.with_values(schedule="cosine", warmup=10, steps=90, optimizer="adam", rate=0.02),
    "all": SMALL.with_values(
        momentum=0.8, dropout=0.2, clip_norm=0.5, schedule="cosine", warmup=9, steps=70, precision="float64"
    ),
    "scalar": SMALL.with_values(model="scalar-mlp", embedding=2, hidden=3, layers=1, batch=1),
}
kinds = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))

Moment = tuple[int, bytes, float, list[int], list[float], list[float], Recipe]


def moment(trainer: Trainer) -> Moment:
    """All that can be seen of a run between two steps; what cannot be seen shows in the steps after."""
    losses = trainer.losses
    return (
        trainer.steps_made,
        trainer.model.parameters.values.tobytes(),
        trainer.epochs,
        losses.steps().tolist(),
        losses.column(0).tolist(),
        losses.column(1).tolist(),
        trainer.current,
    )


def course(recipe: Recipe, steps: int) -> list[Moment]:
    """Every moment of a run that never went back."""
    trainer = Trainer(recipe, CORPUS)
    moments = [moment(trainer)]
    for _ in range(steps):
        trainer.step()
        moments.append(moment(trainer))
    return moments


@kinds
def test_every_step_back_and_forward_again_is_exact(recipe: Recipe) -> None:
    expected = course(recipe, 70)
    trainer = Trainer(recipe, CORPUS)
    for _ in range(70):
        trainer.step()
    for back in (1, 1, 2, 15, 16, 17, 3):
        assert trainer.rewind(back) == back
        assert moment(trainer) == expected[trainer.steps_made]
    assert trainer.steps_made == 15
    while trainer.steps_made < 70:
        trainer.step()
        assert moment(trainer) == expected[trainer.steps_made]
    assert trainer.rewind(70) == 70
    assert moment(trainer) == expected[0]
    trainer.step()
    assert moment(trainer) == expected[1]


def test_the_default_budget_reaches_back_256_steps_of_the_model_of_section_3_5() -> None:
    recipe = Recipe(optimizer="adam", rate=0.003, batch=2)
    trainer = Trainer(recipe, CORPUS)
    states = trainer.rewind_limit // 16 + 1
    assert states * trainer.model.parameters.values.nbytes * 3 <= BUDGET == 64 << 20
    assert trainer.rewind_limit >= 256
    moments = []
    for _ in range(300):
        moments.append(trainer.model.parameters.values.tobytes())
        trainer.step()
    last, losses = trainer.model.parameters.values.tobytes(), trainer.losses.column(0)
    assert trainer.rewind(256) == 256
    assert trainer.model.parameters.values.tobytes() == moments[44]
    for step in range(44, 300):
        assert trainer.model.parameters.values.tobytes() == moments[step]
        trainer.step()
    assert trainer.model.parameters.values.tobytes() == last
    assert np.array_equal(trainer.losses.column(0), losses)


def test_large_batches_on_two_threads_are_repeated_exactly() -> None:
    trainer = Trainer(Recipe(batch=256, momentum=0.5), CORPUS)
    made = [trainer.step() for _ in range(25)]
    values = trainer.model.parameters.values.tobytes()
    trainer.rewind(23)
    assert [trainer.step() for _ in range(23)] == made[2:]
    assert trainer.model.parameters.values.tobytes() == values


def test_a_change_of_batch_from_1_to_32_and_back_is_gone_back_over_exactly() -> None:
    recipe = SMALL.with_values(batch=1, optimizer="adam", rate=0.01)
    trainer = Trainer(recipe, CORPUS)
    for step in range(60):
        if step in {20, 41}:
            trainer.alter("batch", 32 if step == 20 else 1)
        trainer.step()
    expected = course(trainer.recipe, 60)
    assert moment(trainer) == expected[60]
    for back in (15, 10, 20, 5):
        trainer.rewind(back)
        assert moment(trainer) == expected[trainer.steps_made]
    while trainer.steps_made < 60:
        trainer.step()
        assert moment(trainer) == expected[trainer.steps_made]


moves = st.one_of(
    st.tuples(st.just("step"), st.integers(1, 25)),
    st.tuples(st.just("rewind"), st.integers(0, 40)),
    st.tuples(st.just("batch"), st.sampled_from([1, 2, 32])),
    st.tuples(st.just("rate"), st.sampled_from([0.0, 0.01, 0.1])),
    st.tuples(st.just("phases"), st.integers(1, 4)),
    st.tuples(st.just("abandon"), st.just(0)),
)


@pytest.mark.parametrize("name", ["sgd", "all"])
@given(walk=st.lists(moves, max_size=14), states=st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_after_any_walk_through_time_the_run_is_the_one_its_recipe_tells(
    name: str, walk: list[tuple[str, int | float]], states: int
) -> None:
    size = Trainer(RECIPES[name], CORPUS).model.parameters.values.nbytes * (1 + (name == "all"))
    trainer = Trainer(RECIPES[name], CORPUS, rewind_budget=states * size)
    for move, amount in walk:
        if move == "step":
            for _ in range(int(amount)):
                trainer.step()
        elif move == "rewind":
            reach, before = trainer.rewindable, trainer.steps_made
            went = trainer.rewind(int(amount))
            assert went == min(int(amount), reach) == before - trainer.steps_made
        elif move == "phases":
            trainer.abandon()
            for phase in (trainer.draw, trainer.forward, trainer.loss, trainer.backward)[: int(amount)]:
                phase()
        elif move == "abandon":
            trainer.abandon()
        else:
            trainer.alter(move, amount)
    trainer.abandon()
    ahead = trainer.steps_made + 3
    for _ in range(3):
        trainer.step()
    assert moment(trainer) == course(trainer.recipe, ahead)[-1]


# How far memory reaches.


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_a_smaller_budget_reaches_less_far_and_says_so(name: str) -> None:
    vectors = {"sgd": 1, "momentum": 2, "adam": 3}[name]
    state = Trainer(RECIPES[name], CORPUS).model.parameters.values.nbytes * vectors
    trainer = Trainer(RECIPES[name], CORPUS, rewind_budget=3 * state)
    assert trainer.rewind_limit == 32
    for _ in range(100):
        trainer.step()
    reach = trainer.rewindable
    assert 32 <= reach < 48 + 16
    assert trainer.rewind(1000) == reach
    assert trainer.steps_made == 100 - reach
    assert trainer.rewindable == 0
    assert moment(trainer)[1] == course(RECIPES[name], 100 - reach)[-1][1]


def test_without_a_budget_only_the_latest_state_can_be_gone_back_to_and_the_run_goes_on() -> None:
    trainer = Trainer(SMALL, CORPUS, rewind_budget=0)
    for _ in range(20):
        trainer.step()
    assert (trainer.rewindable, trainer.rewind_limit, trainer.rewind(5)) == (4, 0, 4)
    assert moment(trainer) == course(SMALL, 16)[-1]
    trainer.step()
    assert moment(trainer) == course(SMALL, 17)[-1]


def test_the_first_example_of_a_run_that_went_back_to_its_start_is_not_drawn_yet() -> None:
    trainer = Trainer(SMALL, CORPUS)
    assert trainer.batch is None
    for _ in range(20):
        trainer.step()
    trainer.rewind(20)
    assert trainer.batch is None


# Steps that are given up, and accidents.


@pytest.mark.parametrize("done", range(5))
@pytest.mark.parametrize("name", ["all", "dropout"])
def test_an_abandoned_step_has_never_been_begun(done: int, name: str) -> None:
    expected = course(RECIPES[name], 21)
    for go_back in (Trainer.abandon, lambda trainer: trainer.rewind(0)):
        trainer = Trainer(RECIPES[name], CORPUS)
        for _ in range(20):
            trainer.step()
        for phase in (trainer.draw, trainer.forward, trainer.loss, trainer.backward)[:done]:
            phase()
        go_back(trainer)
        assert trainer.phase is None
        assert moment(trainer) == expected[20]
        trainer.step()
        assert moment(trainer) == expected[21]


Fault = Callable[[Trainer, pytest.MonkeyPatch], None]


def fail(*_: object, **__: object) -> None:
    raise OSError("a fault from outside")


def fault_in_the_draw(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("engine.training.batches.Batches.draw", fail)


def fault_in_the_forward_pass(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trainer.model, "forward", fail)


def fault_in_the_loss(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trainer.model, "loss_of", fail)


def fault_in_the_backward_pass(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trainer.model.parameters, "gradient", fail)


def fault_in_the_middle_of_the_update(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    def half(self: object, values: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        values[::2] -= 7
        fail()

    patch.setattr("engine.training.optimizers.SGD.update", half)


def fault_after_the_update(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trainer.model.parameters, "publish", fail)


def fault_in_the_bookkeeping(trainer: Trainer, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trainer.losses, "append", fail)


FAULTS = [
    fault_in_the_draw,
    fault_in_the_forward_pass,
    fault_in_the_loss,
    fault_in_the_backward_pass,
    fault_in_the_middle_of_the_update,
    fault_after_the_update,
    fault_in_the_bookkeeping,
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [0, 16, 21])
def test_a_run_recovers_from_an_accident_in_any_phase(
    fault: Fault, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPES["all"]
    expected = course(recipe, 40)
    trainer = Trainer(recipe, CORPUS)
    for _ in range(at):
        trainer.step()
    with monkeypatch.context() as patch:
        fault(trainer, patch)
        with pytest.raises(OSError, match="a fault from outside"):
            trainer.step()
    trainer.recover()
    assert trainer.phase is None
    assert trainer.steps_made in {at, at + 1}
    assert moment(trainer)[:3] == expected[trainer.steps_made][:3]
    while trainer.steps_made < 40:
        trainer.step()
        assert moment(trainer)[:3] == expected[trainer.steps_made][:3]
    assert trainer.losses.column(1)[-1] == expected[40][5][-1]


def test_a_recovery_that_fails_itself_leaves_an_earlier_whole_step() -> None:
    expected = course(SMALL, 40)
    trainer = Trainer(SMALL, CORPUS)
    for _ in range(21):
        trainer.step()
    with pytest.MonkeyPatch.context() as patch:
        fault_in_the_forward_pass(trainer, patch)
        with pytest.raises(OSError):
            trainer.step()
        with pytest.raises(OSError):
            trainer.recover()
    trainer.abandon()
    assert trainer.steps_made == 16
    while trainer.steps_made < 40:
        assert moment(trainer) == expected[trainer.steps_made]
        trainer.step()
