"""Golden values and laws of entropy, cross-entropy, divergence, perplexity and bits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.information import (
    cross_entropy,
    entropy,
    kl,
    log_softmax,
    nats_to_bits,
    perplexity,
    softmax,
    surprise_bits,
)

logits = arrays(np.float64, st.integers(1, 12), elements=st.floats(-50, 50))


def test_golden_entropies() -> None:
    assert entropy([0.4, 0.3, 0.2, 0.1]) == pytest.approx(1.27985, abs=5e-6)
    assert nats_to_bits(entropy([0.9, 0.1])) == pytest.approx(0.469, abs=5e-4)


def test_golden_divergence() -> None:
    assert kl([0.5, 0.5], [0.6, 0.4]) == pytest.approx(0.02041, abs=5e-6)


def test_golden_cross_entropy_and_its_perplexity() -> None:
    nats = cross_entropy([2, 1.5, 0.8, 0.2], 0)
    assert nats == pytest.approx(0.72901, abs=5e-6)
    assert perplexity(nats) == pytest.approx(2.07302, abs=5e-6)


def test_golden_perplexity_of_given_probabilities() -> None:
    nats = -sum(math.log(p) for p in (0.2, 0.15, 0.1, 0.3, 0.05)) / 5
    assert perplexity(nats) == pytest.approx(7.402, abs=5e-4)


def test_golden_softmax() -> None:
    assert softmax([0.2, 1.5, 0.1]) == pytest.approx([0.179, 0.658, 0.162], abs=5e-4)


@given(logits, st.floats(-1e6, 1e6))
def test_softmax_is_a_distribution_that_a_shift_of_all_logits_does_not_change(
    z: NDArray[np.float64], shift: float
) -> None:
    p = softmax(z)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert np.exp(log_softmax(z)) == pytest.approx(p, rel=1e-12)
    assert softmax(z + shift) == pytest.approx(p, rel=1e-7, abs=1e-12)


def test_softmax_holds_for_enormous_logits_and_for_the_impossible() -> None:
    assert softmax([1e300, -1e300, -np.inf]).tolist() == [1, 0, 0]
    assert log_softmax([1e300, 0, -np.inf]).tolist() == [0, -1e300, -np.inf]


def test_softmax_follows_the_axis() -> None:
    z = np.arange(6.0).reshape(2, 3)
    assert softmax(z, axis=0).sum(axis=0) == pytest.approx([1, 1, 1])
    assert softmax(z).sum(axis=1) == pytest.approx([1, 1])
    assert np.exp(log_softmax(z, axis=0)) == pytest.approx(softmax(z, axis=0))


@given(logits)
def test_entropy_lies_between_nothing_and_that_of_equal_chances(z: NDArray[np.float64]) -> None:
    assert -1e-12 <= entropy(softmax(z)) <= math.log(z.size) + 1e-12


def test_certainty_has_no_entropy_and_even_chances_the_logarithm() -> None:
    assert str(entropy([0, 1, 0])) == "0.0"
    assert entropy([0.25] * 4) == pytest.approx(math.log(4))


@given(logits, st.integers(0, 11))
def test_cross_entropy_is_entropy_plus_divergence(z: NDArray[np.float64], seed: int) -> None:
    p = np.random.default_rng(seed).dirichlet(np.ones(z.size))
    crossed = sum(p[i] * cross_entropy(z, i) for i in range(z.size))
    assert entropy(p) + kl(p, softmax(z)) == pytest.approx(crossed, rel=1e-9, abs=1e-9)
    assert kl(p, softmax(z)) >= -1e-12


def test_divergence_is_zero_from_itself_and_infinite_from_what_rules_out_the_possible() -> None:
    assert kl([0.3, 0.7], [0.3, 0.7]) == 0
    assert kl([0.5, 0.5], [1, 0]) == math.inf
    assert kl([1, 0], [0.5, 0.5]) == pytest.approx(math.log(2))


def test_cross_entropy_of_a_batch_is_the_mean_of_its_rows() -> None:
    z = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 1.0]])
    rows = [cross_entropy(z[0], 1), cross_entropy(z[1], 2)]
    assert cross_entropy(z, [1, 2]) == pytest.approx(sum(rows) / 2)


def test_cross_entropy_refuses_targets_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="3 targets for 2 rows"):
        cross_entropy(np.zeros((2, 4)), [0, 1, 2])
    for target in (-1, 4):
        with pytest.raises(IndexError, match="4 characters"):
            cross_entropy(np.zeros(4), target)


def test_perplexity_beyond_floats_is_infinite() -> None:
    assert perplexity(0) == 1
    assert perplexity(1e4) == math.inf


def test_surprise_counts_the_halvings() -> None:
    assert surprise_bits(0.125) == 3
    assert surprise_bits(1.0) == 0
    assert surprise_bits(0.0) == math.inf
    assert surprise_bits(np.array([0.5, 0.0])).tolist() == [1, math.inf]
    assert nats_to_bits(math.log(8)) == pytest.approx(3)


@pytest.mark.parametrize(
    ("p", "words"),
    [
        ([0.5, 0.4], "sums to 0.9"),
        ([1.5, -0.5], "holds -0.5"),
        ([math.nan, 1], "holds nan"),
        ([[1.0]], r"shape \(1, 1\)"),
        ([], r"shape \(0,\)"),
    ],
)
def test_what_is_no_distribution_is_refused(p: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        entropy(p)
    with pytest.raises(ValueError, match=words):
        kl([0.5, 0.5], p)


def test_divergence_refuses_different_sizes() -> None:
    with pytest.raises(ValueError, match="2 outcomes and q 3"):
        kl([0.5, 0.5], [0.5, 0.25, 0.25])
