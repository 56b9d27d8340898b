"""Attention as one node is right by itself, and equal to its readable definition.

Gradients against finite differences and against `functions.py`, in float64, over every entry.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.autograd import attention, functions
from engine.autograd.errors import ShapeError
from engine.autograd.gradcheck import check_gradients
from engine.autograd.tensor import Tensor
from engine.nn.positions import angles, rotary

Floats = NDArray[np.float64]
FLOAT64 = np.dtype(np.float64)
LIMIT = 1e-6
EQUAL = 1e-11
seeds = st.integers(0, 2**32 - 1)
batches = st.integers(1, 2)
times = st.integers(1, 5)
head_counts = st.integers(1, 3)
half_sizes = st.integers(1, 2)


def weighted(result: Tensor) -> Tensor:
    """One number from any result, with another weight for every entry."""
    weights = np.cos(1 + np.arange(result.data.size, dtype=np.float64)).reshape(result.shape)
    return functions.reduce_sum(result * weights)


def readable(parts: Sequence[Tensor], heads: int, *, turned: bool) -> Tensor:
    """Attention from queries, keys and values, (B, T, E) each, by the definition."""
    batch, time, width = parts[0].shape
    size = width // heads
    split = [functions.permute(functions.reshape(x, (batch, time, heads, size)), (0, 2, 1, 3)) for x in parts]
    if turned:
        split[:2] = [functions.rotate(x, angles(time, size)) for x in split[:2]]
    gathered = functions.permute(functions.causal_attention(*split), (0, 2, 1, 3))  # (B, T, h, D)
    return functions.reshape(gathered, (batch, time, width))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("spread", [1.0, 40.0], ids=["small scores", "scores that would overflow"])
@given(seed=seeds, batch=batches, time=times, heads=head_counts, half=half_sizes)
@settings(max_examples=12, deadline=None)
def test_one_node_equals_the_definition(
    turned: bool, spread: float, seed: int, batch: int, time: int, heads: int, half: int
) -> None:
    size = 2 * half
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=(batch, time, heads * size)) * spread for _ in range(3)]
    rotation = rotary(time, size, FLOAT64) if turned else None

    parts = [Tensor(array.copy()) for array in arrays]
    expected = readable(parts, heads, turned=turned)
    weighted(expected).backward()
    qkv = Tensor(np.concatenate(arrays, axis=2))
    result = attention.causal_attention(qkv, heads, rotation=rotation)
    weighted(result).backward()

    scale = spread**2
    assert np.allclose(result.data, expected.data, rtol=EQUAL, atol=EQUAL * scale)
    assert qkv.grad is not None
    for given_part, part in zip(np.split(qkv.grad, 3, axis=2), parts, strict=True):
        assert part.grad is not None
        assert np.allclose(given_part, part.grad, rtol=EQUAL, atol=EQUAL * scale)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
def test_the_gradient_is_that_of_finite_differences(turned: bool, dropped: bool) -> None:
    batch, time, heads, size = 2, 4, 2, 4
    rng = np.random.default_rng(3)
    qkv = rng.normal(size=(batch, time, 3 * heads * size))
    rotation = rotary(time, size, FLOAT64) if turned else None
    mask = (rng.random((batch, heads, time, time)) > 0.4) / 0.6 if dropped else None

    def f(t: Sequence[Tensor]) -> Tensor:
        return weighted(attention.causal_attention(t[0], heads, rotation=rotation, mask=mask))

    assert check_gradients(f, [qkv]) < LIMIT


def test_a_mask_multiplies_the_attention_weights() -> None:
    time, heads, size = 3, 1, 2
    rng = np.random.default_rng(4)
    qkv = rng.normal(size=(1, time, 3 * heads * size))
    mask = rng.random((1, heads, time, time))
    queries, keys, values = (part[:, None] for part in np.split(qkv, 3, axis=2))
    expected = (attention.attention_weights(queries, keys) * mask) @ values
    result = attention.causal_attention(Tensor(qkv), heads, mask=mask)
    assert np.allclose(result.data, expected[:, 0], rtol=EQUAL)


@pytest.mark.parametrize("spread", [1.0, 1e4])
def test_nobody_looks_ahead_and_everybody_looks_with_weights_that_sum_to_one(spread: float) -> None:
    rng = np.random.default_rng(5)
    queries, keys = rng.normal(size=(2, 2, 3, 6, 4)).astype(np.float32) * spread
    weights = attention.attention_weights(queries, keys)
    assert weights.dtype == np.float32
    assert not np.triu(weights, 1).any()
    assert np.allclose(weights.sum(axis=3), 1, rtol=1e-6)


def test_a_score_far_ahead_of_the_others_neither_overflows_nor_wins_from_the_future() -> None:
    queries = np.full((1, 1, 3, 1), 1.0, dtype=np.float32)
    keys = np.array([-1e4, -1e4, 1e4], dtype=np.float32).reshape(1, 1, 3, 1)
    weights = attention.attention_weights(queries, keys)[0, 0]
    assert weights.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]]


def test_turned_queries_and_keys_meet_at_an_angle_that_depends_on_their_distance_alone() -> None:
    time, size = 9, 6
    rng = np.random.default_rng(7)
    query, key = rng.normal(size=(2, size))
    same = np.broadcast_to(np.stack([query, key])[None, None, :, None], (1, time, 2, 1, size))
    turned = attention.rotate(np.ascontiguousarray(same), rotary(time, size, FLOAT64))
    scores = turned[0, :, 0, 0] @ turned[0, :, 1, 0].T  # (T, T)
    for distance in range(-time + 1, time):
        diagonal = np.diagonal(scores, distance)
        assert np.allclose(diagonal, diagonal[0], rtol=1e-12)
    assert len({round(float(scores[0, n]), 6) for n in range(time)}) == time


def test_columns_that_are_no_whole_heads_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"10 columns .* 2 heads"):
        attention.causal_attention(Tensor(np.zeros((1, 2, 10))), 2)
