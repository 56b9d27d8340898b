"""The same feed-forward model on single numbers: every weight, every activation is a `Value` one can look at.

Some thousand times slower than `mlp.MLP`, and equal to it: the same seed gives the same weights, and in
float64 the same losses and gradients (to rounding), because it draws them in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.autograd.tensor import FloatArray
from engine.autograd.value import Value, dot
from engine.models.language_model import Forward
from engine.models.mlp import Sizes
from engine.models.window import WindowModel
from engine.nn.initialisation import initialise
from engine.nn.layers import initial_embedding
from engine.nn.parameters import ParameterVector, lay_out

Vector = list[Value]

SCALAR_ACTIVATIONS: Mapping[str, Callable[[Value], Value]] = {"relu": Value.relu, "tanh": Value.tanh}
"""The activations a single number knows."""


class ValueParameters(ParameterVector):
    """Parameters kept as Values, with flat arrays beside them for the optimizer."""

    def __init__(self, named: Sequence[tuple[str, FloatArray]]) -> None:
        self.groups = lay_out([(name, array.shape) for name, array in named])
        self.values = np.concatenate([array.ravel() for _, array in named])
        self.leaves = [
            Value(float(number), f"{group.name}[{index}]")
            for group in self.groups
            for index, number in enumerate(group.of(self.values))
        ]
        self._gradient: FloatArray = np.zeros_like(self.values)

    def rows(self, name: str) -> list[Vector]:
        """The leaves of one group as rows; a bias is one row."""
        group = next(group for group in self.groups if group.name == name)
        width = group.shape[-1]
        return [self.leaves[i : i + width] for i in range(group.start, group.stop, width)]

    def clear_gradient(self) -> None:
        """Forget all gradients."""
        for leaf in self.leaves:
            leaf.grad = 0.0

    def gradient(self) -> FloatArray:
        """The gradients as one array, gathered from the leaves."""
        self._gradient[:] = [leaf.grad for leaf in self.leaves]
        return self._gradient

    def publish(self) -> None:
        """Write `values` back into the leaves."""
        for leaf, number in zip(self.leaves, self.values.tolist(), strict=True):
            leaf.data = number


class ScalarMLP(WindowModel):
    """The feed-forward model on `Value`: the one to look at. Always float64, and without the options of `MLP`.

    Arguments:
        sizes, seed, pad: as for `MLP`.
    Raises:
        ValueError: if the activation is not one that `Value` knows, or dropout, direct connections, batch
            normalisation or tied vectors are asked for.
    """

    replays_slowly = True

    def __init__(self, sizes: Sizes, *, seed: int, pad: int = 0) -> None:
        if sizes.activation not in SCALAR_ACTIVATIONS:
            raise ValueError(
                f"activation = {sizes.activation}: scalar-mlp knows {', '.join(SCALAR_ACTIVATIONS)}; choose one of "
                "these, or model = mlp"
            )
        if sizes.dropout:
            raise ValueError(
                f"dropout = {sizes.dropout:g}: scalar-mlp has none; set it to 0, or choose model = mlp"
            )
        for name in ("direct", "batchnorm", "tied"):
            if getattr(sizes, name):
                raise ValueError(f"{name} = yes: scalar-mlp has none; set it to no, or choose model = mlp")
        self.sizes = sizes
        self.vocabulary_size, self.context, self.pad = sizes.vocabulary, sizes.context, pad
        self.context_needed = self.context_seen = sizes.context
        self.widest = max(sizes.widths)
        self.noise = np.random.default_rng([seed, 1])
        rng = np.random.default_rng(seed)
        named: list[tuple[str, FloatArray]] = [
            ("embedding.weight", initial_embedding(rng, sizes.vocabulary, sizes.embedding))
        ]
        self._layers = [*(f"hidden.{i}" for i in range(sizes.layers)), "output"]
        for name, (fan_in, fan_out) in zip(self._layers, pairwise(sizes.widths), strict=True):
            named.append((f"{name}.weight", initialise(sizes.initialiser, rng, (fan_out, fan_in))))
            named.append((f"{name}.bias", np.zeros(fan_out)))
        parameters = ValueParameters(named)
        self.parameters = parameters
        self._table = parameters.rows("embedding.weight")
        self._weights = {
            name: (parameters.rows(f"{name}.weight"), parameters.rows(f"{name}.bias")[0])
            for name in self._layers
        }

    def forward(self, contexts: IdArray) -> Forward:
        """(B, C) ids -> every stage up to the logits, as B lists of Values each."""
        activation = SCALAR_ACTIVATIONS[self.sizes.activation]
        x = [[number for c in context for number in self._table[c]] for context in contexts.tolist()]
        stages = [("embedding", x)]
        for name in self._layers:
            weight, bias = self._weights[name]
            z = [[dot(row, inputs, b) for row, b in zip(weight, bias, strict=True)] for inputs in x]
            x = z if name == "output" else [[activation(number) for number in row] for row in z]
            stages.append(("logits" if name == "output" else name, x))
        return Forward(tuple(stages))

    def loss_of(self, forward: Forward, targets: IdArray) -> Value:
        """Mean cross-entropy in nats: log sum exp(z) - z_target, shifted by the largest score."""
        rows: list[Vector] = forward.logits
        total = Value(0.0)
        for logits, target in zip(rows, targets.tolist(), strict=True):
            largest = max(number.data for number in logits)
            exponentials = [(number - largest).exp() for number in logits]
            log_z = sum(exponentials[1:], exponentials[0]).log() + largest
            total = total + (log_z - logits[target])
        return total / len(rows)

    def scores(self, contexts: IdArray) -> NDArray[np.floating]:
        """Logits, (B, C) -> (B, V), by array arithmetic on the same weights: nobody walks this graph."""
        values = self.parameters.values
        arrays = {group.name: group.of(values).reshape(group.shape) for group in self.parameters.groups}
        x = arrays["embedding.weight"][contexts].reshape(len(contexts), -1)
        for name in self._layers:
            x = x @ arrays[f"{name}.weight"].T + arrays[f"{name}.bias"]
            if name != "output":
                x = np.maximum(x, 0) if self.sizes.activation == "relu" else np.tanh(x)
        return x

    def stage_values(self, forward: Forward, row: int) -> dict[str, NDArray[np.floating]]:
        """What each stage gave for one example."""
        return {name: np.array([number.data for number in rows[row]]) for name, rows in forward.stages}

    def formulas(self) -> Mapping[str, str]:
        """How each stage computes its output."""
        return self.sizes.formulas()

    def train(self, on: bool) -> None:
        """Nothing to switch: this model has no noise."""
