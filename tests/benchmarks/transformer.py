"""Training steps and generated characters of the Transformer against PyTorch eager, side by side in one run.

    python -m tests.benchmarks.transformer

V 65, pre-norm, learned positions, tied output, no dropout, Adam, float32. PyTorch's model is the same one written
with its own layers and its fused attention, timed with one thread and with two; the faster counts. A step is all of
it: drawing the batch, forward, backward, update. A generated character is one pass through a key/value cache, in
both, and the choice of the most likely character; a text begins anew before its window is full.

Also the time of a step over that of its bare matrix products: the same shapes, one after the other on one thread,
into arrays that are there already. And the most memory each process has held. Numbers after the name of the file
choose among the tasks, counted from 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.memory import keep_freed_memory
from engine.models.language_model import Batch
from engine.models.transformer import Transformer
from engine.models.transformer_sizes import Sizes
from engine.parallel import use_one_blas_thread
from engine.training.optimizers import Adam
from tests.benchmarks.contest import PYTORCH, Maker, Work, contest, machine, ratio

VOCABULARY, HEADS = 65, 4
RATE = 1e-3


@dataclass(frozen=True)
class Task:
    """What is timed: a training step, or the generation of one character where `batch` is 0."""

    layers: int
    width: int
    time: int
    batch: int
    at_least: float
    aim: float

    @property
    def name(self) -> str:
        """For the table."""
        what = f"batch {self.batch}" if self.batch else "one character"
        return f"{self.layers} layers, {self.width} wide, T {self.time}, {what}"


TASKS = (
    Task(2, 64, 32, 1, 3.0, 4.0),
    Task(2, 64, 32, 16, 1.0, 1.3),
    Task(4, 128, 64, 12, 1.0, 1.2),
    Task(2, 64, 32, 0, 3.0, 5.0),
    Task(4, 128, 64, 0, 3.0, 5.0),
)


def noise() -> IdArray:
    """A text of random characters, as ids."""
    return np.random.default_rng(0).integers(0, VOCABULARY, 200_000).astype(np.uint8)


def our_model(task: Task) -> Transformer:
    """The Transformer of this project."""
    keep_freed_memory()
    use_one_blas_thread()
    sizes = Sizes(
        vocabulary=VOCABULARY, context=task.time, embedding=task.width, heads=HEADS, layers=task.layers
    )
    return Transformer(sizes, seed=0)


def our_step(task: Task) -> Work:
    """A training step of charlm."""
    model, ids, rng = our_model(task), noise(), np.random.default_rng(1)
    parameters = model.parameters
    adam = Adam(parameters.values.size, parameters.values.dtype)
    model.train(True)

    def step() -> None:
        begins = rng.integers(0, len(ids) - task.time, task.batch)
        rows = ids[begins[:, None] + np.arange(task.time + 1)]
        loss = model.loss(Batch(rows[:, :-1], rows[:, 1:], begins))
        parameters.clear_gradient()
        loss.backward()
        adam.update(parameters.values, parameters.gradient(), RATE)

    return step


def our_character(task: Task) -> Work:
    """The generation of a character with charlm; the text begins anew before its window is full."""
    model, ids = our_model(task), noise()
    going, length = model.start(ids[:1]), 1

    def character() -> None:
        nonlocal going, length
        if length == task.time:
            going, length = model.start(ids[:1]), 1
        going.advance(int(going.logits.argmax()))
        length += 1

    return character


def torch_model(task: Task, threads: int) -> tuple[Any, Any]:  # Any: torch, which only some processes import
    """PyTorch, and the same Transformer in it; called with caches it reads on, one character at a time."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(threads)
    width, size = task.width, task.width // HEADS

    class Block(nn.Module):  # type: ignore[misc]  # torch is optional: to the type checker it is Any
        def __init__(self) -> None:
            super().__init__()
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.query_key_value, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any, cache: list[Any] | None) -> Any:  # Any: tensors
            batch, time, _ = x.shape
            q, k, v = self.query_key_value(self.norm_1(x)).split(width, dim=2)
            q, k, v = (part.view(batch, time, HEADS, size).transpose(1, 2) for part in (q, k, v))
            if cache is not None:
                if cache:
                    k, v = torch.cat((cache[0], k), dim=2), torch.cat((cache[1], v), dim=2)
                cache[:] = k, v
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
            x = x + self.projection(y.transpose(1, 2).reshape(batch, time, width))
            return x + self.outer(functional.gelu(self.inner(self.norm_2(x)), approximate="tanh"))

    class GPT(nn.Module):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, width)
            self.positions = nn.Embedding(task.time, width)
            self.blocks = nn.ModuleList([Block() for _ in range(task.layers)])
            self.norm = nn.LayerNorm(width)
            self.output = nn.Linear(width, VOCABULARY, bias=False)
            self.output.weight = self.embedding.weight
            self.places = torch.arange(task.time)

        def forward(
            self, ids: Any, start: int = 0, caches: list[list[Any]] | None = None
        ) -> Any:  # Any: tensors
            x = self.embedding(ids) + self.positions(self.places[start : start + ids.shape[1]])
            for index, block in enumerate(self.blocks):
                x = block(x, caches[index] if caches else None)
            return self.output(self.norm(x))

    return torch, GPT()


def torch_step(task: Task, threads: int) -> Work:
    """The same step in PyTorch eager."""
    torch, model = torch_model(task, threads)
    ids, rng = torch.from_numpy(noise().astype(np.int64)), np.random.default_rng(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    along = torch.arange(task.time + 1)

    def step() -> None:
        begins = torch.from_numpy(rng.integers(0, len(ids) - task.time, task.batch))
        rows = ids[begins[:, None] + along]
        logits = model(rows[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), rows[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def torch_character(task: Task, threads: int) -> Work:
    """The same character in PyTorch eager, without gradients."""
    torch, model = torch_model(task, threads)
    model.eval()
    caches: list[list[Any]] = []  # Any: tensors
    length, last = 0, torch.zeros(1, 1, dtype=torch.int64)

    def character() -> None:
        nonlocal length, caches, last
        if length % (task.time - 1) == 0:
            length, caches = 0, [[] for _ in range(task.layers)]
        with torch.inference_mode():
            last = model(last, length, caches)[:, -1].argmax(dim=1, keepdim=True)
        length += 1

    return character


def bare_products(task: Task) -> Work:
    """The matrix products of a training step and nothing else."""
    use_one_blas_thread()
    rows, width, size = task.batch * task.time, task.width, task.width // HEADS
    shapes = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] * task.layers

    def zeros(*shape: int) -> NDArray[np.float32]:
        return np.zeros(shape, dtype=np.float32)

    calls: list[
        tuple[Callable[..., object], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    ] = []
    for outputs, inputs in [*shapes, (VOCABULARY, width)]:
        x, w, z = zeros(rows, inputs), zeros(outputs, inputs), zeros(rows, outputs)
        calls += [(np.dot, x, w.T, z), (np.dot, z, w, x), (np.dot, z.T, x, w)]
    calls += [(np.dot, zeros(VOCABULARY, rows), zeros(rows, width), zeros(VOCABULARY, width))]
    heads = (task.batch, HEADS)
    for _ in range(task.layers):
        long, wide = zeros(*heads, task.time, size), zeros(*heads, size, task.time)
        scores = zeros(*heads, task.time, task.time)
        calls += [(np.matmul, long, wide, scores), (np.matmul, scores, long, long.copy())] * 2
        calls += [(np.matmul, scores.swapaxes(2, 3), long, long.copy())] * 2

    def step() -> None:
        for product, left, right, out in calls:
            product(left, right, out=out)

    return step


def ours(task: Task) -> Work:
    """charlm."""
    return our_step(task) if task.batch else our_character(task)


def theirs(threads: int, task: Task) -> Work:
    """PyTorch."""
    return torch_step(task, threads) if task.batch else torch_character(task, threads)


def main() -> None:
    """Time all tasks and print the ratios."""
    wanted = [int(argument) for argument in sys.argv[1:]] or range(len(TASKS))
    print(f"{machine()}, medians; peak memory in MB")
    for task in (TASKS[index] for index in wanted):
        makers: dict[str, Maker] = {"charlm": partial(ours, task)}
        makers |= {name: partial(theirs, threads, task) for threads, name in enumerate(PYTORCH, 1)}
        if task.batch:
            makers["products"] = partial(bare_products, task)
        standings = contest(makers)
        print(f"\n{task.name}")
        for name in ("charlm", *PYTORCH):
            standing = standings[name]
            print(f"  {name:17} {standing.microseconds:9.0f} us {standing.megabytes:7.0f} MB")
        print(f"  ratio {ratio(standings):.2f}, at least {task.at_least}, aim {task.aim}")
        if task.batch:
            bare = standings["products"].microseconds
            limit = standings["charlm"].microseconds / bare
            print(f"  bare products on one thread {bare:.0f} us: a step takes {limit:.2f} times that")


if __name__ == "__main__":
    main()
