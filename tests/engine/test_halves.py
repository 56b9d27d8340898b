"""A batch in two halves gives what it gives in one piece, whatever the two threads do first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.autograd.tensor import FloatArray, Tensor
from engine.models import mlp, recurrent, transformer
from engine.models.gru import GRU
from engine.models.halves import Halves
from engine.models.language_model import Batch, GradientModel
from engine.models.lstm import LSTM
from engine.models.mlp import MLP
from engine.models.rnn import RNN
from engine.models.transformer import Transformer
from engine.nn.layers import Dropout
from engine.nn.module import Module
from engine.nn.parameters import Parameter
from engine.training.divergence import blame

Make = Callable[..., Any]  # Any: a gradient model, of a kind that differs


def _transformer(dropout: float = 0.0, dtype: str = "float64") -> Transformer:
    sizes = transformer.Sizes(vocabulary=11, context=6, embedding=8, heads=2, layers=2, dropout=dropout)
    return Transformer(sizes, seed=1, dtype=dtype)


def _mlp(dropout: float = 0.0, dtype: str = "float64") -> MLP:
    return MLP(
        mlp.Sizes(vocabulary=11, context=6, embedding=4, hidden=8, dropout=dropout), seed=1, dtype=dtype
    )


def _recurrent(kind: type[recurrent.RecurrentModel]) -> Make:
    def make(dropout: float = 0.0, dtype: str = "float64") -> recurrent.RecurrentModel:
        sizes = recurrent.Sizes(vocabulary=11, context=6, embedding=4, hidden=8, layers=2, dropout=dropout)
        return kind(sizes, seed=1, dtype=dtype)

    return make


MODELS = {
    "transformer": _transformer,
    "mlp": _mlp,
    "rnn": _recurrent(RNN),
    "lstm": _recurrent(LSTM),
    "gru": _recurrent(GRU),
}


@pytest.fixture(params=MODELS)
def make(request: pytest.FixtureRequest) -> Make:
    return MODELS[request.param]


@pytest.fixture(params=[2, 5])
def rows(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def batch_for(model: GradientModel, rows: int, seed: int = 2, *, continues: bool = False) -> Batch:
    text = np.random.default_rng(seed).integers(0, 11, (rows, 7)).astype(np.uint8)
    targets = text[:, 1:] if model.everywhere else text[:, -1]
    return Batch(text[:, :-1], targets, np.arange(rows), continues)


def divide_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on even the smallest batch is divided."""
    monkeypatch.setattr(transformer, "LARGE", 0)
    monkeypatch.setattr(mlp, "LARGE", 0)
    monkeypatch.setattr(recurrent, "LARGE_STEP", 0)


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_all(monkeypatch)


def loss_and_gradient(model: GradientModel, batch: Batch) -> tuple[float, NDArray[np.floating]]:
    model.parameters.clear_gradient()
    loss = model.loss(batch)
    loss.backward()
    return float(loss.data), model.parameters.gradient().copy()  # type: ignore[arg-type]  # a 0-d array


def two_steps(model: GradientModel, rows: int) -> list[Any]:  # Any: losses, gradients, what is carried along
    """Of two batches, the second going on where the first ended."""
    model.train(True)
    first = loss_and_gradient(model, batch_for(model, rows))
    second = loss_and_gradient(model, batch_for(model, rows, 3, continues=True))
    return [*first, *second, *model.memory.values()]


def test_values_gradients_and_states_are_those_of_one_piece(
    make: Make, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = two_steps(make(), rows)
    divide_all(monkeypatch)
    halves = two_steps(make(), rows)
    assert len(whole) == len(halves)
    for one, other in zip(whole, halves, strict=True):
        assert np.allclose(one, other, rtol=1e-11, atol=1e-13)


def test_what_every_row_gave_is_found_in_its_half(
    make: Make, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make()
    contexts = batch_for(model, rows).contexts
    model.train(True)
    whole = model.forward(contexts)
    assert whole.passes == (whole,)
    divide_all(monkeypatch)
    model.forget()
    halves = model.forward(contexts)
    assert len(halves.passes) == 2
    for row in range(rows):
        one, other = model.stage_values(whole, row), model.stage_values(halves, row)
        assert list(one) == list(other) == list(model.formulas())
        assert all(np.allclose(one[name], other[name], rtol=1e-11, atol=1e-13) for name in one)


@pytest.mark.usefixtures("divided")
def test_the_second_half_learns_along(make: Make, rows: int) -> None:
    model, fresh = make(), make()
    model.loss(batch_for(model, rows))
    for changed in (model, fresh):
        changed.parameters.values += 0.1
    batch = batch_for(model, rows)
    assert loss_and_gradient(model, batch)[0] == loss_and_gradient(fresh, batch)[0]


@pytest.mark.usefixtures("divided")
def test_passes_do_not_mix_and_gradients_of_two_add_up(make: Make, rows: int) -> None:
    model = make()
    batch, other = batch_for(model, rows), batch_for(model, rows, seed=5)
    _, once = loss_and_gradient(model, batch)
    model.parameters.clear_gradient()
    loss = model.loss(batch)
    model.loss(other)
    loss.backward()
    assert np.array_equal(model.parameters.gradient(), once)
    loss.backward()
    assert np.allclose(model.parameters.gradient(), 2 * once, rtol=1e-13)


@pytest.mark.usefixtures("divided")
def test_the_same_state_gives_the_same_bits_also_with_dropout(make: Make, rows: int) -> None:
    results = []
    for _ in range(5):
        model = make(dropout=0.3, dtype="float32")
        model.train(True)
        results.append([loss_and_gradient(model, batch_for(model, rows)) for _ in range(3)])
    for steps in results[1:]:
        for (loss, gradient), (first_loss, first_gradient) in zip(steps, results[0], strict=True):
            assert loss == first_loss
            assert np.array_equal(gradient, first_gradient)
    assert len({loss for loss, _ in results[0]}) == 3


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.usefixtures("divided")
def test_what_is_not_finite_is_found_in_either_half(make: Make, half: int) -> None:
    model = make()
    batch = batch_for(model, 5)
    model.train(True)
    forward = model.forward(batch.contexts)
    _, embedding = forward.passes[half].stages[0]
    embedding.data.flat[0] = np.inf  # at the first place, which is not the one that is shown
    assert blame(model, batch, forward) == "the output of embedding"


class Dropped(Module[Tensor]):
    """Dropout alone."""

    def __init__(self, noise: np.random.Generator) -> None:
        self.dropout = Dropout(0.5, noise)

    def __call__(self, x: Tensor) -> Tensor:
        return self.dropout(x)


def test_the_halves_drop_different_numbers() -> None:
    noise = np.random.default_rng(0)
    module = Dropped(noise)
    both = Halves(module, noise)

    def dropped() -> FloatArray:
        parts = both.each(lambda network, part: network(Tensor(np.ones((2, 64))[part])).data, 2, divided=True)
        return np.concatenate(parts)

    module.train(True)
    first, second = dropped()
    assert set(first) == set(second) == {0.0, 2.0}
    assert not np.array_equal(first, second)
    module.train(False)
    assert np.array_equal(dropped(), np.ones((2, 64)))


class Failing(Module[Tensor]):
    """Refuses the example that begins with a given number."""

    def __init__(self, refused: float) -> None:
        self._refused = refused
        self.weight = Parameter(np.ones(1))

    def __call__(self, x: Tensor) -> Tensor:
        if x.data[0, 0] == self._refused:
            raise ValueError(f"refused {self._refused}")
        return Tensor.made_by("same", x.data, (x, self.weight), self._pass)

    def _pass(self, gradient: FloatArray) -> None:
        raise ValueError("no way back")


@pytest.mark.parametrize("refused", [0.0, 1.0])
def test_an_error_in_either_half_reaches_the_caller_and_the_next_batch_works(refused: float) -> None:
    both = Halves(Failing(refused), None)

    def logits(numbers: list[list[float]]) -> Tensor:
        x = np.array(numbers)
        forward = both.forward(lambda network, part: (("scores", network(Tensor(x[part]))),), 2, divided=True)
        made: Tensor = forward.logits
        return made

    with pytest.raises(ValueError, match=f"refused {refused}"):
        logits([[0.0], [1.0]])
    fine = logits([[5.0], [6.0]])
    assert fine.data.tolist() == [[5.0], [6.0]]
    with pytest.raises(ValueError, match="no way back"):
        fine.backward_from(np.ones((2, 1)))


def test_a_batch_that_is_small_or_has_one_example_stays_in_one_piece(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make()
    two = batch_for(model, 2).contexts
    model.train(True)
    assert not model.forward(two).halves
    divide_all(monkeypatch)
    model.forget()
    assert model.forward(two).halves
    assert not model.forward(two[:1]).halves


@pytest.mark.usefixtures("divided")
def test_a_batch_that_is_normalised_over_its_rows_stays_in_one_piece() -> None:
    model = MLP(mlp.Sizes(vocabulary=11, context=6, embedding=4, hidden=8, batchnorm=True), seed=1)
    model.train(True)
    assert not model.forward(batch_for(model, 4).contexts).halves
