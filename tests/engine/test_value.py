"""The scalar engine: gradients against finite differences, and every way in which it refuses or repeats."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.autograd.errors import DomainError, ShapeError
from engine.autograd.graph import topological_order
from engine.autograd.value import Value, dot

Function = Callable[..., Value]

TOLERANCE = 1e-6


def finite_differences(function: Function, inputs: list[float], i: int) -> float:
    """The derivative with respect to input `i` by the five-point rule, whose error is of the order h^4."""
    h = 1e-3

    def at(shift: float) -> float:
        return function(*(Value(x + shift if j == i else x) for j, x in enumerate(inputs))).data

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def check_gradients(function: Function, *inputs: float) -> None:
    leaves = [Value(x) for x in inputs]
    function(*leaves).backward()
    for i, leaf in enumerate(leaves):
        numeric = finite_differences(function, list(inputs), i)
        assert abs(leaf.grad - numeric) <= TOLERANCE * max(abs(numeric), 1e-3), f"input {i} of {inputs}"


numbers = st.floats(-2, 2)
away_from_zero = st.floats(0.25, 2) | st.floats(-2, -0.25)
positive = st.floats(0.25, 2)


@given(numbers, numbers)
def test_sum_difference_and_product_have_true_gradients(x: float, y: float) -> None:
    check_gradients(lambda a, b: a + b, x, y)
    check_gradients(lambda a, b: a - b, x, y)
    check_gradients(lambda a, b: a * b, x, y)


@given(numbers, away_from_zero)
def test_quotient_has_true_gradients(x: float, y: float) -> None:
    check_gradients(lambda a, b: a / b, x, y)


@given(away_from_zero, st.sampled_from([-3, -1, 0, 1, 2, 3]))
def test_power_with_a_whole_number_has_true_gradients(x: float, n: int) -> None:
    check_gradients(lambda a: a**n, x)


@given(positive, numbers)
def test_power_of_two_values_has_true_gradients(x: float, y: float) -> None:
    check_gradients(lambda a, b: a**b, x, y)
    check_gradients(lambda b: x**b, y)


@given(away_from_zero)
def test_functions_have_true_gradients(x: float) -> None:
    check_gradients(lambda a: -a, x)
    check_gradients(Value.exp, x)
    check_gradients(Value.log, abs(x))
    check_gradients(Value.tanh, x)
    check_gradients(Value.sigmoid, x)
    check_gradients(Value.relu, x)


@given(away_from_zero, numbers)
def test_reflected_operators_agree_with_plain_numbers(x: float, k: float) -> None:
    pairs: list[tuple[Function, float]] = [
        (lambda a: k + a, k + x),
        (lambda a: k - a, k - x),
        (lambda a: k * a, k * x),
        (lambda a: k / a, k / x),
        (lambda a: a + k, x + k),
        (lambda a: a - k, x - k),
        (lambda a: a * k, x * k),
    ]
    for function, expected in pairs:
        assert function(Value(x)).data == expected
        check_gradients(function, x)


@given(st.lists(st.tuples(numbers, numbers), max_size=6), numbers)
def test_dot_is_the_sum_of_products_in_value_and_gradient(pairs: list[tuple[float, float]], b: float) -> None:
    fused = [(Value(w), Value(x)) for w, x in pairs]
    plain = [(Value(w), Value(x)) for w, x in pairs]
    fused_bias, plain_bias = Value(b), Value(b)
    result = dot([w for w, _ in fused], [x for _, x in fused], fused_bias)
    expected = sum((w * x for w, x in plain), plain_bias)
    result.backward()
    expected.backward()
    assert result.data == pytest.approx(expected.data, rel=1e-12, abs=1e-12)
    assert fused_bias.grad == plain_bias.grad == 1
    assert [(w.grad, x.grad) for w, x in fused] == [(w.grad, x.grad) for w, x in plain]


def test_dot_shows_weights_then_inputs_then_bias_as_parents() -> None:
    w, x, b = [Value(1), Value(2)], [Value(3), Value(4)], Value(5)
    node = dot(w, x, b)
    assert (node.op, node.data, node.parents) == ("dot", 16.0, (*w, *x, b))


def test_dot_refuses_a_weight_without_an_input() -> None:
    with pytest.raises(ShapeError, match="2 weights and 1 inputs"):
        dot([Value(1), Value(2)], [Value(1)], Value(0))


OPERATIONS: dict[str, Function] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: (a * b).tanh(),  # tanh keeps repeated products small
    "/": lambda a, b: a / (b * b + 1),
    "**": lambda a, b: (a * a + 0.5) ** b.tanh(),
    "exp": lambda a, b: a.tanh().exp() - b,
    "log": lambda a, b: (a * a + b * b + 1).log(),
    "sigmoid": lambda a, b: a.sigmoid() * 2 + b,
    "dot": lambda a, b: dot([a, b], [b.tanh(), a.tanh()], a),
}
steps = st.lists(
    st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 99), st.integers(0, 99)), max_size=8
)


@given(steps, st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_a_random_expression_that_reuses_its_results_has_true_gradients(
    choices: list[tuple[str, int, int]], inputs: list[float]
) -> None:
    def expression(*leaves: Value) -> Value:
        nodes = list(leaves)
        for operation, left, right in choices:
            nodes.append(OPERATIONS[operation](nodes[left % len(nodes)], nodes[right % len(nodes)]))
        return nodes[-1] + nodes[len(nodes) // 2]

    assume(abs(expression(*map(Value, inputs)).data) < 100)
    check_gradients(expression, *inputs)


def test_a_chain_of_100_000_nodes_goes_backward() -> None:
    x = Value(1)
    node = x
    for _ in range(100_000):
        node = node + 0.5
    node.backward()
    assert (node.data, x.grad) == (50_001, 1)


def test_a_value_used_twice_by_one_operation_receives_both_shares() -> None:
    x = Value(3)
    (x * x).backward()
    assert x.grad == 6
    y = Value(3)
    (y + y).backward()
    assert y.grad == 2


def test_a_second_backward_adds_to_leaves_and_leaks_nothing_from_inner_nodes() -> None:
    x = Value(3)
    square = x * x
    cube = square * x
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (27, 3, 1)
    cube.backward()
    assert (x.grad, square.grad, cube.grad) == (54, 3, 1)


def test_two_losses_over_shared_nodes_add_up_in_the_leaves() -> None:
    x = Value(2)
    square = x * x
    (square * 3).backward()
    (square * 5).backward()
    assert x.grad == 3 * 4 + 5 * 4


def test_backward_from_a_leaf_gives_it_one() -> None:
    x = Value(2)
    x.backward()
    assert x.grad == 1
    x.backward()
    assert x.grad == 2


def test_zero_grad_clears_the_node_and_everything_below_but_nothing_above() -> None:
    x, y = Value(2), Value(3)
    product = x * y
    loss = product.tanh()
    loss.backward()
    product.zero_grad()
    assert (x.grad, y.grad, product.grad, loss.grad) == (0, 0, 0, 1)


def test_a_closed_relu_passes_nothing_on_and_its_slope_at_zero_is_zero() -> None:
    for x in (-1.0, 0.0):
        leaf = Value(x)
        (leaf.relu() * 5).backward()
        assert leaf.grad == 0


def test_a_closed_relu_passes_nothing_on_even_over_a_slope_that_overflowed() -> None:
    x = Value(-1)
    (x / 1e-320).relu().backward()
    assert x.grad == 0


def test_nan_passes_through_relu_and_into_gradients() -> None:
    leaf = Value(2)
    (leaf * Value(math.nan)).relu().backward()
    assert math.isnan(leaf.grad)


@pytest.mark.parametrize(("x", "expected"), [(-800.0, 0.0), (800.0, 1.0), (0.0, 0.5)])
def test_sigmoid_is_exact_at_both_ends(x: float, expected: float) -> None:
    assert Value(x).sigmoid().data == expected


def test_the_slope_of_sigmoid_does_not_cancel_far_out() -> None:
    x = Value(40)
    x.sigmoid().backward()
    assert x.grad == pytest.approx(math.exp(-40), rel=1e-12, abs=0)


def test_numbers_of_python_and_numpy_enter_on_either_side_as_floats() -> None:
    # Any: the types of numpy say its scalars do not know Values
    scalars: list[Any] = [2, 2.0, np.float64(2), np.float32(2), np.int64(2)]
    for number in scalars:
        for result in (Value(3) * number, number * Value(3), Value(3) + (number + 1)):
            assert isinstance(result, Value)
            assert result.data == 6
            assert type(result.data) is float


def test_the_graph_can_be_read_from_outside() -> None:
    w, x = Value(2, label="w"), Value(3)
    node = (w * x) ** 2
    assert (node.op, node.shape, node.data, node.slopes) == ("**2", (), 36.0, (12.0,))
    assert node.parents[0].parents == (w, x)
    assert [n.op for n in topological_order(node)] == ["", "", "*", "**2"]
    assert repr(w) == "Value('w', data=2.0, grad=0.0)"
    assert repr(node) == "Value(data=36.0, grad=0.0, op='**2')"


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (Value(0, "p").log, r"log\(0.0\).*'p' = 0.0 \(a leaf\)"),
        ((Value(1) - 3).log, r"log\(-2.0\).*-2.0 \(made by -\)"),
        (Value(math.nan).log, r"log\(nan\)"),
        (lambda: Value(0, "x") ** -1, r"0 \*\* -1.0 divides by zero.*'x'"),
        (lambda: Value(0) ** 0.5, "infinite slope"),
        (lambda: Value(-8, "x") ** (1 / 3), r"-8.0 \*\* 0.333.*'x'"),
        (lambda: Value(-2) ** Value(2, "n"), r"no slope.*'n' = 2.0"),
        (lambda: 0 ** Value(0), "no slope"),
        (lambda: Value(10) ** 400, "too large"),
        (lambda: Value(1) / Value(0, "d"), r"1.0 / 0.*'d' = 0.0"),
        (lambda: Value(1) / 0, r"1.0 / 0"),
        (lambda: 1 / (Value(1) - 1), r"1.0 / 0.*made by -"),
        (Value(710, "z").exp, r"exp\(710.0\) is too large.*'z'"),
    ],
)
def test_a_number_outside_the_domain_is_refused_naming_operation_value_and_node(
    compute: Callable[[], Value], words: str
) -> None:
    with pytest.raises(DomainError, match=words):
        compute()


def test_powers_of_zero_that_have_a_slope_are_computed() -> None:
    for exponent, slope in ((0, 0.0), (1, 1.0), (2, 0.0)):
        x = Value(0)
        power = x**exponent
        power.backward()
        assert (power.data, x.grad) == (0.0**exponent, slope)
    n = Value(2)
    (0**n).backward()
    assert n.grad == 0


def test_something_that_is_no_number_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="not with str: 'a'"):
        Value(1) + "a"  # type: ignore[operator]  # the point of the test
    with pytest.raises(TypeError, match="not with ndarray"):
        np.ones(2) * Value(1)  # type: ignore[operator]  # an array is for Tensor
