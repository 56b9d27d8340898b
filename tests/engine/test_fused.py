"""The operations the models run are right by themselves, and equal to their readable definition.

Gradients against finite differences and against `functions.py`, in float64, over every entry; relu is kept away
from its kink by the choice of the bias.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.autograd import activations, functions, fused
from engine.autograd.errors import ShapeError
from engine.autograd.gradcheck import check_gradients
from engine.autograd.tensor import Tensor

Floats = NDArray[np.float64]
Tensors = Sequence[Tensor]
Unary = Callable[[Tensor], Tensor]

LIMIT = 1e-6
EQUAL = 1e-12
seeds = st.integers(0, 2**32 - 1)


def weighted(result: Tensor) -> Tensor:
    """One number from any result, with another weight for every entry, so that no two can be confused."""
    weights = np.cos(1 + np.arange(result.data.size, dtype=np.float64)).reshape(result.shape)
    return functions.reduce_sum(result * weights)


TABLES = [1, 5, functions.ONE_HOT_LIMIT, functions.ONE_HOT_LIMIT + 3]
"""Numbers of rows on both sides of the border between the two ways to sum a table's gradient."""

batches = st.integers(1, 5)
LINEAR: dict[str, Unary] = {
    "linear": lambda z: z,
    "relu": functions.relu,
    "tanh": functions.tanh,
    "gelu": functions.gelu,
}


def readable_linear(x: Tensor, weight: Tensor, bias: Tensor, activation: str) -> Tensor:
    return LINEAR[activation](x @ functions.transpose(weight) + bias)


def activation_named(name: str) -> activations.Activation:
    return activations.ACTIVATIONS.get(name, activations.IDENTITY)


def same_value_and_gradients(
    one: Callable[[Tensors], Tensor], other: Callable[[Tensors], Tensor], arrays: Sequence[Floats]
) -> None:
    sides = []
    for f in (one, other):
        tensors = [Tensor(array.copy()) for array in arrays]
        result = f(tensors)
        weighted(result).backward()
        sides.append([result.data, *(tensor.grad for tensor in tensors)])
    for left, right in zip(*sides, strict=True):
        assert left is not None
        assert right is not None
        assert left.shape == right.shape
        assert np.allclose(left, right, rtol=EQUAL, atol=EQUAL)


def linear_arrays(seed: int, batch: int, inputs: int, outputs: int) -> list[Floats]:
    """Arrays whose z = x W^T + b keeps at least 0.1 away from 0, where relu has its kink."""
    rng = np.random.default_rng(seed)
    x, weight = rng.normal(size=(batch, inputs)), rng.normal(size=(outputs, inputs))
    product = np.sort(x @ weight.T, axis=0)  # (B, O): put each bias in the middle of the widest gap
    edges = np.concatenate([product[:1] - 2, product, product[-1:] + 2])
    widest = np.diff(edges, axis=0).argmax(axis=0)
    columns = np.arange(outputs)
    bias = -(edges[widest, columns] + edges[widest + 1, columns]) / 2
    return [x, weight, np.asarray(bias)]


@pytest.mark.parametrize("name", list(LINEAR))
@given(seed=seeds, batch=batches, inputs=st.integers(1, 4), outputs=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_linear_with_its_activation(name: str, seed: int, batch: int, inputs: int, outputs: int) -> None:
    arrays = linear_arrays(seed, batch, inputs, outputs)
    assert np.abs(arrays[0] @ arrays[1].T + arrays[2]).min() > 0.02  # ten times what a difference moves

    def one_node(t: Tensors) -> Tensor:
        return fused.linear(t[0], t[1], t[2], activation_named(name))

    assert check_gradients(lambda t: weighted(one_node(t)), arrays) < LIMIT
    same_value_and_gradients(one_node, lambda t: readable_linear(t[0], t[1], t[2], name), arrays)


def test_linear_without_a_bias_is_linear_with_a_bias_of_zeros() -> None:
    x, weight = (np.random.default_rng(4).normal(size=shape) for shape in [(3, 2), (4, 2)])

    def without(t: Tensors) -> Tensor:
        return fused.linear(t[0], t[1], None, activations.ACTIVATIONS["tanh"])

    assert check_gradients(lambda t: weighted(without(t)), [x, weight]) < LIMIT
    same_value_and_gradients(
        without, lambda t: readable_linear(t[0], t[1], Tensor(np.zeros(4)), "tanh"), [x, weight]
    )


def test_a_linear_layer_applied_twice_sums_both_shares() -> None:
    x, weight, bias = (np.random.default_rng(12).normal(size=shape) for shape in [(2, 3), (3, 3), (3,)])

    def twice(t: Tensors) -> Tensor:
        return fused.linear(fused.linear(t[0], t[1], t[2], activations.ACTIVATIONS["tanh"]), t[1], t[2])

    assert check_gradients(lambda t: weighted(twice(t)), [x, weight, bias]) < LIMIT


def test_linear_refuses_inner_sizes_that_differ_with_both_shapes() -> None:
    x, weight, bias = (Tensor(np.ones(shape)) for shape in [(2, 3), (4, 5), (4,)])
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(4, 5\)"):
        fused.linear(x, weight, bias)


@pytest.mark.parametrize("rows", TABLES)
@given(seed=seeds, batch=batches, context=st.integers(1, 4))
@settings(max_examples=8, deadline=None)
def test_embedding_with_repeated_characters(rows: int, seed: int, batch: int, context: int) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, min(rows, 3), (batch, context)).astype(np.uint16)
    ids[ids == 2] = rows - 1
    table = rng.normal(size=(rows, 2))

    def readable(t: Tensors) -> Tensor:
        return functions.reshape(functions.take(t[0], ids), (batch, context * 2))

    assert check_gradients(lambda t: weighted(fused.embed(t[0], ids)), [table]) < LIMIT
    same_value_and_gradients(lambda t: fused.embed(t[0], ids), readable, [table])


@pytest.mark.parametrize("rows", TABLES)
def test_one_vector_for_each_character_of_a_sequence(rows: int) -> None:
    rng = np.random.default_rng(rows)
    ids = rng.integers(0, rows, (3, 4)).astype(np.uint16)
    table = rng.normal(size=(rows, 2))
    assert check_gradients(lambda t: weighted(fused.embed_each(t[0], ids)), [table]) < LIMIT
    same_value_and_gradients(
        lambda t: fused.embed_each(t[0], ids), lambda t: functions.take(t[0], ids), [table]
    )


@pytest.mark.parametrize("time", [1, 3, 5])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_places_are_added_as_far_as_the_sequence_goes(time: int, scale: float) -> None:
    rng = np.random.default_rng(time)
    arrays = [rng.normal(size=(2, time, 3)), rng.normal(size=(5, 3))]

    def readable(t: Tensors) -> Tensor:
        return t[0] * scale + functions.take(t[1], np.arange(time))

    def one_node(t: Tensors) -> Tensor:
        return fused.add_places(t[0], t[1], scale=scale)

    assert check_gradients(lambda t: weighted(one_node(t)), arrays) < LIMIT
    same_value_and_gradients(one_node, readable, arrays)


@pytest.mark.parametrize("name", list(LINEAR))
def test_linear_over_sequences_and_without_a_bias(name: str) -> None:
    x, weight, _ = linear_arrays(5, 6, 3, 2)
    sequences = x.reshape(2, 3, 3)
    assert np.abs(x @ weight.T).min() > 0.01  # clear of relu's kink

    def one_node(t: Tensors) -> Tensor:
        return fused.linear(t[0], t[1], None, activation_named(name))

    def readable(t: Tensors) -> Tensor:
        return LINEAR[name](t[0] @ functions.transpose(t[1]))

    assert check_gradients(lambda t: weighted(one_node(t)), [sequences, weight]) < LIMIT
    tensors = [Tensor(sequences), Tensor(weight)]
    assert np.allclose(one_node(tensors).data, readable(tensors).data, rtol=EQUAL)


def test_gelu_is_the_same_however_many_pieces_it_is_done_in(monkeypatch: pytest.MonkeyPatch) -> None:
    z = np.random.default_rng(1).normal(size=(7, 3))
    whole, whole_kept = activations.ACTIVATIONS["gelu"].forward(z.copy())
    monkeypatch.setattr(activations, "GELU_AT_ONCE", 6)
    pieces, pieces_kept = activations.ACTIVATIONS["gelu"].forward(z.copy())
    assert np.allclose(pieces, whole, rtol=EQUAL)
    assert np.allclose(pieces_kept[0], whole_kept[0], rtol=EQUAL)


@pytest.mark.parametrize("name", [*activations.ACTIVATIONS, "linear"])
@pytest.mark.parametrize(("dtype", "near"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_the_short_way_between_scaled_weights_gives_the_same(
    name: str, dtype: type[np.floating], near: float
) -> None:
    activation = activation_named(name)
    z = np.concatenate([np.linspace(-6, 6, 101), [-1e4, 0, 1e4]]).astype(dtype)
    before, behind = activation.factors
    short = dtype(behind) * activation.short(dtype(before) * z)
    assert short.dtype == dtype
    assert np.allclose(short, activation.value(z.copy()), rtol=near, atol=near)


@given(seed=seeds, batch=batches, characters=st.integers(1, 6), spread=st.sampled_from([0.1, 1.0, 4.0]))
@settings(max_examples=40, deadline=None)
def test_softmax_cross_entropy(seed: int, batch: int, characters: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(batch, characters)) * spread
    targets = rng.integers(0, characters, batch).astype(np.uint8)
    assert check_gradients(lambda t: fused.softmax_cross_entropy(t[0], targets) * 1.7, [logits]) < LIMIT
    assert check_gradients(lambda t: functions.cross_entropy(t[0], targets) * 1.7, [logits]) < LIMIT
    same_value_and_gradients(
        lambda t: fused.softmax_cross_entropy(t[0], targets),
        lambda t: functions.cross_entropy(t[0], targets),
        [logits],
    )


def test_cross_entropy_has_the_value_worked_out_by_hand() -> None:
    logits = Tensor(np.array([[2, 1.5, 0.8, 0.2]]))
    for f in (fused.softmax_cross_entropy, functions.cross_entropy):
        assert float(f(logits, np.array([0])).data) == pytest.approx(0.72901, abs=5e-6)


@pytest.mark.parametrize("f", [fused.softmax_cross_entropy, functions.cross_entropy])
def test_cross_entropy_of_large_scores_does_not_overflow(
    f: Callable[[Tensor, NDArray[np.int64]], Tensor],
) -> None:
    logits = Tensor(np.array([[1e4, 0.0], [-1e4, 0.0]]))
    loss = f(logits, np.array([1, 1]))
    loss.backward()
    assert float(loss.data) == 5e3
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.5, -0.5], [0, 0]]


def test_cross_entropy_refuses_another_number_of_targets() -> None:
    with pytest.raises(ShapeError, match="2 rows of logits, but 3 targets"):
        fused.softmax_cross_entropy(Tensor(np.zeros((2, 4))), np.array([0, 1, 2]))


@pytest.mark.parametrize("size", [15.9, 16.1, 80.0])  # raised as they are, and less their maximum
def test_a_sure_prediction_costs_nothing_and_never_less(size: float) -> None:
    for true in np.linspace(0, 3, 40, dtype=np.float32):
        logits = np.full((4, 2), -size, dtype=np.float32)
        logits[:, 1] = true
        loss = fused.softmax_cross_entropy(Tensor(logits), np.array([1, 1, 1, 1]))
        assert 0 <= float(loss.data) < 1e-5
