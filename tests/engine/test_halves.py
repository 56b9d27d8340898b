"""A batch in two halves gives what it gives in one piece, whatever the two threads do first."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.autograd.recurrent import Reading
from engine.autograd.tensor import FloatArray, Tensor
from engine.models import mlp, recurrent, transformer_sizes
from engine.models.gru import GRU
from engine.models.halves import Halves
from engine.models.language_model import Batch, GradientModel
from engine.models.lstm import LSTM
from engine.models.mlp import MLP
from engine.models.rnn import RNN
from engine.models.transformer import Transformer
from engine.naming import layer_name
from engine.nn.layers import Dropout
from engine.nn.module import Module
from engine.nn.parameters import Parameter
from engine.training.divergence import blame

Make = Callable[..., Any]  # Any: a gradient model, of a kind that differs


def _transformer(**options: Any) -> Make:  # Any: of `Sizes`
    def make(dropout: float = 0.0, dtype: str = "float64") -> Transformer:
        sizes = transformer_sizes.Sizes(
            vocabulary=11, context=6, embedding=8, heads=2, layers=2, dropout=dropout, **options
        )
        return Transformer(sizes, seed=1, dtype=dtype)

    return make


def _mlp(**options: Any) -> Make:  # Any: of `Sizes`
    def make(dropout: float = 0.0, dtype: str = "float64") -> MLP:
        sizes = mlp.Sizes(vocabulary=11, context=6, embedding=4, hidden=8, dropout=dropout, **options)
        return MLP(sizes, seed=1, dtype=dtype)

    return make


def _recurrent(kind: type[recurrent.RecurrentModel]) -> Make:
    def make(dropout: float = 0.0, dtype: str = "float64") -> recurrent.RecurrentModel:
        sizes = recurrent.Sizes(vocabulary=11, context=6, embedding=4, hidden=8, layers=2, dropout=dropout)
        return kind(sizes, seed=1, dtype=dtype)

    return make


MODELS: dict[str, Make] = {
    "transformer": _transformer(),
    "post-norm": _transformer(norm="post", positions="rotary", tied=False),
    "sinusoidal": _transformer(positions="sinusoidal", activation="relu"),
    "mlp": _mlp(),
    "tied": _mlp(tied=True, direct=True),
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
    monkeypatch.setattr(Halves, "pays", lambda self, rows, places: True)


@pytest.fixture
def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    divide_all(monkeypatch)


def training(make: Make, **options: object) -> Any:  # Any: as in `Make`
    """A model that is being trained."""
    model = make(**options)
    model.train(True)
    return model


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
    model, fresh = training(make), training(make)
    assert model.forward(batch_for(model, rows).contexts).halves
    for changed in (model, fresh):
        changed.parameters.values += 0.1
    batch = batch_for(model, rows)
    assert loss_and_gradient(model, batch)[0] == loss_and_gradient(fresh, batch)[0]


@pytest.mark.usefixtures("divided")
def test_passes_do_not_mix_and_gradients_of_two_add_up(make: Make, rows: int) -> None:
    model = training(make)
    batch, other = batch_for(model, rows), batch_for(model, rows, seed=5)
    assert model.forward(batch.contexts).halves
    _, once = loss_and_gradient(model, batch)
    model.parameters.clear_gradient()
    loss = model.loss(batch)
    model.loss(other)
    loss.backward()
    assert np.array_equal(model.parameters.gradient(), once)
    loss.backward()
    assert np.allclose(model.parameters.gradient(), 2 * once, rtol=1e-13)


@pytest.mark.usefixtures("divided")
def test_what_a_run_began_with_gives_the_same_bits_also_with_dropout(make: Make, rows: int) -> None:
    model = training(make, dropout=0.3, dtype="float32")
    batch = batch_for(model, rows)
    steps = []
    for _ in range(3):
        noise = model.noise.bit_generator.state
        steps.append((noise, *loss_and_gradient(model, batch)))
    assert len({loss for _, loss, _ in steps}) == 3
    for again in (model, training(make, dropout=0.3, dtype="float32")):
        for noise, loss, gradient in (steps[2], steps[0], steps[1]):
            again.noise.bit_generator.state = noise
            found, slopes = loss_and_gradient(again, batch)
            assert found == loss
            assert np.array_equal(slopes, gradient)


@pytest.mark.usefixtures("divided")
def test_gradients_of_a_batch_in_halves_agree_with_finite_differences(make: Make) -> None:
    model = training(make)
    batch = batch_for(model, 3)
    values = model.parameters.values
    _, gradient = loss_and_gradient(model, batch)
    direction = np.random.default_rng(7).normal(size=values.size)
    begun, losses = values.copy(), []
    for step in (1e-6, -1e-6):
        values[:] = begun + step * direction
        model.parameters.publish()
        losses.append(float(model.loss(batch).data))
    assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(float(gradient @ direction), rel=1e-6)


@pytest.mark.parametrize("make", [_transformer(), _mlp()], ids=["transformer", "mlp"])
def test_texts_are_scored_in_halves_as_they_are_whole(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    model.parameters.values[:] += np.random.default_rng(3).normal(size=model.parameters.values.size)
    text = np.random.default_rng(4).integers(0, 11, 101).astype(np.uint8)
    whole = model.nll(text)
    divide_all(monkeypatch)
    assert np.allclose(model.nll(text), whole, rtol=1e-11)


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.usefixtures("divided")
def test_what_is_not_finite_is_found_in_either_half_wherever_it_stands(make: Make, half: int) -> None:
    model = training(make)
    batch = batch_for(model, 5)
    for stage in range(len(model.formulas())):
        forward = model.forward(batch.contexts)
        part = forward.passes[half]
        if stage >= len(part.stages):
            continue  # a recurrent layer has several formulas
        name, made = part.stages[stage]
        values = made.hidden if isinstance(made, Reading) else made.data
        values[(0,) * values.ndim] = np.inf
        assert blame(model, batch, forward) == f"the output of {layer_name(name)}"


def test_the_two_halves_are_computed_and_gone_back_through_by_two_threads() -> None:
    seen: dict[str, set[int]] = {"forward": set(), "backward": set()}
    weight = Parameter(np.ones(1))

    class Watched(Module[Tensor]):
        def __init__(self) -> None:
            self.weight = weight

        def __call__(self, x: Tensor) -> Tensor:
            seen["forward"].add(get_ident())
            own = self.weight

            def backward(gradient: FloatArray) -> None:
                seen["backward"].add(get_ident())
                own.receive(gradient.sum(axis=0))

            return Tensor.made_by("watched", x.data, (x, own), backward)

    x = np.ones((3, 1))
    both = Halves(Watched(), None)
    made = both.forward(lambda network, part: (("scores", network(Tensor(x[part]))),), 3, divided=True)
    made.logits.backward_from(np.array([[1.0], [2.0], [4.0]]))
    assert weight.grad.tolist() == [7.0]
    assert len(seen["forward"]) == len(seen["backward"]) == 2
    assert seen["forward"] == seen["backward"]


class Dropped(Module[Tensor]):
    """Dropout alone."""

    def __init__(self, noise: np.random.Generator) -> None:
        self.dropout = Dropout(0.5, noise)

    def __call__(self, x: Tensor) -> Tensor:
        return self.dropout(x)


@pytest.mark.parametrize("rows", [2, 3])
def test_the_halves_and_the_steps_drop_different_numbers(rows: int) -> None:
    noise = np.random.default_rng(0)
    module = Dropped(noise)
    both = Halves(module, noise)

    def dropped() -> FloatArray:
        ones = np.ones((rows, 64))
        parts = both.each(lambda network, part: network(Tensor(ones[part])).data, rows, divided=True)
        return np.concatenate(parts)

    module.train(True)
    every = np.concatenate([dropped(), dropped(), dropped()])
    assert set(every.ravel()) == {0.0, 2.0}
    assert len({row.tobytes() for row in every}) == len(every)
    module.train(False)
    assert np.array_equal(dropped(), np.ones((rows, 64)))


class Dense(Module[Tensor]):
    """A weight of 256 by 256 numbers."""

    def __init__(self) -> None:
        self.weight = Parameter(np.zeros((256, 256)))

    def __call__(self, x: Tensor) -> Tensor:
        return x @ self.weight


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
    model = training(make)
    two = batch_for(model, 2).contexts
    assert not model.forward(two).halves
    divide_all(monkeypatch)
    model.forget()
    assert model.forward(two).halves
    assert not model.forward(two[:1]).halves


def test_what_pays_is_a_large_product_of_many_places() -> None:
    halves = Halves(Dense(), None)
    assert halves.pays(128, 128)
    assert not halves.pays(127, 127)
    assert not halves.pays(1 << 20, 63)


@pytest.mark.usefixtures("divided")
def test_a_batch_that_is_normalised_over_its_rows_stays_in_one_piece() -> None:
    model = MLP(mlp.Sizes(vocabulary=11, context=6, embedding=4, hidden=8, batchnorm=True), seed=1)
    model.train(True)
    assert not model.forward(batch_for(model, 4).contexts).halves


@pytest.mark.parametrize(("rows", "passes"), [(3, 1), (4, 2)])
def test_a_recurrent_model_is_divided_from_a_million_multiply_adds_a_step_on(rows: int, passes: int) -> None:
    model = RNN(
        recurrent.Sizes(vocabulary=11, context=32, embedding=8, hidden=512), seed=1
    )  # 521 * 512 weights
    model.train(True)
    assert len(model.forward(np.zeros((rows, 32), np.uint8)).passes) == passes


@pytest.mark.parametrize(("rows", "passes"), [(127, 1), (128, 2)])
def test_a_feed_forward_model_is_divided_from_eight_million_on(rows: int, passes: int) -> None:
    model = MLP(mlp.Sizes(vocabulary=11, context=8, embedding=8, hidden=1024, layers=1), seed=1)  # 64 * 1024
    model.train(True)
    assert len(model.forward(np.zeros((rows, 8), np.uint8)).passes) == passes


def test_making_the_twin_does_not_pretend_that_a_gradient_has_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = MODELS["lstm"]()
    model.train(True)
    divide_all(monkeypatch)
    model.parameters.clear_gradient()
    model.forward(batch_for(model, 5).contexts)
    assert all(parameter._fresh for parameter in model.parameters._parameters)
