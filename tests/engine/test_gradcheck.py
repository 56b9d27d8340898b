"""The judge of gradients: it finds what is wrong, whatever is wrong, and passes what is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.autograd import functions
from engine.autograd.gradcheck import check_gradients, numeric_gradient
from engine.autograd.tensor import FloatArray, Tensor

Tensors = Sequence[Tensor]


def test_the_finite_difference_of_a_known_function_is_its_derivative() -> None:
    x = np.linspace(-1, 1, 7)
    (gradient,) = numeric_gradient(lambda p: float(np.sum(np.sin(p[0]) ** 2)), [x])
    assert np.allclose(gradient, np.sin(2 * x), rtol=0, atol=1e-11)


def test_a_wrong_gradient_is_found_out_whatever_is_wrong_with_it() -> None:
    def wrong(grad_of: Callable[[FloatArray], FloatArray]) -> Callable[[Tensors], Tensor]:
        def square(t: Tensors) -> Tensor:
            x = t[0]
            made = Tensor.made_by("square", x.data**2, (x,), lambda grad: x.receive(grad * grad_of(x.data)))
            return functions.reduce_sum(made)

        return square

    x = [np.array([0.5, -2.0])]
    assert check_gradients(wrong(lambda d: 2 * d), x) < 1e-9
    assert check_gradients(wrong(lambda d: 2 * d * (1 + 1e-5)), x) == pytest.approx(1e-5, rel=0.01)
    assert check_gradients(wrong(lambda d: -2 * d), x) == pytest.approx(2)
    assert check_gradients(wrong(lambda d: 0 * d), x) == pytest.approx(1)
    assert check_gradients(wrong(lambda d: d * np.nan), x) == np.inf


def test_a_gradient_that_never_arrives_counts_as_zero() -> None:
    x, y = np.array([1.0, -2]), np.array([0.5, 3, 1])
    assert check_gradients(lambda t: functions.reduce_sum(t[0]), [x, y]) < 1e-9
    assert check_gradients(lambda t: Tensor(t[0].data.sum() + t[1].data.sum()), [x, y]) == pytest.approx(1)


def test_gradients_are_not_checked_in_float32_or_where_there_are_none() -> None:
    with pytest.raises(TypeError, match="float32"):
        check_gradients(lambda t: functions.reduce_sum(t[0]), [np.ones(2, dtype=np.float32)])
    with pytest.raises(ValueError, match="inf at this point"):
        check_gradients(lambda t: functions.reduce_sum(t[0]), [np.array([np.inf])])
