"""The section 3.5 model against PyTorch eager, side by side in one run: a training step, and a character written.

    python -m tests.benchmarks.training

Sizes: V 65, context 8, embedding 32, hidden 128, two hidden layers, SGD, float32. PyTorch is timed with one
thread and with two, and the faster of the two counts. A step is all of it: drawing the batch (for PyTorch: indexing
a prepared tensor), forward, backward, update. Writing a character is the scores after a window, the choice of the
most likely, and the window moved on.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from corpora.corpus import Corpus, Origin
from corpora.vocabulary import IdArray
from engine.training.recipe import Recipe
from engine.training.trainer import Trainer
from tests.benchmarks.contest import PYTORCH, Maker, Work, contest, machine, ratio

VOCABULARY, CONTEXT, EMBEDDING, HIDDEN = 65, 8, 32, 128
RATE = 0.01
WRITING = 0
"""In the place of a batch size: write instead of training."""
TARGETS = {1: 3.0, 32: 1.3, 256: 1.1, WRITING: 3.0}


def noise() -> IdArray:
    """A text of random characters, as ids."""
    return np.random.default_rng(0).integers(0, VOCABULARY, 200_000).astype(np.uint8)


def ours(batch: int) -> Work:
    """charlm."""
    letters = "".join(chr(48 + i) for i in noise())
    text = Corpus.from_text("noise", letters, origin=Origin.OWN, source="noise")
    trainer = Trainer(Recipe(corpus=text.name, batch=batch or 1, rate=RATE), text)
    if batch != WRITING:
        return trainer.step
    continuation = trainer.model.start(text.ids[:CONTEXT])
    return lambda: continuation.advance(int(continuation.logits.argmax()))


def theirs(threads: int, batch: int) -> Work:
    """The same in PyTorch eager."""
    import torch  # only in the processes that need it

    torch.set_num_threads(threads)
    model = torch.nn.Sequential(
        torch.nn.Embedding(VOCABULARY, EMBEDDING),
        torch.nn.Flatten(1),
        torch.nn.Linear(CONTEXT * EMBEDDING, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, VOCABULARY),
    )
    windows = np.lib.stride_tricks.sliding_window_view(noise(), CONTEXT + 1).astype(np.int64)
    rows = torch.from_numpy(windows)
    return _writing(torch, model, rows[:1, :-1]) if batch == WRITING else _training(torch, model, rows, batch)


def _training(torch: Any, model: Any, windows: Any, batch: int) -> Work:  # Any: PyTorch's, which is optional
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
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


def _writing(torch: Any, model: Any, window: Any) -> Work:  # Any: as above
    def write() -> None:
        nonlocal window
        with torch.no_grad():
            best = model(window).argmax(dim=1, keepdim=True)
        window = torch.cat((window[:, 1:], best), dim=1)

    return write


def main() -> None:
    """Time all sizes and print the ratios."""
    print(f"{machine()}, us, medians")
    print("batch  ", *(f"{name:>17}" for name in ("charlm", *PYTORCH)), "    ratio   at least")
    for batch, target in TARGETS.items():
        makers: dict[str, Maker] = {"charlm": partial(ours, batch)}
        makers |= {name: partial(theirs, threads, batch) for threads, name in enumerate(PYTORCH, 1)}
        standings = contest(makers)
        times = (f"{standing.microseconds:17.0f}" for standing in standings.values())
        print(f"{batch or 'writing':<7}", *times, f"{ratio(standings):9.2f} {target:10.1f}")


if __name__ == "__main__":
    main()
