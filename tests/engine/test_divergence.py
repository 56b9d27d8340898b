"""A number that is not finite stops the run before the update, and says where it began and what can be done."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.commands import Alter, Rewind
from engine.naming import layer_name
from engine.training.divergence import Diverged
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=3, batch=4, seed=5)
WILD = SMALL.with_values(layers=1, initialiser="he", rate=100)
"""Diverges within a few steps."""
RECURRENT = Recipe(model="gru", context=3, embedding=4, hidden=8, layers=2, batch=4)
TRANSFORMER = Recipe(model="transformer", context=3, embedding=4, heads=2, layers=2, batch=4, tied="no")
GROUPS = [
    "embedding.weight",
    *(f"hidden.{layer}.{part}" for layer in range(3) for part in ("weight", "bias")),
    "output.weight",
    "output.bias",
]


@pytest.fixture(autouse=True)
def _overflow_is_expected() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def poison(trainer: Trainer, group: str, number: float) -> None:
    """Fill one array of parameters with `number`."""
    (found,) = (g for g in trainer.model.parameters.groups if g.name == group)
    found.of(trainer.model.parameters.values)[:] = number
    trainer.model.parameters.publish()


def step_until_it_diverges(trainer: Trainer) -> tuple[Diverged, bytes]:
    for _ in range(1000):
        before = trainer.model.parameters.values.tobytes()
        try:
            trainer.step()
        except Diverged as diverged:
            return diverged, before
    raise AssertionError("the run did not diverge")


@pytest.mark.parametrize(
    "recipe",
    [
        WILD,
        WILD.with_values(momentum=0.9),
        WILD.with_values(activation="gelu", layers=2),
        WILD.with_values(model="scalar-mlp", hidden=4),
    ],
    ids=["relu", "momentum", "gelu", "scalar"],
)
def test_a_rate_that_is_far_too_high_stops_the_run_before_the_update(recipe: Recipe, phrase: Corpus) -> None:
    trainer = Trainer(recipe, phrase)
    diverged, before = step_until_it_diverges(trainer)
    assert trainer.model.parameters.values.tobytes() == before
    trouble = diverged.trouble
    assert trouble.step == trainer.steps_made + 1
    assert trouble.message.startswith(f"step {trouble.step}: ")
    assert "The update was not applied" in trouble.message
    assert "(it is 100)" in trouble.message
    assert "it began in the " in trouble.message
    assert len(trainer.losses) == trainer.steps_made
    assert np.isfinite(trainer.losses.column(0)).all()


def test_the_remedies_are_commands_to_go_back_to_lower_the_rate_and_to_clip(phrase: Corpus) -> None:
    diverged, _ = step_until_it_diverges(Trainer(WILD, phrase))
    commands = [remedy.commands for remedy in diverged.trouble.remedies]
    assert all(isinstance(first, Rewind) for first, *_ in commands)
    assert [rest for _, *rest in commands] == [[], [Alter("rate", 10.0)], [Alter("clip_norm", 1.0)]]
    assert "lower the learning rate to 10" in diverged.trouble.remedies[1].label


def test_a_run_that_went_back_and_learns_more_slowly_goes_on(phrase: Corpus) -> None:
    trainer = Trainer(WILD, phrase)
    step_until_it_diverges(trainer)
    trainer.rewind(100)
    assert trainer.steps_made == 0
    trainer.alter("rate", 0.1)
    for _ in range(50):
        trainer.step()
    assert trainer.losses.column(0)[-1] < 4
    assert np.isfinite(trainer.model.parameters.values).all()


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("model", ["mlp", "scalar-mlp"])
def test_weights_that_are_not_finite_are_blamed_by_their_name(
    model: str, group: str, number: float, phrase: Corpus
) -> None:
    trainer = Trainer(SMALL.with_values(model=model, activation="tanh"), phrase)
    trainer.step()
    poison(trainer, group, number)
    before = trainer.model.parameters.values.tobytes()
    if np.isinf(number) and group.startswith(
        "hidden"
    ):  # tanh makes finite numbers of infinite ones, unless their
        poison(trainer, "output.bias", np.nan)  # signs differ: make sure of a loss that is not finite
        before = trainer.model.parameters.values.tobytes()
    with pytest.raises(Diverged, match=rf"it began in the array {re.escape(layer_name(group))}\."):
        trainer.step()
    assert trainer.model.parameters.values.tobytes() == before
    assert trainer.steps_made == 1


def test_of_several_sick_layers_the_first_is_blamed(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    poison(trainer, "output.weight", np.nan)
    poison(trainer, "hidden.1.bias", np.inf)
    with pytest.raises(Diverged, match=r"it began in the array hidden 2 bias\."):
        trainer.step()


@pytest.mark.parametrize(
    ("group", "stage"),
    [("hidden.0.weight", "hidden.2"), ("hidden.2.weight", "hidden.2"), ("output.weight", "logits")],
)
def test_an_activation_that_overflows_is_blamed_by_its_stage(group: str, stage: str, phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    for name in GROUPS:
        poison(trainer, name, 0.5)
    poison(trainer, group, 3e38 if group != "hidden.0.weight" else 1e37)
    with pytest.raises(Diverged, match=rf"it began in the output of {layer_name(stage)}\."):
        trainer.step()


@pytest.mark.parametrize(
    ("recipe", "group", "stage"),
    [
        (RECURRENT.with_values(model="rnn"), "output.weight", "logits"),
        (RECURRENT.with_values(model="lstm"), "output.weight", "logits"),
        (RECURRENT.with_values(model="gru"), "output.weight", "logits"),
        (TRANSFORMER, "block.1.feed_forward.outer.weight", "block.1"),
        (TRANSFORMER, "output.weight", "logits"),
    ],
)
def test_a_stage_of_a_sequence_that_overflows_is_blamed_too(
    recipe: Recipe, group: str, stage: str, phrase: Corpus
) -> None:
    trainer = Trainer(recipe, phrase)
    trainer.step()
    for found in trainer.model.parameters.groups:
        poison(trainer, found.name, 0.5)  # so that nothing cancels
    poison(trainer, group, 3e38)
    with pytest.raises(Diverged, match=rf"step 2: .*; it began in the output of {layer_name(stage)}\."):
        trainer.step()


def test_a_gradient_that_overflows_behind_a_finite_loss_is_blamed_from_the_output_backwards(
    phrase: Corpus,
) -> None:
    trainer = Trainer(SMALL, phrase)
    for layer, size in enumerate((1e-37, 1e10, 1e5)):  # the outputs stay representable, the slopes do not
        poison(trainer, f"hidden.{layer}.weight", size)
    poison(trainer, "embedding.weight", 1.0)
    output = trainer.model.parameters.groups[-2].of(trainer.model.parameters.values)
    output[:] = np.linspace(-1e25, 1e25, output.size)
    told = r"a gradient is not finite; it began in the gradient of hidden 1 bias\."
    with pytest.raises(Diverged, match=told) as stopped:
        trainer.step()
    assert np.isfinite(trainer.batch_loss)
    assert stopped.value.trouble.step == 1
    assert trainer.steps_made == 0


def test_a_loss_that_overflows_is_told_even_where_its_gradient_is_finite(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    bias = trainer.model.parameters.groups[-1].of(trainer.model.parameters.values)
    bias[:] = -3e38
    bias[0] = 3e38  # a newline or a space, and not the only character of the batch
    before = trainer.model.parameters.values.tobytes()
    with pytest.raises(Diverged, match=r"step 1: the loss is inf; it began in the loss itself\."):
        trainer.step()
    assert trainer.model.parameters.values.tobytes() == before


def test_a_large_but_finite_gradient_goes_through_and_is_measured(phrase: Corpus) -> None:
    trainer = Trainer(SMALL.with_values(layers=1, rate=0, clip_norm=1), phrase)
    poison(trainer, "hidden.0.weight", 1e-25)
    poison(trainer, "embedding.weight", 1.0)
    output = trainer.model.parameters.groups[-2].of(trainer.model.parameters.values)
    output[:] = np.linspace(-1e24, 1e24, output.size)
    record = trainer.step()
    assert record.gradient_norm is not None
    assert 1e20 < record.gradient_norm < np.inf  # its square is beyond float32


def test_the_way_out_under_a_schedule_lowers_what_was_chosen_and_not_the_rate_of_the_step(
    phrase: Corpus,
) -> None:
    trainer = Trainer(SMALL.with_values(rate=50, schedule="cosine", warmup=99), phrase)
    for _ in range(3):
        trainer.step()
    poison(trainer, "output.weight", np.nan)
    with pytest.raises(Diverged) as stopped:
        trainer.step()
    alters = [c for r in stopped.value.trouble.remedies for c in r.commands if isinstance(c, Alter)]
    assert Alter("rate", 5.0) in alters
    assert Rewind(3) in stopped.value.trouble.remedies[0].commands  # no further than the beginning
