"""Direct connections, batch normalisation and tied vectors of the feed-forward model, alone and together."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.autograd.gradcheck import numeric_gradient
from engine.information import log_softmax
from engine.models.language_model import Batch
from engine.models.mlp import MLP, Sizes
from engine.models.scalar_mlp import ScalarMLP

Floats = NDArray[np.float64]
COMBINATIONS = list(product([False, True], repeat=3))
NAMES = ("direct", "batchnorm", "tied")
V, C, E, H = 5, 3, 2, 4


def sizes_with(direct: bool, batchnorm: bool, tied: bool, **others: Any) -> Sizes:  # Any: any field
    shape: dict[str, Any] = {"vocabulary": V, "context": C, "embedding": E, "hidden": H, "activation": "tanh"}
    return Sizes(**{**shape, **others}, direct=direct, batchnorm=batchnorm, tied=tied)


def model_with(*options: bool, **others: Any) -> MLP:  # Any: as above
    """A model in training whose biases are not zero either."""
    model = MLP(sizes_with(*options, **others), seed=3, dtype="float64")
    model.parameters.values[:] += np.random.default_rng(8).normal(
        scale=0.5, size=model.parameters.values.size
    )
    model.train(True)
    return model


def batch_of(size: int, seed: int = 0) -> Batch:
    rows = np.random.default_rng(seed).integers(0, V, (size, C + 1)).astype(np.uint8)
    return Batch(rows[:, :-1], rows[:, -1], np.arange(size))


def gradient_of(model: MLP, batch: Batch) -> tuple[float, Floats]:
    model.parameters.clear_gradient()
    loss = model.loss_of(model.forward(batch.contexts), batch.targets)
    loss.backward()
    return float(loss.data.item()), model.parameters.gradient().astype(np.float64)


# What is computed.


def test_each_option_brings_and_takes_away_its_parameters() -> None:
    def shapes(*options: bool) -> dict[str, tuple[int, ...]]:
        groups = MLP(sizes_with(*options), seed=0).parameters.groups
        return {group.name: group.shape for group in groups}

    plain = shapes(False, False, False)
    assert shapes(True, False, False) == {**plain, "direct.weight": (V, C * E)}
    kept = {name: shape for name, shape in plain.items() if name not in ("hidden.0.bias", "hidden.1.bias")}
    scales = {f"norm.{i}.{part}": (H,) for i in range(2) for part in ("weight", "bias")}
    assert shapes(False, True, False) == {**kept, **scales}
    tied = {name: shape for name, shape in plain.items() if not name.startswith("output")}
    ends = {"output.bias": (V,), "output.projection.weight": (E, H), "output.projection.bias": (E,)}
    assert shapes(False, False, True) == {**tied, **ends}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", COMBINATIONS)
def test_the_scores_are_those_of_the_formulas(options: tuple[bool, bool, bool], training: bool) -> None:
    direct, batchnorm, tied = options
    model, batch = model_with(*options), batch_of(6)
    model.forward(batch_of(9, seed=1).contexts)  # statistics that are not those of a fresh model
    w = {g.name: g.of(model.parameters.values).reshape(g.shape) for g in model.parameters.groups}
    memory = dict(model.memory)
    model.train(training)
    x = inputs = w["embedding.weight"][batch.contexts].reshape(6, C * E)
    for layer in range(2):
        z = x @ w[f"hidden.{layer}.weight"].T
        if batchnorm:
            mean, variance = (memory[f"norm.{layer}.{name}"] for name in ("mean", "variance"))
            if training:
                mean, variance = z.mean(axis=0), z.var(axis=0)
            z = (z - mean) / np.sqrt(variance + 1e-5) * w[f"norm.{layer}.weight"] + w[f"norm.{layer}.bias"]
        else:
            z = z + w[f"hidden.{layer}.bias"]
        x = np.tanh(z)
    if tied:
        x = x @ w["output.projection.weight"].T + w["output.projection.bias"]
        expected = x @ w["embedding.weight"].T + w["output.bias"]
    else:
        expected = x @ w["output.weight"].T + w["output.bias"]
    if direct:
        expected = expected + inputs @ w["direct.weight"].T
    assert np.allclose(model.forward(batch.contexts).logits.data, expected, rtol=1e-12, atol=1e-12)


def test_an_option_leaves_the_first_weights_of_the_rest_as_they_were() -> None:
    plain, direct = (MLP(sizes_with(on, False, False), seed=4).parameters for on in (False, True))
    assert np.array_equal(direct.values[: plain.values.size], plain.values)


def test_the_formulas_name_what_is_added() -> None:
    assert sizes_with(False, False, False).formulas()["logits"] == "z = W3 h2 + b3"
    formulas = sizes_with(True, True, True).formulas()
    assert formulas["hidden.1"] == "h2 = tanh(BN(W2 h1))"
    assert formulas["logits"] == "z = T (W3 h2 + b3) + c + D x"
    assert set(formulas) == set(MLP(sizes_with(True, True, True), seed=0).probe(np.array([1], np.uint8)))


# Gradients.


@pytest.mark.parametrize("options", COMBINATIONS)
def test_every_parameter_has_the_gradient_that_finite_differences_find(
    options: tuple[bool, bool, bool],
) -> None:
    model, batch = model_with(*options), batch_of(6)
    _, gradient = gradient_of(model, batch)
    start = model.parameters.values.astype(np.float64)

    def loss_at(points: object) -> float:
        model.parameters.values[:] = points[0]  # type: ignore[index]  # one array
        return float(model.loss_of(model.forward(batch.contexts), batch.targets).data.item())

    (expected,) = numeric_gradient(loss_at, [start], step=1e-4)
    assert np.allclose(gradient, expected, rtol=1e-6, atol=1e-8)
    assert all(np.any(group.of(gradient)) for group in model.parameters.groups)


@pytest.mark.parametrize("options", COMBINATIONS)
def test_losses_and_all_gradients_are_those_of_pytorch(options: tuple[bool, bool, bool]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is optional: it only judges the gradients")
    direct, batchnorm, tied = options
    model, batch = model_with(*options), batch_of(7)
    loss, gradient = gradient_of(model, batch)
    w = {
        group.name: torch.tensor(group.of(model.parameters.values).reshape(group.shape), requires_grad=True)
        for group in model.parameters.groups
    }
    linear = torch.nn.functional.linear
    x = inputs = w["embedding.weight"][torch.tensor(batch.contexts.astype(np.int64))].reshape(7, -1)
    running: list[Any] = []  # Any: PyTorch's tensors
    for layer in range(2):
        x = linear(x, w[f"hidden.{layer}.weight"], w.get(f"hidden.{layer}.bias"))
        if batchnorm:
            statistics = torch.zeros(H, dtype=torch.float64), torch.ones(H, dtype=torch.float64)
            running += statistics
            scale, shift = w[f"norm.{layer}.weight"], w[f"norm.{layer}.bias"]
            x = torch.nn.functional.batch_norm(x, *statistics, scale, shift, training=True)
        x = torch.tanh(x)
    if tied:
        x = linear(x, w["output.projection.weight"], w["output.projection.bias"])
    logits = linear(x, w["embedding.weight" if tied else "output.weight"], w["output.bias"])
    if direct:
        logits = logits + linear(inputs, w["direct.weight"])
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(batch.targets.astype(np.int64)))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-10)
    for group in model.parameters.groups:
        assert np.allclose(group.of(gradient), w[group.name].grad.numpy().ravel(), rtol=1e-9, atol=1e-11)
    for ours, theirs in zip(model.memory.values(), running, strict=True):
        assert np.allclose(ours, theirs.numpy(), rtol=1e-12)


# Memory.


@pytest.mark.parametrize("options", COMBINATIONS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_a_text_is_written_with_the_scores_of_its_windows(
    options: tuple[bool, bool, bool], activation: str
) -> None:
    model = model_with(*options, activation=activation)
    for seed in range(3):  # running statistics that are not those of the beginning
        model.train(True)
        model.loss(batch_of(8, seed))
    model.train(False)
    text = np.random.default_rng(4).integers(0, model.vocabulary_size, 20).astype(np.uint8)
    continuation = model.start(text[:2])
    for place in range(2, 20):
        assert np.allclose(continuation.logits, model.logits(text[:place]), rtol=1e-12, atol=1e-12)
        continuation.advance(int(text[place]))


def test_a_text_under_way_keeps_the_weights_it_began_with() -> None:
    model = model_with(True, True, True)
    continuation = model.start(np.array([1, 2], dtype=np.uint8))
    before = continuation.logits.copy()
    model.parameters.values *= 2
    assert np.array_equal(continuation.logits, before)


def test_a_model_without_batch_normalisation_remembers_nothing() -> None:
    assert dict(model_with(True, False, True).memory) == {}


def test_training_goes_on_exactly_from_what_was_remembered() -> None:
    model = model_with(False, True, False)
    model.forward(batch_of(6).contexts)
    kept = model.memory
    copies = {name: array.copy() for name, array in kept.items()}
    assert list(kept) == ["norm.0.mean", "norm.0.variance", "norm.1.mean", "norm.1.variance"]
    courses = []
    for _ in range(2):
        model.remember(kept)
        for seed in (1, 2):
            model.forget()
            model.forward(batch_of(6, seed).contexts)
        courses.append(dict(model.memory))
    for name in kept:
        assert np.array_equal(courses[0][name], courses[1][name])
        assert not np.array_equal(courses[0][name], kept[name])
        assert np.array_equal(kept[name], copies[name])  # nothing wrote to it


def test_looking_moves_no_statistics_and_does_not_depend_on_training() -> None:
    model, text = model_with(True, True, True, dropout=0.5), np.array([1, 4, 0, 2, 3], dtype=np.uint8)
    model.forward(batch_of(6).contexts)
    before = dict(model.memory)
    seen = [model.logits(text), model.nll(text), model.start(text).logits, model.probe(text)["hidden.0"]]
    assert all(model.memory[name] is array for name, array in before.items())
    model.train(False)
    again = [model.logits(text), model.nll(text), model.start(text).logits, model.probe(text)["hidden.0"]]
    assert all(np.array_equal(one, other) for one, other in zip(seen, again, strict=True))
    assert seen[1][4] == pytest.approx(-log_softmax(model.logits(text[:4]))[3], rel=1e-12)


def test_another_model_that_adopts_it_scores_as_it_does() -> None:
    model, other = model_with(False, True, True), MLP(sizes_with(False, True, True), seed=9, dtype="float64")
    model.forward(batch_of(6).contexts)
    other.adopt(model)
    text = np.array([1, 4, 0, 2, 3], dtype=np.uint8)
    scores = other.nll(text)
    assert np.array_equal(scores, model.nll(text))
    model.forward(batch_of(6, seed=5).contexts)
    assert np.array_equal(other.nll(text), scores)


# What is refused.


def test_a_batch_of_one_cannot_be_normalised_in_training() -> None:
    model, one = model_with(False, True, False), batch_of(1)
    with pytest.raises(ValueError, match=r"batch = 1: .*choose batch = 2 or more, or a model without it"):
        model.forward(one.contexts)
    assert not any(model.memory[f"norm.{i}.mean"].any() for i in range(2))
    model.train(False)
    assert model.forward(one.contexts).logits.shape == (1, V)


@pytest.mark.parametrize("name", NAMES)
def test_the_model_on_single_numbers_refuses_what_it_does_not_have(name: str) -> None:
    with pytest.raises(
        ValueError, match=f"{name} = yes: scalar-mlp has none; set it to no, or choose model = mlp"
    ):
        ScalarMLP(sizes_with(*(name == other for other in NAMES)), seed=0)
