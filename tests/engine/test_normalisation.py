"""Layer norm as one node equals its definition, and its gradient finite differences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.autograd import functions
from engine.autograd.errors import ShapeError
from engine.autograd.gradcheck import check_gradients
from engine.autograd.normalisation import EPSILON, layer_norm
from engine.autograd.tensor import Tensor


def weighted(result: Tensor) -> Tensor:
    weights = np.cos(1 + np.arange(result.data.size, dtype=np.float64)).reshape(result.shape)
    return functions.reduce_sum(result * weights)


@given(
    seed=st.integers(0, 2**32 - 1),
    leading=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    size=st.integers(2, 6),
    shift=st.sampled_from([0.0, -30.0]),
)
@settings(max_examples=25, deadline=None)
def test_layer_norm(seed: int, leading: list[int], size: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(*leading, size)) + shift, rng.normal(size=size), rng.normal(size=size)]
    sides = []
    for f in (layer_norm, partial(functions.layer_norm, epsilon=EPSILON)):
        x, gain, bias = tensors = [Tensor(array.copy()) for array in arrays]
        result = f(x, gain, bias)
        weighted(result).backward()
        sides.append([result.data, *(tensor.grad for tensor in tensors)])
    for one, other in zip(*sides, strict=True):
        assert one is not None
        assert other is not None
        # in rows of two numbers the gradient of x is what is left of terms near 1 that cancel each other
        assert np.allclose(one, other, rtol=1e-9, atol=1e-13 + 1e-9 * np.abs(other).max())


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(8)
    arrays = [rng.normal(size=(2, 3, 5)), rng.normal(size=5), rng.normal(size=5)]

    def f(t: Sequence[Tensor]) -> Tensor:
        return weighted(layer_norm(t[0], t[1], t[2]))

    assert check_gradients(f, arrays) < 1e-6


def test_every_row_gets_mean_0_and_variance_1_and_equal_numbers_become_0() -> None:
    rows = np.random.default_rng(9).normal(3, 20, size=(4, 64)).astype(np.float32)
    rows[3] = 7
    one, zero = np.ones(64, dtype=np.float32), np.zeros(64, dtype=np.float32)
    result = layer_norm(Tensor(rows), Tensor(one), Tensor(zero)).data
    assert result.dtype == np.float32
    assert np.allclose(result.mean(axis=1), 0, atol=1e-5)
    assert np.allclose(result[:3].var(axis=1), 1, atol=1e-4)
    assert not result[3].any()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e15])
def test_the_gradient_is_right_for_rows_of_any_size(scale: float) -> None:
    rng = np.random.default_rng(10)
    rows, gain, bias = rng.normal(size=(5, 16)) * scale, rng.normal(size=16), rng.normal(size=16)
    gradients = []
    for dtype in (np.float32, np.float64):
        tensors = [Tensor(array.astype(dtype)) for array in (rows.astype(np.float32), gain, bias)]
        weighted(layer_norm(*tensors)).backward()
        gradients.append(tensors[0].grad)
    single, double = gradients
    assert single is not None
    assert double is not None
    assert np.allclose(single, double, rtol=1e-4, atol=1e-5 * np.abs(double).max())


def test_a_gain_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"rows of 3.*\(4,\)"):
        layer_norm(Tensor(np.zeros((2, 3))), Tensor(np.zeros(4)), Tensor(np.zeros(3)))
