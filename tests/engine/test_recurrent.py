"""Recurrent layers as one node are right by themselves, and equal to their readable definition.

Gradients against finite differences and against the cells written with primitive operations, in float64, over every
entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine import products
from engine.autograd import recurrent
from engine.autograd.errors import ShapeError
from engine.autograd.functions import concatenate, reduce_sum, reshape, sigmoid, tanh
from engine.autograd.gradcheck import check_gradients
from engine.autograd.gru import GRUReading
from engine.autograd.lstm import LSTMReading
from engine.autograd.recurrent import Reading
from engine.autograd.rnn import RNNReading
from engine.autograd.sequence import sequence
from engine.autograd.tensor import FloatArray, Tensor

Floats = NDArray[np.float64]
Tensors = Sequence[Tensor]
Cell = Callable[[Tensor, Tensors, list[Tensor]], list[Tensor]]

LIMIT = 1e-6
EQUAL = 1e-12
CELLS = [RNNReading, LSTMReading, GRUReading]
seeds = st.integers(0, 2**32 - 1)


def weighted(result: Tensor) -> Tensor:
    """One number from any result, with another weight for every entry, so that no two can be confused."""
    weights = np.cos(1 + np.arange(result.data.size, dtype=np.float64)).reshape(result.shape)
    return reduce_sum(result * weights)


def picked(matrix: Tensor, start: int, stop: int) -> Tensor:
    """Columns start .. stop-1, by a product with ones and zeros."""
    return matrix @ Tensor(np.eye(matrix.shape[1])[:, start:stop])


def extended(*parts: Tensor) -> Tensor:
    """[parts; 1], each a matrix with a row an example."""
    return concatenate([*parts, Tensor(np.ones((len(parts[0].data), 1)))], axis=1)


def rnn_cell(x: Tensor, weights: Tensors, state: list[Tensor]) -> list[Tensor]:
    return [tanh(extended(state[0], x) @ weights[0])]


def lstm_cell(x: Tensor, weights: Tensors, state: list[Tensor]) -> list[Tensor]:
    hidden, cell = state
    z = extended(hidden, x) @ weights[0]
    size = hidden.shape[1]
    o, i, f = (sigmoid(picked(z, k * size, (k + 1) * size)) for k in range(3))
    cell = f * cell + i * tanh(picked(z, 3 * size, 4 * size))
    return [o * tanh(cell), cell]


def gru_cell(x: Tensor, weights: Tensors, state: list[Tensor]) -> list[Tensor]:
    (hidden,) = state
    from_input, from_hidden = extended(x) @ weights[0], extended(hidden) @ weights[1]
    size = hidden.shape[1]
    r, z = (sigmoid(picked(from_input + from_hidden, k * size, (k + 1) * size)) for k in range(2))
    n = tanh(picked(from_input, 2 * size, 3 * size) + r * picked(from_hidden, 2 * size, 3 * size))
    return [(1 - z) * n + z * hidden]


DEFINITIONS: dict[type[Reading], Cell] = {RNNReading: rnn_cell, LSTMReading: lstm_cell, GRUReading: gru_cell}


def arrays_for(
    cell: type[Reading], seed: int, steps: int, batch: int, inputs: int, hidden: int
) -> list[Floats]:
    """x, the state and the weights."""
    rng = np.random.default_rng(seed)
    state = [rng.normal(size=(batch, hidden)) for _ in cell.carried]
    weights = [rng.normal(size=shape) * 0.6 for shape in cell.shapes(inputs, hidden).values()]
    return [rng.normal(size=(steps, batch, inputs)), *state, *weights]


def fused(cell: type[Reading], t: Tensors) -> Tensor:
    count = len(cell.carried)
    return sequence(cell, t[0], t[1 + count :], tuple(tensor.data for tensor in t[1 : 1 + count]))[0]


def readable(cell: type[Reading], t: Tensors) -> Tensor:
    count = len(cell.carried)
    x, weights = t[0], t[1 + count :]
    steps, batch, inputs = x.shape
    state = [Tensor(tensor.data) for tensor in t[1 : 1 + count]]
    rows, hidden = reshape(x, (steps * batch, inputs)), []
    for step in range(steps):
        chosen = Tensor(np.eye(steps * batch)[step * batch : (step + 1) * batch])
        state = DEFINITIONS[cell](chosen @ rows, weights, state)
        hidden.append(state[0])
    return reshape(concatenate(hidden), (steps, batch, hidden[0].shape[1]))


def without_state(
    cell: type[Reading], arrays: list[Floats]
) -> tuple[list[Floats], Callable[[Tensors], Tensors]]:
    """The arrays that gradients go to, and how to put the state between them again."""
    count = len(cell.carried)
    state = [Tensor(array) for array in arrays[1 : 1 + count]]
    return [arrays[0], *arrays[1 + count :]], lambda t: [t[0], *state, *t[1:]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_agree_with_finite_differences(cell: type[Reading], batch: int) -> None:
    arrays, whole = without_state(cell, arrays_for(cell, 3, steps=4, batch=batch, inputs=2, hidden=3))
    assert check_gradients(lambda t: weighted(fused(cell, whole(t))), arrays) < LIMIT


@pytest.mark.parametrize("cell", CELLS)
@given(
    seed=seeds,
    steps=st.integers(1, 5),
    batch=st.integers(1, 9),
    inputs=st.integers(1, 4),
    hidden=st.integers(1, 4),
)
@settings(max_examples=15, deadline=None)
def test_one_node_is_the_cell_step_after_step(
    cell: type[Reading], seed: int, steps: int, batch: int, inputs: int, hidden: int
) -> None:
    arrays, whole = without_state(cell, arrays_for(cell, seed, steps, batch, inputs, hidden))
    sides = []
    for f in (fused, readable):
        tensors = [Tensor(array.copy()) for array in arrays]
        result = f(cell, whole(tensors))
        weighted(result).backward()
        sides.append([result.data, *(tensor.grad for tensor in tensors)])
    for left, right in zip(*sides, strict=True):
        assert left is not None
        assert right is not None
        assert left.shape == right.shape
        assert np.allclose(left, right, rtol=EQUAL, atol=EQUAL)


@pytest.mark.parametrize("cell", CELLS)
def test_cutting_products_and_the_way_back_changes_nothing(
    cell: type[Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = arrays_for(cell, 5, steps=7, batch=16, inputs=3, hidden=5)
    sides = []
    for cut, worth in ((False, 1 << 40), (True, 1)):
        monkeypatch.setattr(products, "cuts_pay", lambda cut=cut: cut)
        monkeypatch.setattr(recurrent, "WORTH_CUTTING", worth)
        tensors = [Tensor(array.copy()) for array in arrays]
        result = fused(cell, tensors)
        weighted(result).backward()
        sides.append([result.data, *(t.grad for t in tensors if t.grad is not None)])
    assert len(recurrent.stretches(7, 100)) == recurrent.MOST_STRETCHES
    assert products.pieces(16, 15, 5) == (2, 8)
    assert len(sides[0]) == 2 + len(cell.rows)
    for left, right in zip(*sides, strict=True):
        assert np.allclose(left, right, rtol=EQUAL, atol=EQUAL)


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_in_two_parts_with_the_state_carried_is_the_sequence(cell: type[Reading]) -> None:
    x, *rest = arrays_for(cell, 6, steps=6, batch=3, inputs=2, hidden=4)
    count = len(cell.carried)
    weights = [Tensor(array) for array in rest[count:]]
    whole, reading = sequence(cell, Tensor(x), weights, tuple(rest[:count]))
    first, half = sequence(cell, Tensor(x[:2]), weights, tuple(rest[:count]))
    second, end = sequence(cell, Tensor(x[2:]), weights, half.state)
    assert np.allclose(np.concatenate([first.data, second.data]), whole.data, rtol=EQUAL, atol=EQUAL)
    for name, left, right in zip(cell.carried, end.state, reading.state, strict=True):
        assert np.allclose(left, right, rtol=EQUAL, atol=EQUAL)
        assert np.array_equal(reading.last()[name], right)


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_step_after_step_reads_what_the_sequence_reads(cell: type[Reading]) -> None:
    x, *rest = arrays_for(cell, 13, steps=6, batch=1, inputs=2, hidden=4)
    count = len(cell.carried)
    state, weights = tuple(rest[:count]), rest[count:]
    kept = [array.copy() for array in rest]
    stepping = cell.stepping(weights, state)
    steps = [stepping(vector).copy() for vector in x[:, 0]]
    assert np.allclose(steps, cell(weights, x, state).hidden[:, 0], rtol=EQUAL, atol=EQUAL)
    assert all(np.array_equal(array, before) for array, before in zip(rest, kept, strict=True))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch", [1, 16])
def test_two_ways_forward_before_two_ways_back_do_not_disturb_each_other(
    cell: type[Reading], batch: int
) -> None:
    def gradients(passes: Sequence[list[Floats]]) -> list[list[FloatArray]]:
        tensors = [[Tensor(array) for array in arrays] for arrays in passes]
        losses = [weighted(fused(cell, t)) for t in tensors]
        for loss in losses:
            loss.backward()
        return [[t.grad for t in each if t.grad is not None] for each in tensors]

    one, other = (arrays_for(cell, seed, 5, batch, 3, 4) for seed in (7, 8))
    together, apart = gradients([one, other]), [*gradients([one]), *gradients([other])]
    for left, right in zip(together, apart, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("cell", CELLS)
def test_a_second_way_back_gives_the_same_again_and_nothing_given_is_written_to(cell: type[Reading]) -> None:
    arrays = arrays_for(cell, 9, 4, 3, 2, 5)
    kept = [array.copy() for array in arrays]
    tensors = [Tensor(array) for array in arrays]
    loss = weighted(fused(cell, tensors))
    loss.backward()
    first = [t.grad.copy() for t in tensors if t.grad is not None]
    loss.backward()
    second = [t.grad for t in tensors if t.grad is not None]
    assert all(np.array_equal(2 * a, b) for a, b in zip(first, second, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(arrays, kept, strict=True))


@pytest.mark.parametrize("cell", CELLS)
def test_the_second_thread_changes_no_bit(cell: type[Reading], monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = [array.astype(np.float32) for array in arrays_for(cell, 10, 16, 16, 32, 64)]
    monkeypatch.setattr(recurrent, "WORTH_CUTTING", 1 << 20)
    sides = []
    for limit in (1, 1 << 40):
        monkeypatch.setattr("engine.parallel.LARGE", limit)
        tensors = [Tensor(array) for array in arrays]
        reduce_sum(fused(cell, tensors)).backward()
        sides.append([t.grad for t in tensors if t.grad is not None])
    assert all(np.array_equal(a, b) for a, b in zip(*sides, strict=True))
    assert sides[0][0].dtype == np.float32


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_reading_gave_outlives_it(cell: type[Reading]) -> None:
    def read(seed: int) -> list[FloatArray]:
        count = len(cell.carried)
        x, *rest = arrays_for(cell, seed, 5, 1, 3, 4)
        reading = cell(rest[count:], x, tuple(rest[:count]))
        return [reading.hidden, *reading.state, *reading.last().values()]

    given_first = read(14)
    kept = [array.copy() for array in given_first]
    read(15)
    assert all(np.array_equal(a, b) for a, b in zip(given_first, kept, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(read(14), kept, strict=True))


@pytest.mark.parametrize("cell", CELLS)
def test_large_scores_saturate_without_a_warning(cell: type[Reading]) -> None:
    arrays = [array * 1e3 for array in arrays_for(cell, 11, 3, 2, 2, 3)]
    result = fused(cell, [Tensor(array) for array in arrays])
    assert np.isfinite(result.data).all()


def test_sizes_that_do_not_fit_are_refused_by_name() -> None:
    x, hidden, cell, weight = arrays_for(LSTMReading, 12, 3, 2, 4, 5)
    with pytest.raises(ShapeError, match=r"weight is \(10, 19\).*\(3, 2, 4\).*\(10, 20\)"):
        sequence(LSTMReading, Tensor(x), [Tensor(weight[:, :-1])], (hidden, cell))
    with pytest.raises(ShapeError, match=r"the cell state is \(1, 5\); a batch of 2 needs \(2, H\)"):
        sequence(LSTMReading, Tensor(x), [Tensor(weight)], (hidden, cell[:1]))
