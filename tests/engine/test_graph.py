"""The order in which a graph is walked: every law that a backward pass and a view of the graph rely on."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.autograd.graph import topological_order
from engine.autograd.tensor import Tensor
from engine.autograd.value import Value


def graph(choices: list[tuple[int, int]], leaves: int = 3) -> list[Value]:
    """Nodes of which each is the sum of two earlier ones, picked by `choices`."""
    nodes = [Value(i, label=str(i)) for i in range(leaves)]
    for left, right in choices:
        nodes.append(nodes[left % len(nodes)] + nodes[right % len(nodes)])
    return nodes


def reachable(node: Value) -> set[Value]:
    return {node}.union(*(reachable(parent) for parent in node.parents))


graphs = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=12).map(graph)


@given(graphs)
def test_every_node_below_the_root_comes_once_and_after_its_parents(nodes: list[Value]) -> None:
    order = topological_order(nodes[-1])
    assert len(order) == len(set(order))
    assert set(order) == reachable(nodes[-1])
    place = {node: i for i, node in enumerate(order)}
    assert all(place[parent] < place[node] for node in order for parent in node.parents)
    assert order[-1] is nodes[-1]


@given(graphs)
def test_without_leaves_the_order_of_the_others_is_the_same(nodes: list[Value]) -> None:
    every = topological_order(nodes[-1])
    assert topological_order(nodes[-1], leaves=False) == [node for node in every if node.parents]


def test_parents_are_visited_from_left_to_right() -> None:
    a, b, c, d = (Value(1, label=name) for name in "abcd")
    right = c * d
    left = b * a
    root = left - right
    assert topological_order(root) == [b, a, left, c, d, right, root]


def test_a_node_used_by_two_others_is_placed_before_both() -> None:
    x = Value(2)
    square = x * x
    root = square * (square + x)
    assert topological_order(root) == [x, square, root.parents[1], root]


def test_a_chain_of_100_000_nodes_is_walked() -> None:
    node = Value(0)
    for _ in range(100_000):
        node = -node
    order = topological_order(node)
    assert len(order) == 100_001
    assert order[1].parents == (order[0],)


def test_a_lone_leaf_is_its_own_order() -> None:
    leaf = Value(1)
    assert topological_order(leaf) == [leaf]
    assert topological_order(leaf, leaves=False) == []


def test_arrays_are_walked_by_the_same_rule() -> None:
    x, y = Tensor(np.ones(3)), Tensor(np.ones(3))
    product = x * y
    root = product + x
    assert topological_order(root) == [x, y, product, root]
