"""Updates against plain formulas and PyTorch, weight decay, exact return to a snapshot."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.training.optimizers import (
    OPTIMIZERS,
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    Nesterov,
    Optimizer,
    OptimizerState,
    RMSProp,
    optimizer,
)

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


def test_nesterov_looks_ahead_along_its_velocity() -> None:
    values, velocity = START.copy(), np.zeros(SIZE)
    for step, rate in enumerate(RATES):
        g = gradient_at(values, step)
        velocity = 0.8 * velocity + g
        values = values - rate * (g + 0.8 * velocity)
    assert run(Nesterov(SIZE, np.float64, 0.8), START) == pytest.approx(values, rel=1e-12, abs=1e-14)


def test_adagrad_divides_by_the_root_of_all_squares_so_far() -> None:
    values, squares = START.copy(), np.zeros(SIZE)
    for step, rate in enumerate(RATES):
        g = gradient_at(values, step)
        squares = squares + g * g
        values = values - rate * g / (np.sqrt(squares) + 1e-10)
    assert run(AdaGrad(SIZE, np.float64), START) == pytest.approx(values, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_rmsprop_divides_by_the_root_of_the_average_square(momentum: float) -> None:
    values, average, velocity = START.copy(), np.zeros(SIZE), np.zeros(SIZE)
    for step, rate in enumerate(RATES):
        g = gradient_at(values, step)
        average = 0.99 * average + 0.01 * g * g
        velocity = momentum * velocity + g / (np.sqrt(average) + 1e-8)
        values = values - rate * velocity
    # velocities carry the values to 10, and their rounding with them
    assert run(RMSProp(SIZE, np.float64, momentum), START) == pytest.approx(values, rel=1e-12, abs=1e-12)


DECAY = 0.05
CHOICES: list[
    tuple[str, dict[str, float], str, dict[str, Any]]
] = [  # Any: whatever PyTorch calls its options
    ("sgd", {}, "SGD", {}),
    ("sgd", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("nesterov", {"momentum": 0.9}, "SGD", {"momentum": 0.9, "nesterov": True}),
    ("adagrad", {}, "Adagrad", {}),
    ("rmsprop", {}, "RMSprop", {}),
    ("rmsprop", {"momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    ("adam", {}, "Adam", {}),
    ("adam", {"beta1": 0.8, "beta2": 0.95}, "Adam", {"betas": (0.8, 0.95)}),
    ("adamw", {}, "AdamW", {}),
    ("adamw", {"beta1": 0.8, "beta2": 0.95}, "AdamW", {"betas": (0.8, 0.95)}),
]


@pytest.mark.parametrize("decay", ["none", "all", "some"])
@pytest.mark.parametrize(("name", "ours", "reference", "theirs"), CHOICES)
def test_ten_steps_agree_with_pytorch(
    name: str, ours: dict[str, float], reference: str, theirs: dict[str, Any], decay: str
) -> None:
    torch = pytest.importorskip("torch", reason="parity with PyTorch is checked where it is installed")
    strength = 0.0 if decay == "none" else DECAY
    mask = (np.arange(SIZE) < SIZE // 2).astype(np.float64) if decay == "some" else np.ones(SIZE)
    half = SIZE // 2
    parts = [torch.nn.Parameter(torch.tensor(START[part])) for part in (slice(half), slice(half, None))]
    groups = [
        {"params": [part], "weight_decay": strength * float(mask[at])}
        for part, at in zip(parts, (0, half), strict=True)
    ]
    judge = getattr(torch.optim, reference)(groups, lr=1.0, **theirs)
    for step, rate in enumerate(RATES):
        whole = np.concatenate([part.detach().numpy() for part in parts])
        gradient = gradient_at(whole, step)
        parts[0].grad, parts[1].grad = torch.tensor(gradient[:half]), torch.tensor(gradient[half:])
        for group in judge.param_groups:
            group["lr"] = rate
        judge.step()
    expected = np.concatenate([part.detach().numpy() for part in parts])
    made = optimizer(
        name, SIZE, np.float64, weight_decay=strength, decayed=mask if decay == "some" else None, **ours
    )
    assert run(made, START) == pytest.approx(expected, rel=1e-12, abs=1e-12)


# Weight decay.


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weight_decay_pulls_what_is_marked_towards_zero_and_leaves_the_rest(name: str) -> None:
    values, marks = np.array([3.0, 3.0, -3.0]), np.array([1.0, 0.0, 1.0])
    momentum = 0.9 if name == "nesterov" else 0.0
    made = optimizer(name, 3, np.float64, weight_decay=0.1, decayed=marks, momentum=momentum)
    made.update(values, np.zeros(3), 0.01)
    assert values[0] == -values[2] < 3
    assert values[1] == 3


def test_decoupled_decay_takes_a_share_off_the_weights_whatever_the_gradients_were() -> None:
    steep, flat = np.array([2.0]), np.array([2.0])
    for values, scale in ((steep, 1e3), (flat, 1e-3)):
        plain, decayed = values.copy(), values.copy()
        Adam(1, np.float64).update(plain, np.full(1, scale), 0.1)
        AdamW(1, np.float64, weight_decay=0.5).update(decayed, np.full(1, scale), 0.1)
        assert plain - decayed == pytest.approx([0.1 * 0.5 * 2.0])


def test_the_penalty_is_in_the_gradient_and_so_in_the_velocity() -> None:
    values = np.array([1.0])
    sgd = SGD(1, np.float64, 0.5, weight_decay=0.2)
    sgd.update(values, np.zeros(1), 0.0)
    assert sgd.moments["velocity"].tolist() == [0.2]
    assert values.tolist() == [1.0]


MAKERS: list[Callable[[], Optimizer]] = [
    lambda: SGD(SIZE, np.float64),
    lambda: SGD(SIZE, np.float64, 0.9),
    lambda: Adam(SIZE, np.float64),
    lambda: Nesterov(SIZE, np.float64, weight_decay=0.1),
    lambda: AdaGrad(SIZE, np.float64, weight_decay=0.1),
    lambda: RMSProp(SIZE, np.float64, 0.9),
    lambda: AdamW(SIZE, np.float64, weight_decay=0.1, decayed=np.arange(SIZE) % 2.0),
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
    assert Nesterov(100, np.float32).state_bytes == 400
    assert AdaGrad(100, np.float32).state_bytes == 400
    assert RMSProp(100, np.float32).state_bytes == 400
    assert RMSProp(100, np.float32, 0.9).state_bytes == 800
    assert Adam(100, np.float32).state_bytes == 800
    assert AdamW(100, np.float32, weight_decay=0.1).state_bytes == 800
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


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options, _, _ in CHOICES])
def test_an_update_works_in_place_and_allocates_no_vector(
    name: str, options: dict[str, float], decay: float
) -> None:
    n = 100_000
    made = optimizer(
        name, n, np.float32, weight_decay=decay, decayed=np.ones(n) if decay else None, **options
    )
    values, gradient = np.zeros(n, np.float32), np.ones(n, np.float32)
    made.update(values, gradient, 0.1)
    tracemalloc.start()
    made.update(values, gradient, np.float64(0.1))
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
        (lambda: Nesterov(1, np.float32, 0.0), "momentum is 0.0: nesterov.* such as 0.9, or sgd"),
        (lambda: Nesterov(1, np.float32, 1.0), "momentum is 1.0"),
        (lambda: RMSProp(1, np.float32, 1.0), "momentum is 1.0"),
        (lambda: RMSProp(1, np.float32, alpha=1.0), "alpha is 1.0"),
        (lambda: RMSProp(1, np.float32, epsilon=-1.0), "epsilon is -1.0"),
        (lambda: AdaGrad(1, np.float32, epsilon=math.inf), "epsilon is inf"),
        (lambda: SGD(1, np.float32, weight_decay=-0.1), "weight_decay is -0.1"),
        (lambda: AdamW(1, np.float32, weight_decay=math.nan), "weight_decay is nan"),
        (lambda: SGD(3, np.float32, weight_decay=0.1, decayed=np.ones(2)), r"shape \(2,\).* 3 parameters"),
        (lambda: optimizer("sdg", 1, np.float32), "'sdg' is unknown; choose one of sgd, nesterov"),
        (
            lambda: optimizer("adam", 1, np.float32, momentum=0.9),
            "momentum = 0.9: adam has none.* sgd, nesterov",
        ),
        (lambda: optimizer("sgd", 1, np.float32, beta2=0.9), "beta2 = 0.9: sgd has none.* adam, adamw"),
        (lambda: Adam(1, np.float32, beta1=1.0), "beta1 is 1.0"),
        (lambda: Adam(1, np.float32, beta2=math.nan), "beta2 is nan"),
        (lambda: Adam(1, np.float32, epsilon=0.0), "epsilon is 0.0"),
    ],
)
def test_a_setting_out_of_range_is_refused(make: Callable[[], Optimizer], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_every_optimizer_of_the_catalog_says_what_it_is_and_where_it_comes_from() -> None:
    assert list(OPTIMIZERS) == ["sgd", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
    assert all(entry.description and entry.source for entry in OPTIMIZERS.values())
    kinds: list[type] = [SGD, Nesterov, AdaGrad, RMSProp, Adam, AdamW]
    for (name, entry), kind in zip(OPTIMIZERS.items(), kinds, strict=True):
        momentum = 0.5 if "momentum" in entry.options else 0.0
        assert type(optimizer(name, 2, np.float32, momentum=momentum)) is kind
