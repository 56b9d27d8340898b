"""Clipping keeps a gradient within bounds, keeps its direction, and hides nothing that is not finite."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.training.optimizers import clip_by_norm, clip_by_value

Vector = NDArray[np.float64]

vectors = arrays(np.float64, st.integers(1, 20), elements=st.floats(-100, 100))
limits = st.floats(0.01, 200)


@given(vectors, limits)
def test_clipping_by_norm_keeps_the_direction_and_bounds_the_length(g: Vector, limit: float) -> None:
    clipped = g.copy()
    norm = clip_by_norm(clipped, limit)
    assert norm == pytest.approx(math.hypot(*g), rel=1e-12, abs=1e-150)
    if norm <= limit:
        assert np.array_equal(clipped, g)
    else:
        assert math.hypot(*clipped) == pytest.approx(limit, rel=1e-12)
        assert clipped * norm == pytest.approx(g * limit, rel=1e-9, abs=1e-12)


@given(vectors, limits)
def test_clipping_by_value_bounds_each_component_and_counts_the_clipped(g: Vector, limit: float) -> None:
    clipped = g.copy()
    count = clip_by_value(clipped, limit)
    assert count == sum(abs(x) > limit for x in g)
    assert clipped.tolist() == [max(-limit, min(limit, x)) for x in g]


def test_the_norm_of_float32_is_right_where_squares_overflow_or_vanish() -> None:
    for scale in (1e30, 1e-30):
        g = np.array([3, -4], np.float32) * np.float32(scale)
        assert clip_by_norm(g, 1e38) == pytest.approx(5 * scale, rel=1e-6, abs=0)
    g = np.array([3e30, -4e30], np.float32)
    clip_by_norm(g, 1.0)
    assert g == pytest.approx([0.6, -0.8], rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_is_reported_and_left_alone(bad: float) -> None:
    g = np.array([1.0, bad, -2.0])
    assert not math.isfinite(clip_by_norm(g, 0.1))
    assert np.array_equal(g, [1.0, bad, -2.0], equal_nan=True)


def test_nan_is_not_hidden_by_clipping_by_value() -> None:
    g = np.array([math.nan, 5.0])
    assert clip_by_value(g, 1.0) == 1
    assert math.isnan(g[0])
    assert g[1] == 1


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_a_limit_that_clips_everything_is_refused(limit: float) -> None:
    for clip in (clip_by_norm, clip_by_value):
        with pytest.raises(ValueError, match=f"limit is {limit}"):
            clip(np.ones(2), limit)


def test_an_empty_gradient_has_length_zero() -> None:
    assert clip_by_norm(np.zeros(0), 1.0) == 0
    assert clip_by_value(np.zeros(0), 1.0) == 0
