"""Updates against plain formulas and PyTorch, exact return to a snapshot, clipping."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from engine.training.optimizers import SGD, Adam, Optimizer, OptimizerState, clip_by_norm, clip_by_value

Vector = NDArray[np.float64]

SIZE = 50
RATES = [0.1, 0.1, 0.05, 0.2, 0.1, 0.0, 0.01, 0.3, 0.1, 0.02]


def gradient_at(values: Vector, step: int) -> Vector:
    """A gradient that depends on where the parameters are, so that an error in one step shows in the next.

    Its components span six powers of ten, none steep enough for rounding errors to grow.
    """
    result: Vector = np.sin(3 * values + step) * 10.0 ** ((np.arange(values.size) % 6) - 5)
    return result


def run(optimizer: Optimizer, start: Vector) -> Vector:
    values = start.copy()
    for step, rate in enumerate(RATES):
        optimizer.update(values, gradient_at(values, step), rate)
    return values


START = np.linspace(-1, 1, SIZE)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_follows_its_formula(momentum: float) -> None:
    values, velocity = START.copy(), np.zeros(SIZE)
    for step, rate in enumerate(RATES):
        velocity = momentum * velocity + gradient_at(values, step)
        values = values - rate * velocity
    assert run(SGD(SIZE, np.float64, momentum), START) == pytest.approx(values, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(("beta1", "beta2", "epsilon"), [(0.9, 0.999, 1e-8), (0.0, 0.5, 1e-2)])
def test_adam_follows_the_paper(beta1: float, beta2: float, epsilon: float) -> None:
    values, m, v = START.copy(), np.zeros(SIZE), np.zeros(SIZE)
    for step, rate in enumerate(RATES):
        g = gradient_at(values, step)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        corrected_m, corrected_v = m / (1 - beta1 ** (step + 1)), v / (1 - beta2 ** (step + 1))
        values = values - rate * corrected_m / (np.sqrt(corrected_v) + epsilon)
    expected = pytest.approx(values, rel=1e-12, abs=1e-14)
    assert run(Adam(SIZE, np.float64, beta1, beta2, epsilon), START) == expected


def test_the_first_step_of_adam_is_as_long_as_the_rate_whatever_the_gradient() -> None:
    values = np.zeros(3)
    Adam(3, np.float64).update(values, np.array([1e-3, 7.0, -1e5]), 0.01)
    assert values == pytest.approx([-0.01, -0.01, 0.01], rel=1e-4)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_ten_steps_agree_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="parity with PyTorch is checked where it is installed")
    parameter = torch.nn.Parameter(torch.tensor(START))
    pairs: dict[str, tuple[Any, Optimizer]] = {  # torch is looked up at run time: its types are unknown
        "sgd": (torch.optim.SGD([parameter], lr=1.0), SGD(SIZE, np.float64)),
        "momentum": (torch.optim.SGD([parameter], lr=1.0, momentum=0.9), SGD(SIZE, np.float64, 0.9)),
        "adam": (torch.optim.Adam([parameter], lr=1.0), Adam(SIZE, np.float64)),
    }
    theirs, ours = pairs[name]
    for step, rate in enumerate(RATES):
        parameter.grad = torch.tensor(gradient_at(parameter.detach().numpy(), step))
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
    assert run(ours, START) == pytest.approx(parameter.detach().numpy(), rel=1e-12, abs=1e-12)


MAKERS: list[Callable[[], Optimizer]] = [
    lambda: SGD(SIZE, np.float64),
    lambda: SGD(SIZE, np.float64, 0.9),
    lambda: Adam(SIZE, np.float64),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_restored_optimizer_repeats_its_steps_bit_for_bit(make: Callable[[], Optimizer]) -> None:
    optimizer = make()
    values = run(optimizer, START)
    state = optimizer.snapshot()
    first = run(optimizer, values)
    optimizer.restore(state)
    assert optimizer.count == len(RATES)
    assert np.array_equal(run(optimizer, values), first)
    fresh = make()
    fresh.restore(state)
    assert np.array_equal(run(fresh, values), first)


@pytest.mark.parametrize("make", MAKERS)
def test_a_snapshot_does_not_change_with_the_optimizer(make: Callable[[], Optimizer]) -> None:
    optimizer = make()
    state = optimizer.snapshot()
    run(optimizer, START)
    assert state.count == 0
    assert not any(vector.any() for vector in state.moments.values())
    optimizer.restore(state)
    run(optimizer, START)
    assert not any(vector.any() for vector in state.moments.values())


def test_state_bytes_counts_what_a_snapshot_holds() -> None:
    assert SGD(100, np.float32).state_bytes == 0
    assert SGD(100, np.float32, 0.9).state_bytes == 400
    assert Adam(100, np.float32).state_bytes == 800
    assert Adam(100, np.float64).state_bytes == 1600


@pytest.mark.parametrize(
    "state",
    [
        SGD(SIZE, np.float64).snapshot(),
        Adam(SIZE + 1, np.float64).snapshot(),
        Adam(SIZE, np.float32).snapshot(),
        OptimizerState(3, {"gradients": np.zeros(SIZE)}),
    ],
)
def test_a_snapshot_of_another_optimizer_is_refused_and_nothing_changes(state: OptimizerState) -> None:
    optimizer = Adam(SIZE, np.float64)
    before = run(optimizer, START)
    kept = optimizer.snapshot()
    with pytest.raises(ValueError, match="another recipe"):
        optimizer.restore(state)
    after = run(optimizer, before)
    optimizer.restore(kept)
    assert np.array_equal(run(optimizer, before), after)


@pytest.mark.parametrize(
    "make", [lambda n: SGD(n, "f4"), lambda n: SGD(n, "f4", 0.9), lambda n: Adam(n, "f4")]
)
def test_an_update_works_in_place_and_allocates_no_vector(make: Callable[[int], Optimizer]) -> None:
    n = 100_000
    optimizer = make(n)
    values, gradient = np.zeros(n, np.float32), np.ones(n, np.float32)
    optimizer.update(values, gradient, 0.1)
    tracemalloc.start()
    optimizer.update(values, gradient, np.float64(0.1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n
    assert values.dtype == np.float32
    assert (values < 0).all()
    assert (gradient == 1).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SGD(1, np.float32, 1.0), "momentum is 1.0"),
        (lambda: SGD(1, np.float32, -0.1), "momentum is -0.1"),
        (lambda: Adam(1, np.float32, beta1=1.0), "beta1 is 1.0"),
        (lambda: Adam(1, np.float32, beta2=math.nan), "beta2 is nan"),
        (lambda: Adam(1, np.float32, epsilon=0.0), "epsilon is 0.0"),
    ],
)
def test_a_setting_out_of_range_is_refused(make: Callable[[], Optimizer], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


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
