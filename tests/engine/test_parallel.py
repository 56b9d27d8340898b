"""Work on the second thread: the same bits, nothing left behind, errors to the one who asked."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from engine import parallel
from engine.nn.parameters import Parameter
from engine.products import FloatArray

ROWS, INNER, COLUMNS = 160, 200, 160


@pytest.fixture
def operands(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    left = rng.standard_normal((ROWS, INNER)).astype(np.float32)
    right = rng.standard_normal((INNER, COLUMNS)).astype(np.float32)
    assert left.size * COLUMNS >= parallel.LARGE
    return left, right


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_large_product_is_there_after_finish_and_equals_numpys_bit_for_bit(
    operands: tuple[FloatArray, FloatArray],
) -> None:
    left, right = operands
    parallel.use_one_blas_thread()
    outs = [np.full((ROWS, COLUMNS), np.nan, dtype=np.float32) for _ in range(5)]
    for out in outs:
        parallel.product_into(out, left, right)
    parallel.finish()
    for out in outs:
        assert np.array_equal(out, np.dot(left, right))


def test_a_small_product_is_there_at_once() -> None:
    out = np.empty((2, 2))
    parallel.product_into(out, np.eye(2), np.full((2, 2), 3.0))
    assert np.array_equal(out, np.full((2, 2), 3.0))


def test_an_error_reaches_the_one_who_asked_and_the_thread_lives(
    operands: tuple[FloatArray, FloatArray],
) -> None:
    left, right = operands
    parallel.product_into(np.empty((1, 1), dtype=np.float32), left, right)
    with pytest.raises(ValueError, match="output array"):
        parallel.finish()
    out = np.empty((ROWS, COLUMNS), dtype=np.float32)
    parallel.product_into(out, left, right)
    parallel.finish()
    assert np.array_equal(out, np.dot(left, right))


def test_a_second_gradient_waits_for_the_first(operands: tuple[FloatArray, FloatArray]) -> None:
    left, right = operands
    parameter = Parameter(np.zeros((ROWS, COLUMNS), dtype=np.float32))
    parameter.clear_gradient()
    for _ in range(20):
        parameter.receive_product(left, right)
    once = np.dot(left, right)
    expected = once.copy()
    for _ in range(19):
        expected += once
    parallel.finish()
    assert np.array_equal(parameter.grad, expected)


def test_products_are_used_on_the_thread_that_asked_in_the_order_of_asking(
    operands: tuple[FloatArray, FloatArray],
) -> None:
    left, right = operands
    used: list[tuple[float, int]] = []

    def use(factor: float) -> Callable[[FloatArray], None]:
        return lambda product: used.append((factor * float(product[0, 0]), threading.get_ident()))

    for factor in (1.0, 2.0, 3.0):
        parallel.product_then(left, right, use(factor))
    assert used == []
    parallel.finish()
    corner = float(np.dot(left, right)[0, 0])
    assert used == [(factor * corner, threading.get_ident()) for factor in (1.0, 2.0, 3.0)]


def test_a_small_product_is_used_at_once() -> None:
    used: list[FloatArray] = []
    parallel.product_then(np.eye(2), np.full((2, 2), 3.0), used.append)
    assert [product.tolist() for product in used] == [[[3, 3], [3, 3]]]


def test_a_use_may_wait_for_what_is_still_under_way(operands: tuple[FloatArray, FloatArray]) -> None:
    left, right = operands
    parameter = Parameter(np.zeros((ROWS, COLUMNS), dtype=np.float32))
    parameter.clear_gradient()
    parameter.receive_product(left, right)
    for _ in range(3):
        parallel.product_then(left, right, parameter.receive)
    parallel.finish()
    once = np.dot(left, right)
    assert np.array_equal(parameter.grad, once + once + once + once)
