"""The first weights: the spread each name promises, exact orthogonality, seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.nn.initialisation import INITIALISERS, initialise

NAMES = list(INITIALISERS)

FAN_OUT, FAN_IN = 300, 200


def draw(
    name: str, shape: tuple[int, int] = (FAN_OUT, FAN_IN), seed: int = 0
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return initialise(name, np.random.default_rng(seed), shape)


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("uniform", 1 / math.sqrt(3 * FAN_IN)),
        ("normal", 0.02),
        ("xavier", math.sqrt(2 / (FAN_IN + FAN_OUT))),
        ("he", math.sqrt(2 / FAN_IN)),
        ("orthogonal", 1 / math.sqrt(FAN_OUT)),
    ],
)
def test_weights_have_mean_zero_and_the_standard_deviation_of_their_name(name: str, std: float) -> None:
    weights = draw(name)
    n = weights.size
    assert abs(weights.mean()) < 4 * std / math.sqrt(n)
    assert weights.std() == pytest.approx(std, rel=4 / math.sqrt(2 * n))


def test_uniform_fills_its_interval_and_does_not_leave_it() -> None:
    bound = 1 / math.sqrt(FAN_IN)
    weights = draw("uniform")
    assert np.abs(weights).max() <= bound
    assert weights.max() > 0.999 * bound
    assert weights.min() < -0.999 * bound


@pytest.mark.parametrize("name", ["normal", "xavier", "he"])
def test_normal_weights_have_normal_tails(name: str) -> None:
    weights = draw(name)
    beyond_two = np.mean(np.abs(weights) > 2 * weights.std())
    assert beyond_two == pytest.approx(0.0455, abs=0.004)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_orthogonal_rows_or_columns_are_orthonormal_in_every_shape(out: int, into: int, seed: int) -> None:
    weights = draw("orthogonal", (out, into), seed)
    product = weights @ weights.T if out <= into else weights.T @ weights
    assert np.abs(product - np.eye(min(out, into))).max() < 1e-12


def test_orthogonal_takes_either_sign_as_often() -> None:
    positive = sum(draw("orthogonal", (1, 1), seed)[0, 0] > 0 for seed in range(400))
    assert 160 < positive < 240  # four standard deviations
    first = sum(draw("orthogonal", (3, 3), seed)[0, 0] > 0 for seed in range(400))
    assert 160 < first < 240


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3)])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    name: str, shape: tuple[int, int]
) -> None:
    weights = draw(name, shape)
    assert weights.shape == shape
    assert weights.dtype == np.float64
    assert weights.flags.c_contiguous
    assert np.array_equal(weights, draw(name, shape))
    assert shape == (1, 1) or not np.array_equal(weights, draw(name, shape, seed=1))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match="'glorot' is unknown; choose one of uniform, normal, xavier, he, orthogonal"
    ):
        draw("glorot")


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_a_weight_without_numbers_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        draw("he", shape)
