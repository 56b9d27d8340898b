"""The same weights give PyTorch the same losses and the same gradients, where PyTorch is installed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.models.language_model import Batch
from engine.models.mlp import MLP, Sizes

torch = pytest.importorskip("torch", reason="PyTorch is optional: it only judges the gradients")

PRECISION = 1e-10


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize(("vocabulary", "batch"), [(7, 1), (65, 32), (200, 5)])
def test_losses_and_all_gradients_are_those_of_pytorch(
    activation: str, layers: int, vocabulary: int, batch: int
) -> None:
    sizes = Sizes(
        vocabulary=vocabulary, context=4, embedding=6, hidden=10, layers=layers, activation=activation
    )
    model = MLP(sizes, seed=5, dtype="float64")
    rng = np.random.default_rng(1)
    model.parameters.values[:] += rng.normal(scale=0.3, size=model.parameters.values.size)
    rows = rng.integers(0, vocabulary, (batch, 5))
    example = Batch(rows[:, :-1].astype(np.uint8), rows[:, -1].astype(np.uint8), np.arange(batch))
    model.parameters.clear_gradient()
    loss = model.loss(example)
    loss.backward()
    gradient = model.parameters.gradient()

    weights = {
        group.name: torch.tensor(group.of(model.parameters.values).reshape(group.shape), requires_grad=True)
        for group in model.parameters.groups
    }
    functional = torch.nn.functional
    apply = {
        "relu": functional.relu,
        "tanh": torch.tanh,
        "gelu": lambda z: functional.gelu(z, approximate="tanh"),
    }[activation]
    x = weights["embedding.weight"][torch.tensor(rows[:, :-1])].reshape(batch, -1)
    for layer in range(layers):
        x = apply(functional.linear(x, weights[f"hidden.{layer}.weight"], weights[f"hidden.{layer}.bias"]))
    logits = functional.linear(x, weights["output.weight"], weights["output.bias"])
    expected = functional.cross_entropy(logits, torch.tensor(rows[:, -1]))
    expected.backward()

    assert float(loss.data) == pytest.approx(expected.item(), rel=PRECISION)  # type: ignore[arg-type]  # a 0-d array
    for group in model.parameters.groups:
        theirs = weights[group.name].grad.numpy().ravel()
        assert np.allclose(group.of(gradient), theirs, rtol=PRECISION, atol=PRECISION), group.name
        assert theirs.any()
