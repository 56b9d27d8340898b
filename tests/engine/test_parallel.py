"""Work on the second thread: the same bits, nothing left behind, errors to the one who asked."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from engine import parallel
from engine.nn.parameters import Parameter
from engine.parallel import FloatArray

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


def test_two_halves_of_a_work_are_both_done_and_products_inside_them_at_once(
    operands: tuple[FloatArray, FloatArray],
) -> None:
    left, right = operands
    outs = [np.full((ROWS, COLUMNS), np.nan, dtype=np.float32) for _ in range(2)]
    finished = []

    def half(index: int) -> None:
        parallel.product_into(outs[index], left, right)
        finished.append(np.array_equal(outs[index], np.dot(left, right)))

    parallel.divide(lambda: half(0), lambda: half(1))
    assert finished == [True, True]


def test_a_half_that_is_divided_again_is_done_by_its_own_thread() -> None:
    done: list[tuple[str, int]] = []

    def quarters(name: str) -> None:
        parallel.divide(
            lambda: done.append((f"{name}1", threading.get_ident())),
            lambda: done.append((f"{name}2", threading.get_ident())),
        )

    parallel.divide(lambda: quarters("a"), lambda: quarters("b"))
    threads = dict(done)
    assert threads["a1"] == threads["a2"] == threading.get_ident()
    assert threads["b1"] == threads["b2"] != threading.get_ident()


def test_an_error_in_a_half_waits_for_the_other_half() -> None:
    begun, done = threading.Event(), []

    def other() -> None:
        begun.wait()
        done.append(True)

    def one() -> None:
        begun.set()
        raise ValueError("one half")

    with pytest.raises(ValueError, match="one half"):
        parallel.divide(one, other)
    assert done == [True]
