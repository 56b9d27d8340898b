"""The same weights give PyTorch the same losses and gradients, over two batches that go on from one another."""

from __future__ import annotations

import numpy as np
import pytest

from engine.autograd.tensor import FloatArray
from engine.models.gru import GRU
from engine.models.language_model import Batch
from engine.models.lstm import LSTM
from engine.models.recurrent import RecurrentModel, Sizes
from engine.models.rnn import RNN

torch = pytest.importorskip("torch", reason="PyTorch is optional: it only judges the gradients")

torch.set_num_threads(1)  # its second one waits by spinning, which on a busy machine takes seconds
PRECISION = 1e-9
ORDER = {RNN: [0], LSTM: [1, 2, 3, 0], GRU: [0, 1, 2]}
"""Where PyTorch's gates stand among ours."""


def in_torchs_layout(
    kind: type[RecurrentModel], layer: int, sizes: Sizes, pieces: dict[str, FloatArray]
) -> dict[str, FloatArray]:
    """A layer's arrays, parameters or gradients, under PyTorch's names; a single bias is its bias_ih."""
    inputs, hidden = (sizes.hidden if layer else sizes.embedding), sizes.hidden
    counts = {"hidden": hidden, "input": inputs, "one": 1}
    found: dict[str, FloatArray] = {}
    for name, rows in kind.cell.rows.items():
        ours = pieces[f"layer.{layer}.{name}"]
        gates = ours.reshape(len(ours), -1, hidden)[:, ORDER[kind]].reshape(len(ours), -1).T  # (G*H, rows)
        parts = np.split(gates, np.cumsum([counts[row] for row in rows])[:-1], axis=1)
        theirs = dict(zip(rows, parts, strict=True))
        bias = "bias_hh" if rows == ("hidden", "one") else "bias_ih"
        names = {"hidden": "weight_hh", "input": "weight_ih", "one": bias}
        found |= {f"{names[row]}_l{layer}": part for row, part in theirs.items()}
    return {name: part[:, 0] if name.startswith("bias") else part for name, part in found.items()}


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 16])
def test_losses_and_all_gradients_are_those_of_pytorch(
    kind: type[RecurrentModel], layers: int, batch: int
) -> None:
    sizes = Sizes(vocabulary=9, context=7, embedding=5, hidden=8, layers=layers)
    model = kind(sizes, seed=3, dtype="float64")
    rng = np.random.default_rng(4)
    values = model.parameters.values
    values += rng.normal(scale=0.2, size=values.size)
    model.train(True)
    groups = {group.name: group for group in model.parameters.groups}

    def pieces(vector: FloatArray) -> dict[str, FloatArray]:
        return {name: group.of(vector).reshape(group.shape) for name, group in groups.items()}

    own = pieces(values)
    embedding = torch.tensor(own["embedding.weight"].copy(), requires_grad=True)
    output = [torch.tensor(own[f"output.{part}"].copy(), requires_grad=True) for part in ("weight", "bias")]
    theirs = getattr(torch.nn, kind.__name__)(5, 8, num_layers=layers, batch_first=True).double()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            parts = in_torchs_layout(kind, int(name[-1]), sizes, own)
            parameter[:] = torch.tensor(parts[name]) if name in parts else 0

    state = None
    for turn in range(2):
        rows = rng.integers(0, 9, (batch, 8))
        model.parameters.clear_gradient()
        ids = rows.astype(np.uint8)
        loss = model.loss(Batch(ids[:, :-1], ids[:, 1:], np.arange(batch), continues=turn > 0))
        loss.backward()
        gradient = pieces(model.parameters.gradient())

        for tensor in (embedding, *output, *theirs.parameters()):
            tensor.grad = None
        hidden, state = theirs(embedding[torch.tensor(rows[:, :-1])], state)
        logits = torch.nn.functional.linear(hidden, *output)
        expected = torch.nn.functional.cross_entropy(
            logits.reshape(-1, 9), torch.tensor(rows[:, 1:]).reshape(-1)
        )
        expected.backward()
        state = tuple(part.detach() for part in state) if kind is LSTM else state.detach()

        assert float(loss.data) == pytest.approx(expected.item(), rel=PRECISION)  # type: ignore[arg-type]  # a 0-d array
        compared = {
            "embedding.weight": embedding.grad,
            "output.weight": output[0].grad,
            "output.bias": output[1].grad,
        }
        for name, grad in compared.items():
            assert np.allclose(gradient[name], grad.numpy(), rtol=PRECISION, atol=PRECISION), name
        for layer in range(layers):
            for name, ours in in_torchs_layout(kind, layer, sizes, gradient).items():
                grad = getattr(theirs, name).grad.numpy()
                assert np.allclose(ours, grad, rtol=PRECISION, atol=PRECISION), name
                assert grad.any()
        carried = [part.numpy() for part in (state if kind is LSTM else (state,))]
        for layer in range(layers):
            for part, array in zip(kind.cell.carried, carried, strict=True):
                kept = model.memory[f"layer.{layer}.{part}"]
                assert np.allclose(kept, array[layer], rtol=PRECISION, atol=PRECISION)
