"""The same weights give PyTorch's Transformer the same loss and the same gradients, where PyTorch is installed."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import pytest

from engine.models.language_model import Batch
from engine.models.transformer import Transformer
from engine.models.transformer_sizes import Sizes
from engine.nn.positions import angles, sinusoidal

torch = pytest.importorskip("torch", reason="PyTorch is optional: it only judges the gradients")

Array: TypeAlias = Any  # Any: a torch.Tensor, which the type checker does not know
PRECISION = 1e-9


def torch_logits(weights: dict[str, Array], sizes: Sizes, ids: Array) -> Array:
    """The decoder written with PyTorch's own functions."""
    functional = torch.nn.functional
    batch, time = ids.shape
    width, heads, size = sizes.embedding, sizes.heads, sizes.head_size

    def norm(name: str, x: Array) -> Array:
        return functional.layer_norm(x, (width,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    def layer(name: str, x: Array) -> Array:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def turn(x: Array) -> Array:
        phase = torch.tensor(angles(time, size))
        a, b = x[..., 0::2], x[..., 1::2]
        pairs = [a * phase.cos() - b * phase.sin(), a * phase.sin() + b * phase.cos()]
        return torch.stack(pairs, dim=-1).flatten(-2)

    def attention(name: str, x: Array) -> Array:
        q, k, v = (
            part.reshape(batch, time, heads, size).transpose(1, 2)
            for part in layer(f"{name}.query_key_value", x).split(width, dim=2)
        )
        if sizes.positions == "rotary":
            q, k = turn(q), turn(k)
        gathered = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return layer(f"{name}.projection", gathered.transpose(1, 2).reshape(batch, time, width))

    def feed_forward(name: str, x: Array) -> Array:
        inner = layer(f"{name}.inner", x)
        inner = (
            functional.gelu(inner, approximate="tanh")
            if sizes.activation == "gelu"
            else functional.relu(inner)
        )
        return layer(f"{name}.outer", inner)

    x = weights["embedding.weight"][ids]
    if sizes.positions == "learned":
        x = x + weights["positions.weight"][:time]
    elif sizes.positions == "sinusoidal":
        x = math.sqrt(width) * x + torch.tensor(sinusoidal(time, width, np.dtype(np.float64)))
    for i in range(sizes.layers):
        name = f"block.{i}"
        if sizes.norm == "pre":
            x = x + attention(f"{name}.attention", norm(f"{name}.norm_1", x))
            x = x + feed_forward(f"{name}.feed_forward", norm(f"{name}.norm_2", x))
        else:
            x = norm(f"{name}.norm_1", x + attention(f"{name}.attention", x))
            x = norm(f"{name}.norm_2", x + feed_forward(f"{name}.feed_forward", x))
    if sizes.norm == "pre":
        x = norm("norm", x)
    return functional.linear(x, weights["embedding.weight" if sizes.tied else "output.weight"])


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal", "rotary", "none"])
@pytest.mark.parametrize(("tied", "activation"), [(True, "gelu"), (False, "gelu"), (True, "relu")])
@pytest.mark.parametrize(("vocabulary", "batch", "time"), [(7, 1, 8), (65, 3, 5)])
def test_the_loss_and_all_gradients_are_those_of_pytorch(
    norm: str, positions: str, tied: bool, activation: str, vocabulary: int, batch: int, time: int
) -> None:
    sizes = Sizes(
        vocabulary=vocabulary,
        context=8,
        embedding=12,
        heads=3,
        layers=2,
        positions=positions,
        norm=norm,
        activation=activation,
        tied=tied,
    )
    model = Transformer(sizes, seed=5, dtype="float64")
    rng = np.random.default_rng(1)
    model.parameters.values[:] += rng.normal(scale=0.3, size=model.parameters.values.size)
    rows = rng.integers(0, vocabulary, (batch, time + 1))
    example = Batch(rows[:, :-1].astype(np.uint8), rows[:, 1:].astype(np.uint8), np.arange(batch))
    model.parameters.clear_gradient()
    loss = model.loss(example)
    loss.backward()
    gradient = model.parameters.gradient()

    weights = {
        group.name: torch.tensor(group.of(model.parameters.values).reshape(group.shape), requires_grad=True)
        for group in model.parameters.groups
    }
    logits = torch_logits(weights, sizes, torch.tensor(rows[:, :-1]))
    expected = torch.nn.functional.cross_entropy(
        logits.reshape(-1, vocabulary), torch.tensor(rows[:, 1:]).reshape(-1)
    )
    expected.backward()

    assert float(loss.data) == pytest.approx(expected.item(), rel=PRECISION)  # type: ignore[arg-type]  # a 0-d array
    for group in model.parameters.groups:
        theirs = weights[group.name].grad.numpy().ravel()
        ours = group.of(gradient)
        assert np.allclose(ours, theirs, rtol=PRECISION, atol=PRECISION * np.abs(theirs).max()), group.name
        assert theirs.any()
