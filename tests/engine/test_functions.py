"""Every readable operation on tensors has the gradient that finite differences find.

All of it in float64, over every entry. Inputs of functions with a kink or a pole are kept away from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.autograd import functions
from engine.autograd.errors import ShapeError
from engine.autograd.gradcheck import check_gradients
from engine.autograd.tensor import Tensor

Floats = NDArray[np.float64]
Tensors = Sequence[Tensor]
Binary = Callable[[Tensor, Tensor], Tensor]
Unary = Callable[[Tensor], Tensor]

LIMIT = 1e-6
EQUAL = 1e-12
SHAPES: list[tuple[int, ...]] = [(), (1,), (4,), (2, 3), (3, 1, 2), (2, 2, 1, 3)]
seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, *shapes: tuple[int, ...]) -> list[Floats]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def away_from_zero(array: Floats) -> Floats:
    """The same signs, every size at least 0.25: far from a kink or pole at 0 for a difference of 2e-3."""
    return np.asarray(np.copysign(np.abs(array) + 0.25, array))


def weighted(result: Tensor) -> Tensor:
    """One number from any result, with another weight for every entry, so that no two can be confused."""
    weights = np.cos(1 + np.arange(result.data.size, dtype=np.float64)).reshape(result.shape)
    return functions.reduce_sum(result * weights)


@st.composite
def broadcastable(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that go together: each axis alike, stretched on one side, or missing on one side."""
    whole = draw(st.lists(st.integers(1, 3), max_size=3))
    pair = []
    for _ in range(2):
        kept = [1 if draw(st.booleans()) else size for size in whole]
        pair.append(tuple(kept[draw(st.integers(0, len(kept))) :]))
    return pair[0], pair[1]


def plus(x: Tensor, y: Tensor) -> Tensor:
    return x + y


def minus(x: Tensor, y: Tensor) -> Tensor:
    return x - y


def times(x: Tensor, y: Tensor) -> Tensor:
    return x * y


def over(x: Tensor, y: Tensor) -> Tensor:
    return x / y


ARITHMETIC: list[Binary] = [plus, minus, times, over]


@pytest.mark.parametrize("operation", ARITHMETIC)
@given(shapes=broadcastable(), seed=seeds)
@settings(max_examples=40, deadline=None)
def test_arithmetic_with_every_kind_of_broadcasting(
    operation: Binary, shapes: tuple[tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    x, y = draw(seed, *shapes)
    assert check_gradients(lambda t: weighted(operation(t[0], t[1])), [x, away_from_zero(y)]) < LIMIT


@pytest.mark.parametrize("operation", ARITHMETIC)
@pytest.mark.parametrize("shape", SHAPES)
def test_arithmetic_of_a_node_with_itself(operation: Binary, shape: tuple[int, ...]) -> None:
    (x,) = draw(1, shape)
    assert check_gradients(lambda t: weighted(operation(t[0], t[0])), [away_from_zero(x)]) < LIMIT


@pytest.mark.parametrize("shape", SHAPES)
def test_arithmetic_with_plain_numbers_and_arrays_on_either_side(shape: tuple[int, ...]) -> None:
    x, y = draw(2, shape, shape)
    x, y = away_from_zero(x), away_from_zero(y)
    for f in (
        lambda t: weighted(2.5 + t[0] * -1.5 - 0.5),
        lambda t: weighted(1.5 - t[0] / 4),
        lambda t: weighted(3 / t[0]),
        lambda t: weighted(y + t[0]),
        lambda t: weighted(y - t[0]),
        lambda t: weighted(y * t[0]),
        lambda t: weighted(y / t[0]),
        lambda t: weighted(-t[0]),
    ):
        assert check_gradients(f, [x]) < LIMIT
    assert np.array_equal((y - Tensor(x)).data, y - x)
    assert np.array_equal((y / Tensor(x)).data, y / x)


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 3.7])
def test_powers(exponent: float) -> None:
    for shape in SHAPES:
        (x,) = draw(3, shape)
        assert check_gradients(lambda t: weighted(t[0] ** exponent), [np.abs(x) + 0.25]) < LIMIT


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((1, 1), (1, 1)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 2)),
        ((2, 1, 3, 2), (4, 2, 3)),
        ((3, 2), (4, 2, 5)),
        ((4, 3, 2), (2, 5)),
    ],
)
def test_matrix_products_stacked_and_broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = draw(4, left, right)
    assert check_gradients(lambda t: weighted(t[0] @ t[1]), [x, y]) < LIMIT
    assert np.array_equal((Tensor(x) @ Tensor(y)).data, x @ y)


@pytest.mark.parametrize(("left", "right"), [((2, 3), (2, 3)), ((3,), (3, 2)), ((2, 3), (3,))])
def test_a_matrix_product_that_does_not_go_together_is_refused_with_both_shapes(
    left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    x, y = draw(5, left, right)
    with pytest.raises(ShapeError) as refused:
        Tensor(x) @ Tensor(y)
    assert f"{left} @ {right}" in str(refused.value)


SMOOTH: list[Unary] = [functions.exp, functions.tanh, functions.sigmoid, functions.gelu]


@pytest.mark.parametrize("function", SMOOTH)
@given(shape=st.sampled_from(SHAPES), seed=seeds)
@settings(max_examples=20, deadline=None)
def test_smooth_functions(function: Unary, shape: tuple[int, ...], seed: int) -> None:
    assert check_gradients(lambda t: weighted(function(t[0])), draw(seed, shape)) < LIMIT


@given(shape=st.sampled_from(SHAPES), seed=seeds)
@settings(max_examples=20, deadline=None)
def test_functions_with_a_kink_or_a_pole_at_zero(shape: tuple[int, ...], seed: int) -> None:
    (x,) = draw(seed, shape)
    x = away_from_zero(x)
    assert check_gradients(lambda t: weighted(functions.relu(t[0])), [x]) < LIMIT
    assert check_gradients(lambda t: weighted(functions.log(t[0])), [np.abs(x)]) < LIMIT


def test_the_gradient_of_relu_at_zero_is_zero() -> None:
    x = Tensor(np.array([0.0, -0.0, 1.0]))
    functions.reduce_sum(functions.relu(x)).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1]


def test_sigmoid_overflows_at_neither_end() -> None:
    assert functions.sigmoid(Tensor(np.array([-1e4, 0.0, 1e4]))).data.tolist() == [0, 0.5, 1]


AXES: list[tuple[tuple[int, ...], int | tuple[int, ...] | None]] = [
    ((), None),
    ((4,), None),
    ((4,), 0),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), -1),
    ((2, 3), (0, 1)),
    ((3, 1, 2), 1),
    ((2, 3, 2), (0, 2)),
    ((2, 3, 2), (-1, 0)),
]


@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_sums_and_means_over_every_kind_of_axis(
    shape: tuple[int, ...], axis: int | tuple[int, ...] | None
) -> None:
    (x,) = draw(6, shape)
    assert check_gradients(lambda t: weighted(functions.reduce_sum(t[0], axis)), [x]) < LIMIT
    assert check_gradients(lambda t: weighted(functions.mean(t[0], axis)), [x]) < LIMIT
    assert np.allclose(functions.reduce_sum(Tensor(x), axis).data, x.sum(axis=axis), rtol=EQUAL)
    assert np.allclose(functions.mean(Tensor(x), axis).data, x.mean(axis=axis), rtol=EQUAL, atol=EQUAL)


@pytest.mark.parametrize("shape", [(2, 6), (12,), (3, 2, 2), (1, 12, 1)])
def test_reshaping_and_transposing(shape: tuple[int, ...]) -> None:
    (x,) = draw(7, (3, 4))
    assert check_gradients(lambda t: weighted(functions.reshape(t[0], shape)), [x]) < LIMIT
    assert check_gradients(lambda t: weighted(functions.transpose(t[0])), [x]) < LIMIT
    (stack,) = draw(8, (2, 3, 4))
    assert check_gradients(lambda t: weighted(functions.transpose(t[0])), [stack]) < LIMIT
    assert functions.transpose(Tensor(stack)).shape == (2, 4, 3)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joining_arrays_of_different_lengths(axis: int) -> None:
    shapes = [(2, 3), (2, 3), (2, 3)]
    shapes[1] = (1, 3) if axis == 0 else (2, 5)
    arrays = draw(9, *shapes)
    assert check_gradients(lambda t: weighted(functions.concatenate(t, axis)), arrays) < LIMIT
    assert np.array_equal(
        functions.concatenate([Tensor(a) for a in arrays], axis).data, np.concatenate(arrays, axis)
    )


def test_one_array_joined_to_itself_gets_both_shares() -> None:
    assert check_gradients(lambda t: weighted(functions.concatenate([t[0], t[0]])), draw(10, (3, 2))) < LIMIT


TABLES = [1, 5, functions.ONE_HOT_LIMIT, functions.ONE_HOT_LIMIT + 3]
"""Numbers of rows on both sides of the border between the two ways to sum a table's gradient."""


@pytest.mark.parametrize("rows", TABLES)
@given(seed=seeds, shape=st.sampled_from([(0,), (1,), (7,), (3, 4), (2, 1, 3)]))
@settings(max_examples=8, deadline=None)
def test_looking_up_rows_with_repeated_ids(rows: int, seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, min(rows, 3), shape).astype(np.uint8)  # few different ids: they repeat
    ids[ids == 2] = rows - 1
    table = rng.normal(size=(rows, 2))
    assert check_gradients(lambda t: weighted(functions.take(t[0], ids)), [table]) < LIMIT
    assert functions.take(Tensor(table), ids).shape == (*shape, 2)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_an_id_outside_the_table_is_refused_with_both_ranges(wrong: int) -> None:
    with pytest.raises(ShapeError, match=rf"ids run from .*{wrong}.*rows 0 to 2"):
        functions.take(Tensor(np.ones((3, 2))), np.array([0, wrong]))


@pytest.mark.parametrize("rows", TABLES)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_summing_rows_by_id_is_adding_them_one_by_one(rows: int, data: st.DataObject) -> None:
    ids = np.array(data.draw(st.lists(st.integers(0, rows - 1), max_size=20)), dtype=np.int64)
    values = np.arange(len(ids) * 3, dtype=np.float64).reshape(-1, 3)
    expected = np.zeros((rows, 3))
    for row, target in zip(values, ids, strict=True):
        expected[target] += row
    assert np.array_equal(functions.sum_rows_by_id(values, ids, rows), expected)


@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3), (2, 2, 3)])
def test_softmax(shape: tuple[int, ...]) -> None:
    (z,) = draw(11, shape)
    assert check_gradients(lambda t: weighted(functions.softmax(t[0])), [z]) < LIMIT
    p = functions.softmax(Tensor(z + 1000)).data
    assert np.allclose(p.sum(axis=-1), 1, rtol=EQUAL)
    assert np.allclose(p, np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True), rtol=1e-9)
