"""A batch in two halves gives what it gives in one piece, whatever the two threads do first."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.autograd.tensor import FloatArray, Tensor
from engine.models.language_model import Batch
from engine.models.transformer import Sizes, Transformer
from engine.nn import halves
from engine.nn.layers import Dropout
from engine.nn.module import Module

SIZES = Sizes(vocabulary=11, context=6, embedding=8, heads=2, layers=2)


@pytest.fixture(params=[2, 5])
def example(request: pytest.FixtureRequest) -> Batch:
    rows = np.random.default_rng(2).integers(0, 11, (request.param, 7)).astype(np.uint8)
    return Batch(rows[:, :-1], rows[:, 1:], np.arange(len(rows)))


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the smallest batch is divided."""
    monkeypatch.setattr(halves, "LARGE", 0)


def loss_and_gradient(model: Transformer, example: Batch) -> tuple[float, NDArray[np.floating]]:
    model.parameters.clear_gradient()
    loss = model.loss(example)
    loss.backward()
    return float(loss.data), model.parameters.gradient().copy()  # type: ignore[arg-type]  # a 0-d array


def test_values_and_gradients_are_those_of_one_piece(example: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Transformer(SIZES, seed=1, dtype="float64")
    loss, gradient = loss_and_gradient(model, example)
    monkeypatch.setattr(halves, "LARGE", 0)
    operations = [node.op for _, node in model.forward(example.contexts).stages]
    assert operations == ["places", "halves", "halves", "linear+linear"]
    divided_loss, divided_gradient = loss_and_gradient(model, example)
    assert divided_loss == pytest.approx(loss, rel=1e-13)
    assert np.allclose(divided_gradient, gradient, rtol=1e-11, atol=1e-13)


@pytest.mark.usefixtures("divided")
def test_the_second_half_learns_along(example: Batch) -> None:
    model, fresh = (Transformer(SIZES, seed=1, dtype="float64") for _ in range(2))
    model.loss(example)
    for changed in (model, fresh):
        changed.parameters.values += 0.1
    assert loss_and_gradient(model, example)[0] == loss_and_gradient(fresh, example)[0]


@pytest.mark.usefixtures("divided")
def test_passes_do_not_mix_and_gradients_of_two_add_up(example: Batch) -> None:
    model = Transformer(SIZES, seed=1, dtype="float64")
    _, once = loss_and_gradient(model, example)
    model.parameters.clear_gradient()
    loss = model.loss(example)
    model.loss(Batch(example.targets, example.contexts, example.positions))
    loss.backward()
    assert np.array_equal(model.parameters.gradient(), once)
    loss.backward()
    assert np.allclose(model.parameters.gradient(), 2 * once, rtol=1e-13)


@pytest.mark.usefixtures("divided")
def test_the_same_state_gives_the_same_bits_also_with_dropout(example: Batch) -> None:
    results = []
    for _ in range(5):
        model = Transformer(Sizes(**{**vars(SIZES), "dropout": 0.3}), seed=1)
        model.train(True)
        results.append([loss_and_gradient(model, example) for _ in range(3)])
    for steps in results[1:]:
        for (loss, gradient), (first_loss, first_gradient) in zip(steps, results[0], strict=True):
            assert loss == first_loss
            assert np.array_equal(gradient, first_gradient)
    assert len({loss for loss, _ in results[0]}) == 3


class Dropped(Module[Tensor]):
    """Dropout alone."""

    def __init__(self, noise: np.random.Generator) -> None:
        self.dropout = Dropout(0.5, noise)

    def __call__(self, x: Tensor) -> Tensor:
        return self.dropout(x)


@pytest.mark.usefixtures("divided")
def test_the_halves_drop_different_numbers() -> None:
    noise = np.random.default_rng(0)
    module = Dropped(noise)
    both = halves.Halves(module, noise)
    module.train(True)
    dropped = both(Tensor(np.ones((2, 64)))).data
    assert set(dropped.ravel()) == {0.0, 2.0}
    assert not np.array_equal(dropped[0], dropped[1])
    module.train(False)
    assert np.array_equal(both(Tensor(np.ones((2, 64)))).data, np.ones((2, 64)))


class Failing(Module[Tensor]):
    """Refuses the example that begins with a given number."""

    def __init__(self, refused: float) -> None:
        self._refused = refused

    def __call__(self, x: Tensor) -> Tensor:
        if x.data[0, 0] == self._refused:
            raise ValueError(f"refused {self._refused}")
        return Tensor.made_by("same", x.data, (x,), self._pass)

    def _pass(self, gradient: FloatArray) -> None:
        raise ValueError("no way back")


@pytest.mark.usefixtures("divided")
@pytest.mark.parametrize("refused", [0.0, 1.0])
def test_an_error_in_either_half_reaches_the_caller_and_the_next_batch_works(refused: float) -> None:
    both = halves.Halves(Failing(refused), None)
    with pytest.raises(ValueError, match=f"refused {refused}"):
        both(Tensor(np.array([[0.0], [1.0]])))
    fine = both(Tensor(np.array([[5.0], [6.0]])))
    assert fine.data.tolist() == [[5.0], [6.0]]
    with pytest.raises(ValueError, match="no way back"):
        fine.backward_from(np.ones((2, 1)))


def test_a_batch_that_is_small_or_has_one_example_stays_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Transformer(SIZES, seed=1)
    two = np.zeros((2, 6), dtype=np.uint8)
    assert model.forward(two).stages[1][1].op == "+"
    monkeypatch.setattr(halves, "LARGE", 0)
    assert model.forward(two).stages[1][1].op == "halves"
    assert model.forward(two[:1]).stages[1][1].op == "+"
