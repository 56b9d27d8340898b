"""One training step of the section 3.5 model against PyTorch eager, side by side in one run.

    python tests/benchmarks/training.py

Sizes: V 65, context 8, embedding 32, hidden 128, two hidden layers, SGD, float32. PyTorch is timed with one
thread and with two, and the faster of the two counts. Each contender has a process of its own, so that no library's
waiting threads disturb another's round; they take turns, round by round, and the ratio is that of the medians. A
step is all of it: drawing the batch (for PyTorch: indexing a prepared tensor), forward, backward, update.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from corpora.corpus import Corpus, Origin
from corpora.vocabulary import IdArray
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

VOCABULARY, CONTEXT, EMBEDDING, HIDDEN = 65, 8, 32, 128
RATE = 0.01
ROUNDS = 15
SECONDS_A_ROUND = 0.15
TARGETS = {1: 3.0, 32: 1.3, 256: 1.1}


def noise() -> IdArray:
    """A text of random characters, as ids."""
    return np.random.default_rng(0).integers(0, VOCABULARY, 200_000).astype(np.uint8)


def our_step(batch: int) -> Callable[[], object]:
    """A step of charlm."""
    letters = "".join(chr(48 + i) for i in noise())
    text = Corpus.from_text("noise", letters, origin=Origin.OWN, source="noise")
    return Trainer(Recipe(corpus=text.name, batch=batch, rate=RATE), text).step


def torch_step(batch: int, threads: int) -> Callable[[], object]:
    """The same step in PyTorch eager."""
    import torch  # only in the processes that need it

    torch.set_num_threads(threads)
    ids = noise()
    model = torch.nn.Sequential(
        torch.nn.Embedding(VOCABULARY, EMBEDDING),
        torch.nn.Flatten(1),
        torch.nn.Linear(CONTEXT * EMBEDDING, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, VOCABULARY),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    windows = torch.from_numpy(np.lib.stride_tricks.sliding_window_view(ids, CONTEXT + 1).astype(np.int64))
    order = torch.randperm(len(windows))
    place = 0

    def step() -> None:
        nonlocal place
        rows = windows[order[place : place + batch]]
        place = (place + batch) % (len(order) - batch)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(rows[:, :-1]), rows[:, -1])
        loss.backward()
        optimizer.step()

    return step


def time_round(step: Callable[[], object]) -> float:
    """Microseconds a step, over one round."""
    count, begun = 0, time.perf_counter()
    while (now := time.perf_counter()) - begun < SECONDS_A_ROUND:
        step()
        count += 1
    return (now - begun) / count * 1e6


CONTENDERS: dict[str, Callable[[int], Callable[[], object]]] = {
    "charlm": our_step,
    "torch, 1 thread": lambda batch: torch_step(batch, 1),
    "torch, 2 threads": lambda batch: torch_step(batch, 2),
}


def contend(name: str, batch: int, turns: Connection) -> None:
    """Time a round whenever told to; the life of a contender's process."""
    step = CONTENDERS[name](batch)
    time_round(step)  # warm up
    turns.send(0.0)
    while turns.recv():
        turns.send(time_round(step))


def main() -> None:
    """Time all sizes and print the ratios."""
    context = multiprocessing.get_context("spawn")
    print(f"{os.cpu_count()} cores, numpy {np.__version__}, us a step, median of {ROUNDS} rounds")
    print("batch", *(f"{name:>17}" for name in CONTENDERS), "    ratio   at least")
    for batch, target in TARGETS.items():
        lines, times = {}, {name: [0.0] * 0 for name in CONTENDERS}
        for name in CONTENDERS:
            lines[name], end = context.Pipe()
            context.Process(target=contend, args=(name, batch, end), daemon=True).start()
            lines[name].recv()
        for _ in range(ROUNDS):
            for name, line in lines.items():
                line.send(True)
                times[name].append(line.recv())
        ours, one, two = (statistics.median(values) for values in times.values())
        print(f"{batch:5} {ours:17.0f} {one:17.0f} {two:17.0f} {min(one, two) / ours:9.2f} {target:10.1f}")
        for line in lines.values():
            line.send(False)


if __name__ == "__main__":
    main()
