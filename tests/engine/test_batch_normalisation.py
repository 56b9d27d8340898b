"""Batch normalisation: its two forms, their gradients, the running statistics, with PyTorch as the judge of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.autograd.activations import ACTIVATIONS, IDENTITY, Activation
from engine.autograd.batch_normalisation import EPSILON, normalise_batch, normalise_by
from engine.autograd.errors import ShapeError
from engine.autograd.functions import gelu, mean, reduce_sum, tanh
from engine.autograd.gradcheck import check_gradients
from engine.autograd.tensor import Tensor
from engine.nn.batch_normalisation import BatchNorm

Floats = NDArray[np.float64]
DOUBLE = np.dtype(np.float64)
SMOOTH: dict[str, tuple[Activation, Callable[[Tensor], Tensor]]] = {
    "linear": (IDENTITY, lambda z: z),
    "tanh": (ACTIVATIONS["tanh"], tanh),
    "gelu": (ACTIVATIONS["gelu"], gelu),
}
"""Activations without a kink, each with its readable form."""


def arrays_for(seed: int, batch: int, units: int) -> list[Floats]:
    """x, scale, shift."""
    rng = np.random.default_rng(seed)
    return [rng.normal(1, 2, (batch, units)), rng.normal(1, 0.5, units), rng.normal(size=units)]


def weighted(result: Tensor) -> Tensor:
    """One number from any result, with another weight for every entry."""
    weights = np.cos(1 + np.arange(result.data.size, dtype=np.float64)).reshape(result.shape)
    return reduce_sum(result * weights)


def of_the_batch(t: Sequence[Tensor], activation: Activation = IDENTITY) -> tuple[Tensor, Floats, Floats]:
    x, scale, shift = t
    made, middle, variance = normalise_batch(x, scale, shift, activation)
    return made, middle.astype(np.float64), variance.astype(np.float64)


def of_fixed(t: Sequence[Tensor], activation: Activation = IDENTITY) -> Tensor:
    x, scale, shift = t
    units = scale.data.size
    return normalise_by(x, scale, shift, fixed_mean(units), fixed_variance(units), activation)


def fixed_mean(units: int) -> Floats:
    return np.linspace(-1, 1, units)


def fixed_variance(units: int) -> Floats:
    return np.linspace(0.5, 2, units)


def by_plain_operations(t: Sequence[Tensor]) -> Tensor:
    x, scale, shift = t
    centred = x - mean(x, axis=0)
    return centred / (mean(centred * centred, axis=0) + EPSILON) ** 0.5 * scale + shift


def same(one: Tensor, other: Tensor, leaves: Sequence[Tensor], others: Sequence[Tensor]) -> None:
    assert np.allclose(one.data, other.data, rtol=1e-12, atol=1e-12)
    for result in (one, other):
        weighted(result).backward()
    for leaf, expected in zip(leaves, others, strict=True):
        assert leaf.grad is not None
        assert expected.grad is not None
        assert np.allclose(leaf.grad, expected.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", SMOOTH)
@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_both_forms_are_the_plain_operations_with_their_gradients(
    name: str, seed: int, batch: int, units: int
) -> None:
    activation, readable = SMOOTH[name]
    arrays = arrays_for(seed, batch, units)
    sides = [[Tensor(array.copy()) for array in arrays] for _ in range(4)]
    made, middle, variance = of_the_batch(sides[0], activation)
    assert np.allclose(middle, arrays[0].mean(axis=0), rtol=1e-12)
    assert np.allclose(variance, arrays[0].var(axis=0), rtol=1e-10)
    same(made, readable(by_plain_operations(sides[1])), sides[0], sides[1])

    x, scale, shift = sides[3]
    spread = np.sqrt(fixed_variance(units) + EPSILON)
    expected = readable((x - fixed_mean(units)) / spread * scale + shift)
    same(of_fixed(sides[2], activation), expected, sides[2], sides[3])


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(("batch", "units"), [(2, 1), (3, 4), (7, 2)])
def test_gradients_are_those_that_finite_differences_find(name: str, batch: int, units: int) -> None:
    arrays, activation = arrays_for(5, batch, units), SMOOTH[name][0]
    assert check_gradients(lambda t: weighted(of_the_batch(t, activation)[0]), arrays) < 1e-6
    assert check_gradients(lambda t: weighted(of_fixed(t, activation)), arrays) < 1e-6


def test_a_batch_comes_out_with_mean_shift_and_spread_scale_and_equal_rows_as_the_shift() -> None:
    x, scale, shift = arrays_for(2, 500, 3)
    made = normalise_batch(Tensor(x), Tensor(scale), Tensor(shift))[0].data
    assert np.allclose(made.mean(axis=0), shift, rtol=1e-10)
    assert np.allclose(made.std(axis=0), np.abs(scale), rtol=1e-4)
    equal = normalise_batch(Tensor(np.full((4, 3), 7.0)), Tensor(scale), Tensor(shift))[0].data
    assert np.allclose(equal, shift)


# The layer.


def norm(units: int = 3) -> BatchNorm:
    layer = BatchNorm(units, DOUBLE, activation="tanh")
    layer.train(True)
    return layer


def test_statistics_run_in_training_and_rest_in_evaluation() -> None:
    layer, batches = norm(), np.random.default_rng(1).normal(2, 3, (2, 5, 3))
    middle, variance = np.zeros(3), np.ones(3)
    for batch in batches:
        layer(Tensor(batch))
        middle = 0.9 * middle + 0.1 * batch.mean(axis=0)
        variance = 0.9 * variance + 0.1 * batch.var(axis=0, ddof=1)
    layer.train(False)
    made = layer(Tensor(batches[0])).data
    assert np.allclose(layer.mean, middle, rtol=1e-12)
    assert np.allclose(layer.variance, variance, rtol=1e-12)
    assert np.allclose(made, np.tanh((batches[0] - middle) / np.sqrt(variance + EPSILON)), rtol=1e-12)


def test_statistics_are_replaced_and_never_written_to() -> None:
    layer = norm()
    before = (layer.mean, layer.variance)
    copies = [array.copy() for array in before]
    layer(Tensor(np.random.default_rng(1).normal(size=(4, 3))))
    assert layer.mean is not before[0]
    assert layer.variance is not before[1]
    assert all(np.array_equal(array, copy) for array, copy in zip(before, copies, strict=True))


def test_one_example_is_refused_in_training_before_anything_changes_and_taken_in_evaluation() -> None:
    layer = norm()
    one = Tensor(np.array([[1.0, 2.0, 3.0]]))
    with pytest.raises(ValueError, match=r"batch = 1: .*choose batch = 2 or more"):
        layer(one)
    assert layer.mean.tolist() == [0, 0, 0]
    layer.train(False)
    assert layer(one).data == pytest.approx(np.tanh(one.data / np.sqrt(1 + EPSILON)))


def test_a_layer_of_float32_stays_so() -> None:
    layer = BatchNorm(2, np.dtype(np.float32), activation="gelu")
    layer.train(True)
    assert layer(Tensor(np.ones((4, 2), np.float32))).data.dtype == np.float32
    assert layer.mean.dtype == layer.variance.dtype == np.float32


@pytest.mark.parametrize("shapes", [((4, 3), (2,), (3,)), ((4, 3), (3,), (2,)), ((2, 4, 3), (3,), (3,))])
def test_sizes_that_differ_are_refused_with_their_shapes(shapes: tuple[tuple[int, ...], ...]) -> None:
    tensors = [Tensor(np.ones(shape)) for shape in shapes]
    with pytest.raises(ShapeError, match=r"scale \(\d,\) and shift \(\d,\)"):
        of_the_batch(tensors)
    with pytest.raises(ShapeError, match=r"scale \(\d,\) and shift \(\d,\)"):
        of_fixed(tensors)


def test_outputs_gradients_and_statistics_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="parity with PyTorch is checked where it is installed")
    layer, theirs = norm(4), torch.nn.BatchNorm1d(4, dtype=torch.float64)
    rng = np.random.default_rng(3)
    for ours, their in ((layer.weight, theirs.weight), (layer.bias, theirs.bias)):
        ours.data[:] = rng.normal(1, 0.5, 4)
        with torch.no_grad():
            their.copy_(torch.tensor(ours.data))
    for training in (True, True, True, False):
        layer.train(training)
        theirs.train(training)
        for parameter in (layer.weight, layer.bias):
            parameter.clear_gradient()
        theirs.zero_grad()
        x = rng.normal(2, 3, (6, 4))
        ours_x, their_x = Tensor(x), torch.tensor(x, requires_grad=True)
        made, expected = layer(ours_x), torch.tanh(theirs(their_x))
        slopes = rng.normal(size=(6, 4))
        reduce_sum(made * slopes).backward()
        expected.backward(torch.tensor(slopes))
        pairs = [
            (made.data, expected.detach()),
            (ours_x.grad, their_x.grad),
            (layer.weight.grad, theirs.weight.grad),
            (layer.bias.grad, theirs.bias.grad),
            (layer.mean, theirs.running_mean),
            (layer.variance, theirs.running_var),
        ]
        for found, wanted in pairs:
            assert found == pytest.approx(wanted.numpy(), rel=1e-10, abs=1e-12)
