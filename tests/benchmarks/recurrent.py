"""RNN, LSTM and GRU against PyTorch eager, side by side in one run: training, writing, memory.

    python -m tests.benchmarks.recurrent [seconds a round]

Sizes: V 65, E 32, H 128, T 32, one layer, Adam, float32. PyTorch is timed with one thread and with two, and the
faster of the two counts. A training step is all of it but the drawing of the batch: forward, backward, update.
Writing is one character after the other with a carried state, scores included. "Limit" is the time of our step over
that of its bare matrix products on one thread (below 1 it is the second thread), and "MB" the largest resident size
of a process that does nothing else.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import cycle

import numpy as np

from engine.memory import keep_freed_memory
from engine.models.gru import GRU
from engine.models.language_model import Batch
from engine.models.lstm import LSTM
from engine.models.recurrent import RecurrentModel, Sizes
from engine.models.rnn import RNN
from engine.parallel import use_one_blas_thread
from engine.training.optimizers import Adam
from tests.benchmarks.contest import PYTORCH, SECONDS_A_ROUND, Maker, Work, contest, machine, ratio

VOCABULARY, EMBEDDING, HIDDEN, STEPS = 65, 32, 128, 32
RATE = 1e-3
WRITING = 0
"""The batch size that stands for writing a text."""
TARGETS = {1: 2.0, 32: 1.0, WRITING: 3.0}
MODELS: dict[str, type[RecurrentModel]] = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}


def ids(batch: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Random characters, (B, T + 1)."""
    return np.random.default_rng(0).integers(0, VOCABULARY, (batch, STEPS + 1)).astype(np.uint8)


def ours(kind: str, batch: int) -> Work:
    """A step of charlm."""
    keep_freed_memory()
    use_one_blas_thread()
    sizes = Sizes(vocabulary=VOCABULARY, context=STEPS, embedding=EMBEDDING, hidden=HIDDEN)
    model = MODELS[kind](sizes, seed=0)
    if batch == WRITING:
        text = model.start(ids(1)[0])
        characters = cycle(range(VOCABULARY))

        def write() -> object:
            text.advance(next(characters))
            return text.logits

        return write
    model.train(True)
    parameters = model.parameters
    optimizer = Adam(parameters.values.size, np.float32)
    rows = ids(batch)
    example = Batch(rows[:, :-1], rows[:, 1:], np.arange(batch), continues=True)

    def step() -> None:
        parameters.clear_gradient()
        model.loss(example).backward()
        optimizer.update(parameters.values, parameters.gradient(), RATE)

    return step


def products(kind: str, batch: int) -> Work:
    """The matrix products of a step alone, into arrays that are there already."""
    use_one_blas_thread()
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind] * HIDDEN
    count = STEPS * batch

    def arrays(*shapes: tuple[int, int]) -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        return [np.ones(shape, dtype=np.float32) for shape in shapes]

    state, weight, gate, back, hidden = arrays(
        (batch, HIDDEN), (HIDDEN, gates), (batch, gates), (gates, HIDDEN), (batch, HIDDEN)
    )
    x, w_x, z, w_z, dw_x, dx, h, dw_h, out, logits, dw_out, dh = arrays(
        (count, EMBEDDING),
        (EMBEDDING, gates),
        (count, gates),
        (gates, EMBEDDING),
        (EMBEDDING, gates),
        (count, EMBEDDING),
        (count, HIDDEN),
        (HIDDEN, gates),
        (HIDDEN, VOCABULARY),
        (count, VOCABULARY),
        (HIDDEN, VOCABULARY),
        (count, HIDDEN),
    )
    out_back = np.ascontiguousarray(out.T)

    def step() -> None:
        dot = np.dot
        dot(x, w_x, out=z)
        for _ in range(STEPS):
            dot(state, weight, out=gate)
        dot(h, out, out=logits)
        dot(h.T, logits, out=dw_out)
        dot(logits, out_back, out=dh)
        for _ in range(STEPS):
            dot(gate, back, out=hidden)
        dot(h.T, z, out=dw_h)
        dot(x.T, z, out=dw_x)
        dot(z, w_z, out=dx)

    return step


def theirs(threads: int, kind: str, batch: int) -> Work:
    """The same step in PyTorch eager."""
    import torch  # only in the processes that need it

    torch.set_num_threads(threads)
    embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
    layer = getattr(torch.nn, kind)(EMBEDDING, HIDDEN, batch_first=True)
    output = torch.nn.Linear(HIDDEN, VOCABULARY)
    if batch == WRITING:
        state = None
        characters = cycle(torch.arange(VOCABULARY).reshape(-1, 1, 1))

        def write() -> object:
            nonlocal state
            with torch.no_grad():
                hidden, state = layer(embedding(next(characters)), state)
                return output(hidden)

        return write
    parameters = [*embedding.parameters(), *layer.parameters(), *output.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    rows = torch.from_numpy(ids(batch).astype(np.int64))
    targets = rows[:, 1:].reshape(-1)

    def step() -> None:
        optimizer.zero_grad()
        hidden, _ = layer(embedding(rows[:, :-1]))
        torch.nn.functional.cross_entropy(output(hidden).reshape(-1, VOCABULARY), targets).backward()
        optimizer.step()

    return step


def main() -> None:
    """Time everything and print the ratios."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS_A_ROUND
    print(f"{machine()}, us, medians")
    print(
        "             ",
        *(f"{name:>16}" for name in ("charlm", *PYTORCH)),
        "   ratio at least  limit   MB  torch MB",
    )
    for kind in MODELS:
        for batch, target in TARGETS.items():
            makers: dict[str, Maker] = {"charlm": partial(ours, kind, batch)}
            makers |= {name: partial(theirs, threads, kind, batch) for threads, name in enumerate(PYTORCH, 1)}
            if batch != WRITING:
                makers["products"] = partial(products, kind, batch)
            standings = contest(makers, seconds=seconds)
            us = standings["charlm"].microseconds
            limit = f"{us / standings['products'].microseconds:6.2f}" if batch != WRITING else " " * 6
            what = f"{kind:4} batch {batch:<3}" if batch != WRITING else f"{kind:4} writing  "
            print(
                what,
                *(f"{standings[name].microseconds:16.0f}" for name in ("charlm", *PYTORCH)),
                f"{ratio(standings):8.2f} {target:8.1f} {limit} {standings['charlm'].megabytes:5.0f}"
                f" {standings[PYTORCH[0]].megabytes:8.0f}",
            )


if __name__ == "__main__":
    main()
