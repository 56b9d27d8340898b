"""The graph of tensors: what a node shows, how gradients add up and start afresh, where a parameter keeps them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.autograd.errors import ShapeError
from engine.autograd.functions import reduce_sum, tanh
from engine.autograd.fused import embed, linear
from engine.autograd.graph import topological_order
from engine.autograd.tensor import Tensor, unbroadcast
from engine.nn.parameters import ArrayParameters, Parameter

Floats = NDArray[np.float64]


def grad_of(node: Tensor) -> list[float]:
    assert node.grad is not None
    gradient: list[float] = node.grad.ravel().tolist()
    return gradient


# What a node shows.


def test_the_graph_can_be_walked_with_everything_a_view_needs() -> None:
    x = Tensor(np.array([[1.0, 2.0]]), "x")
    y = Tensor(np.array([[3.0], [4.0]]), "y")
    product = x @ y
    root = reduce_sum(tanh(product) - product)
    root.backward()

    order = topological_order(root)
    assert [node.op for node in order] == ["", "", "@", "tanh", "-", "sum"]
    assert [node.label for node in order] == ["x", "y", "", "", "", ""]
    assert [node.shape for node in order] == [(1, 2), (2, 1), (1, 1), (1, 1), (1, 1), ()]
    assert [len(node.parents) for node in order] == [0, 0, 2, 1, 2, 1]
    assert order[4].parents == (order[3], order[2])
    assert order[2].parents == (x, y)
    assert float(order[2].data[0, 0]) == 11
    slope = -(np.tanh(11.0) ** 2)  # (1 - tanh^2) - 1
    assert grad_of(order[2]) == pytest.approx([slope])
    assert grad_of(x) == pytest.approx([3 * slope, 4 * slope])
    assert grad_of(y) == pytest.approx([slope, 2 * slope])
    assert grad_of(root) == [1]


def test_the_parents_stand_in_the_order_of_the_operands() -> None:
    x, y = Tensor(2.0), Tensor(3.0)
    assert (x - y).parents == (x, y)
    assert (y - x).parents == (y, x)
    assert (x * x).parents == (x, x)
    left, right = (5.0 - x).parents
    assert float(left.data) == 5
    assert right is x


def test_numbers_and_whole_number_arrays_become_float64_and_float32_stays() -> None:
    assert Tensor(1).data.dtype == np.float64
    assert Tensor(np.arange(3)).data.dtype == np.float64  # type: ignore[arg-type]  # the point of the test
    single = Tensor(np.ones(2, dtype=np.float32))
    assert ((single * 0.1 + 1) / 3 - 2).data.dtype == np.float32


def test_a_node_describes_itself_by_label_operation_shape_and_precision() -> None:
    assert repr(Tensor(np.zeros((2, 3)), "w")) == "Tensor(w: leaf, shape=(2, 3), float64)"
    assert repr(Tensor(1.0) * 2) == "Tensor(*, shape=(), float64)"


# The backward pass.


def test_a_node_used_in_several_places_gets_the_sum_of_all_shares() -> None:
    x = Tensor(3.0)
    (x * x * x + x).backward()
    assert grad_of(x) == [3 * 9 + 1]


def test_a_second_backward_adds_to_the_leaves_and_leaks_nothing_through_inner_nodes() -> None:
    x = Tensor(3.0)
    inner = x * x
    loss = inner * inner
    loss.backward()
    once = grad_of(x)
    assert once == [4 * 27]
    loss.backward()
    assert grad_of(x) == [2 * once[0]]
    assert grad_of(inner) == [2 * 9]  # not doubled
    assert grad_of(loss) == [1]


def test_two_losses_over_a_shared_node_add_up_at_the_leaf() -> None:
    x = Tensor(2.0)
    shared = x * x
    (shared * 3).backward()
    (shared * 5).backward()
    assert grad_of(x) == [8 * 4]
    assert grad_of(shared) == [5]


def test_zero_grad_forgets_the_whole_graph_below_and_nothing_beside_it() -> None:
    x, y = Tensor(2.0), Tensor(3.0)
    inner = x * y
    loss, other = inner * 2, y * 7
    loss.backward()
    other.backward()
    loss.zero_grad()
    assert (x.grad, y.grad, inner.grad, loss.grad) == (None, None, None, None)
    assert grad_of(other) == [1]
    loss.backward()
    assert grad_of(x) == [6]


def test_the_gradients_handed_on_are_not_shared_with_what_is_written_later() -> None:
    x, y = Tensor(np.ones(2)), Tensor(np.ones(2))
    total = x + y  # both operands receive the same array
    reduce_sum(total).backward()
    reduce_sum(x * 3).backward()
    assert grad_of(x) == [4, 4]
    assert grad_of(y) == [1, 1]


def test_a_chain_of_a_hundred_thousand_nodes_goes_through() -> None:
    x = Tensor(1.0)
    node = x
    for _ in range(100_000):
        node = node + x
    node.backward()
    assert grad_of(x) == [100_001]
    node.zero_grad()
    assert x.grad is None


def test_backward_from_more_than_one_number_is_refused_with_the_node_and_the_way_out() -> None:
    x = Tensor(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"Tensor\(\*, shape=\(2, 3\), float64\) holds 6: sum it first"):
        (x * 2).backward()
    assert x.grad is None
    (Tensor(np.ones((1, 1))) * 2).backward()  # one number in any shape will do


# Powers.


@pytest.mark.parametrize(
    ("exponent", "values", "slopes"),
    [
        (0, [1, 1, 1], [0, 0, 0]),
        (0.0, [1, 1, 1], [0, 0, 0]),
        (1, [-2, 0, 3], [1, 1, 1]),
        (2, [4, 0, 9], [-4, 0, 6]),
    ],
)
def test_a_power_has_its_slope_also_at_zero(
    exponent: float, values: list[float], slopes: list[float]
) -> None:
    x = Tensor(np.array([-2.0, 0.0, 3.0]))
    power = x**exponent
    reduce_sum(power).backward()
    assert power.data.tolist() == values
    assert grad_of(x) == slopes


def test_a_power_keeps_the_precision_of_its_base() -> None:
    x = Tensor(np.ones(2, dtype=np.float32))
    for exponent in (0, 2, 0.5, np.float64(3)):
        power = x**exponent
        reduce_sum(power).backward()
        assert power.data.dtype == np.float32
        assert x.grad is not None
        assert x.grad.dtype == np.float32


def test_a_tensor_in_the_exponent_is_refused_by_name_with_the_way_out() -> None:
    base, exponent = Tensor(2.0, "base"), Tensor(3.0, "n")
    with pytest.raises(
        TypeError, match=r"Tensor\(base: leaf.*\*\* Tensor\(n: leaf.*exp\(log\(base\) \* exponent\)"
    ):
        base**exponent  # type: ignore[operator]  # the point of the test
    with pytest.raises(TypeError, match=r"one fixed number"):
        base ** np.ones(2)  # type: ignore[operator]  # the point of the test


# Broadcasting, undone.


@st.composite
def stretched(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape, and one that it can be broadcast to."""
    target = draw(st.lists(st.integers(1, 3), max_size=4))
    kept = [1 if draw(st.booleans()) else size for size in target]
    return tuple(kept[draw(st.integers(0, len(kept))) :]), tuple(target)


@given(stretched(), st.integers(0, 2**32 - 1))
def test_unbroadcast_hands_every_entry_the_sum_over_its_copies(
    shapes: tuple[tuple[int, ...], tuple[int, ...]], seed: int
) -> None:
    shape, target = shapes
    gradient = np.random.default_rng(seed).normal(size=target)
    source = np.arange(int(np.prod(shape))).reshape(shape)
    copies = np.broadcast_to(source, target)
    expected = np.array([gradient[copies == number].sum() for number in source.ravel()]).reshape(shape)
    summed = unbroadcast(gradient, shape)
    assert summed.shape == shape
    assert np.allclose(summed, expected, rtol=1e-13, atol=1e-13)


@given(stretched())
def test_a_parameter_undoes_broadcasting_as_a_plain_tensor_does(
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    shape, target = shapes
    weights = np.arange(1.0, 1 + np.prod(target)).reshape(target)
    plain, parameter = Tensor(np.ones(shape)), Parameter(np.ones(shape))
    for _ in range(2):  # the first gradient overwrites the slot, the second adds
        for leaf in (plain, parameter):
            reduce_sum(leaf * weights).backward()
    assert plain.grad is not None
    assert parameter.grad.shape == shape
    assert np.array_equal(parameter.grad, plain.grad)


# Parameters, whose gradients live in slots of one flat vector.


def two_parameters() -> tuple[Parameter, Parameter, ArrayParameters]:
    weight, bias = Parameter(np.array([[1.0, 2.0], [3.0, 4.0]])), Parameter(np.array([5.0, 6.0]))
    named = [("w", weight), ("b", bias)]
    return weight, bias, ArrayParameters(named, np.dtype(np.float64))


def test_parameters_become_named_views_of_one_vector() -> None:
    weight, bias, parameters = two_parameters()
    assert parameters.values.tolist() == [1, 2, 3, 4, 5, 6]
    assert [(g.name, g.shape, g.start, g.stop) for g in parameters.groups] == [
        ("w", (2, 2), 0, 4),
        ("b", (2,), 4, 6),
    ]
    assert (weight.label, bias.label) == ("w", "b")
    parameters.values[:] = 7
    assert weight.data.tolist() == [[7, 7], [7, 7]]
    reduce_sum(bias * 2).backward()
    assert parameters.gradient().tolist() == [0, 0, 0, 0, 2, 2]
    assert np.shares_memory(bias.grad, parameters.gradient())


def test_the_first_gradient_after_clearing_overwrites_and_later_ones_add() -> None:
    weight, bias, parameters = two_parameters()
    x = Tensor(np.array([[1.0, 10.0]]))
    loss = reduce_sum(linear(x, weight, bias))
    loss.backward()
    assert parameters.gradient().tolist() == [1, 10, 1, 10, 1, 1]
    loss.backward()
    assert parameters.gradient().tolist() == [2, 20, 2, 20, 2, 2]
    parameters.clear_gradient()
    loss.backward()
    assert parameters.gradient().tolist() == [1, 10, 1, 10, 1, 1]


def test_a_parameter_used_twice_in_one_pass_gets_both_shares() -> None:
    weight, bias, parameters = two_parameters()
    parameters.gradient()[:] = 99  # what an earlier step left
    parameters.clear_gradient()
    x = Tensor(np.array([[1.0, 1.0]]))
    reduce_sum(linear(linear(x, weight, bias), weight, bias)).backward()
    plain = [Tensor(array.copy()) for array in (weight.data, bias.data)]
    reduce_sum(linear(linear(x, plain[0], plain[1]), plain[0], plain[1])).backward()
    assert parameters.gradient().tolist() == [*grad_of(plain[0]), *grad_of(plain[1])]


def test_a_parameter_that_nothing_reached_reads_as_zeros() -> None:
    weight, bias, parameters = two_parameters()
    parameters.gradient()[:] = 99
    parameters.clear_gradient()
    reduce_sum(bias * 3).backward()
    assert parameters.gradient().tolist() == [0, 0, 0, 0, 3, 3]
    parameters.gradient()[:] = 99
    parameters.clear_gradient()
    assert weight.grad.tolist() == [[0, 0], [0, 0]]


def test_an_embedding_writes_its_table_s_slot_the_same_way() -> None:
    for rows in (3, 300):  # both ways of summing
        table = Parameter(np.ones((rows, 2)))
        parameters = ArrayParameters([("table", table)], np.dtype(np.float64))
        parameters.gradient()[:] = 99
        parameters.clear_gradient()
        loss = reduce_sum(embed(table, np.array([[0, 2], [2, 2]])))
        loss.backward()
        assert parameters.gradient()[:6].tolist() == [1, 1, 0, 0, 3, 3]
        assert not parameters.gradient()[6:].any()
        loss.backward()
        assert parameters.gradient()[:6].tolist() == [2, 2, 0, 0, 6, 6]


def test_zero_grad_of_a_loss_clears_the_slots_below_it() -> None:
    weight, bias, parameters = two_parameters()
    loss = reduce_sum(linear(Tensor(np.ones((1, 2))), weight, bias))
    loss.backward()
    loss.zero_grad()
    assert not parameters.gradient().any()


def test_a_gradient_that_arrived_before_the_move_comes_along() -> None:
    weight = Parameter(np.array([1.0, 2.0]))
    reduce_sum(weight * 4).backward()
    parameters = ArrayParameters([("w", weight)], np.dtype(np.float64))
    assert parameters.gradient().tolist() == [4, 4]
