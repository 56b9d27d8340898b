"""One training step of the section 3.5 model against PyTorch eager, side by side in one run.

    python tests/benchmarks/training.py

Sizes: V 65, context 8, embedding 32, hidden 128, two hidden layers, SGD, float32. PyTorch is timed with one thread
and with two, and the faster of the two counts. The contenders take turns, round by round; the ratio is that of the
medians. A step is all of it: drawing the batch (for PyTorch: indexing a prepared tensor), forward, backward, update.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from corpora.corpus import Corpus, Origin
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer

VOCABULARY, CONTEXT, EMBEDDING, HIDDEN = 65, 8, 32, 128
RATE = 0.01
ROUNDS = 15
SECONDS_A_ROUND = 0.15
TARGETS = {1: 3.0, 32: 1.3, 256: 1.1}


def our_step(text: Corpus, batch: int) -> Callable[[], object]:
    """A step of charlm."""
    return Trainer(Recipe(corpus=text.name, batch=batch, rate=RATE), text).step


def torch_step(ids: np.ndarray, batch: int) -> Callable[[], object]:
    """The same step in PyTorch eager."""
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
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()

    return step


def time_round(step: Callable[[], object]) -> float:
    """Microseconds a step, over one round."""
    count, begun = 0, time.perf_counter()
    while (now := time.perf_counter()) - begun < SECONDS_A_ROUND:
        step()
        count += 1
    return (now - begun) / count * 1e6


def main() -> None:
    """Time all sizes and print the ratios."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, VOCABULARY, 200_000)
    text = Corpus.from_text("noise", "".join(chr(48 + i) for i in ids), origin=Origin.OWN, source="noise")
    print(f"{os.cpu_count()} cores, numpy {np.__version__}, torch {torch.__version__}, median of {ROUNDS} rounds")
    print("batch   charlm us   torch 1 thread   torch 2 threads   ratio   at least")
    for batch, target in TARGETS.items():
        ours, theirs = our_step(text, batch), torch_step(ids, batch)
        times: dict[str, list[float]] = {"ours": [], "torch 1": [], "torch 2": []}
        for _ in range(ROUNDS):
            times["ours"].append(time_round(ours))
            for threads in (1, 2):
                torch.set_num_threads(threads)
                times[f"torch {threads}"].append(time_round(theirs))
        us, one, two = (statistics.median(values) for values in times.values())
        print(f"{batch:5} {us:11.0f} {one:16.0f} {two:17.0f} {min(one, two) / us:7.2f} {target:10.1f}")


if __name__ == "__main__":
    main()
