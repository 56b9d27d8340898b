"""Layers and their composition: what is found inside a stack, what each layer computes, what `train` reaches."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.autograd.functions import IntArray, gelu, reduce_sum, relu, tanh
from engine.autograd.fused import softmax_cross_entropy
from engine.autograd.gradcheck import check_gradients, numeric_gradient
from engine.autograd.tensor import Tensor
from engine.nn.layers import GELU, Dropout, JoinedEmbedding, Linear, ReLU, Tanh, TiedLinear
from engine.nn.module import Module, Sequential
from engine.nn.parameters import ArrayParameters

DOUBLE = np.dtype(np.float64)
IDS = np.array([[0, 3], [1, 1], [2, 3]])


def stack(rng: np.random.Generator) -> Sequential[IntArray]:
    """A small language model by composition alone: 4 characters, 2 of context."""
    return Sequential(
        JoinedEmbedding(4, 3, rng, DOUBLE),
        Linear(6, 5, rng, DOUBLE),
        Tanh(),
        Dropout(0.5, rng),
        Linear(5, 4, rng, DOUBLE),
    )


def test_a_stack_finds_the_weights_of_everything_in_it_the_embedding_s_too() -> None:
    assert [(name, parameter.shape) for name, parameter in stack(np.random.default_rng(0)).parameters()] == [
        ("stages.0.weight", (4, 3)),
        ("stages.1.weight", (5, 6)),
        ("stages.1.bias", (5,)),
        ("stages.4.weight", (4, 5)),
        ("stages.4.bias", (4,)),
    ]


def test_a_stack_computes_its_stages_one_after_the_other() -> None:
    model = stack(np.random.default_rng(0))
    table, weight, bias, last, offset = (parameter.data for _, parameter in model.parameters())
    bias[:], offset[:] = 0.5, -1.0
    hidden = np.tanh(table[IDS].reshape(3, 6) @ weight.T + 0.5)
    assert np.allclose(model(IDS).data, hidden @ last.T - 1, rtol=1e-13)


def test_a_stack_learns_with_every_weight_it_has() -> None:
    model, targets = stack(np.random.default_rng(0)), np.array([3, 0, 1])
    parameters = ArrayParameters(list(model.parameters()), DOUBLE)
    losses = []
    for _ in range(50):
        parameters.clear_gradient()
        loss = softmax_cross_entropy(model(IDS), targets)
        loss.backward()
        gradient = parameters.gradient()
        assert all(np.any(group.of(gradient)) for group in parameters.groups)
        parameters.values -= 0.5 * gradient
        losses.append(float(loss.data))
    assert losses[-1] < 0.1 * losses[0]


def test_train_reaches_everything_inside() -> None:
    model = stack(np.random.default_rng(0))
    quiet = model(IDS).data
    model.train(True)
    assert not np.array_equal(model(IDS).data, quiet)
    model.train(False)
    assert np.array_equal(model(IDS).data, quiet)


@pytest.mark.parametrize(
    ("layer", "values", "definition"),
    [
        (ReLU(), [0, 0, 1.5], relu),
        (Tanh(), [np.tanh(-2), 0, np.tanh(1.5)], tanh),
        # 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), by hand
        (GELU(), [-0.04540230591222981, 0, 1.3995715769802326], gelu),
    ],
)
def test_an_activation_as_a_layer_is_the_function_of_that_name(
    layer: Module[Tensor], values: list[float], definition: object
) -> None:
    assert callable(definition)
    x: NDArray[np.float64] = np.array([[-2.0, 0.0, 1.5]])
    assert np.allclose(layer(Tensor(x)).data, [values], rtol=1e-9, atol=1e-12)
    assert np.array_equal(layer(Tensor(x)).data, definition(Tensor(x)).data)
    assert list(layer.parameters()) == []
    smooth = np.array([[-2.0, -0.3, 1.5]])  # away from the kink of ReLU
    assert check_gradients(lambda t: reduce_sum(layer(t[0]) * smooth), [smooth]) < 1e-6


def test_a_table_that_two_layers_share_is_one_parameter_with_both_their_gradients() -> None:
    rng = np.random.default_rng(0)
    embedding = JoinedEmbedding(4, 3, rng, DOUBLE)
    model = Sequential(embedding, TiedLinear(6, embedding.weight, rng, DOUBLE))
    assert [(name, parameter.shape) for name, parameter in model.parameters()] == [
        ("stages.0.weight", (4, 3)),
        ("stages.1.bias", (4,)),
        ("stages.1.projection.weight", (3, 6)),
        ("stages.1.projection.bias", (3,)),
    ]
    parameters = ArrayParameters(list(model.parameters()), DOUBLE)
    slopes = np.cos(np.arange(12.0)).reshape(3, 4)

    def value(points: object) -> float:
        parameters.values[:] = points[0]  # type: ignore[index]  # one array
        return float(np.sum(model(IDS).data * slopes))

    start = parameters.values.astype(np.float64)
    (expected,) = numeric_gradient(value, [start])
    parameters.values[:] = start
    parameters.clear_gradient()
    reduce_sum(model(IDS) * slopes).backward()
    assert np.allclose(parameters.gradient(), expected, rtol=1e-8, atol=1e-10)
