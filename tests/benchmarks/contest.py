"""A contest: several ways of doing the same work, timed side by side in one run.

Each contender has a process of its own, so that no library's waiting threads disturb another's round; they take
turns, round by round, and what counts is the median of a contender's rounds.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
from threadpoolctl import threadpool_info

Work = Callable[[], object]
Maker = Callable[[], Work]
"""Prepares a contender's work in its own process; must be picklable."""

ROUNDS = 15
SECONDS_A_ROUND = 0.15
RUN_UP = 0.1
"""Seconds that a contender works before each of its rounds, not counted. Training goes on for minutes; after a
pause a scheduler wakes both threads of a program on one core, and takes 50 to 60 ms to find the idle one (Linux
6.18)."""
PYTORCH = ("torch, 1 thread", "torch, 2 threads")
"""The names under which PyTorch takes part: the faster one counts."""


@dataclass(frozen=True)
class Standing:
    """How a contender did.

    Attributes:
        microseconds: a piece of work took, median of the rounds.
        megabytes: the most memory that its process has held.
    """

    microseconds: float
    megabytes: float


def machine() -> str:
    """What the figures of a run depend on: cores, numpy, and the kernels its BLAS chose for this processor."""
    kernels = {
        blas.get("architecture", blas["prefix"]) for blas in threadpool_info() if blas["user_api"] == "blas"
    }
    return f"{os.cpu_count()} cores, numpy {np.__version__}, BLAS kernels {', '.join(sorted(kernels))}"


def contest(
    makers: Mapping[str, Maker], *, rounds: int = ROUNDS, seconds: float = SECONDS_A_ROUND
) -> dict[str, Standing]:
    """Let the contenders take turns.

    Arguments:
        makers: by the contender's name.
        rounds: of each.
        seconds: a round lasts at least.
    """
    context = multiprocessing.get_context("spawn")
    lines: dict[str, Connection] = {}
    for name, maker in makers.items():
        lines[name], end = context.Pipe()
        context.Process(target=_contend, args=(maker, seconds, end), daemon=True).start()
        lines[name].recv()
    times: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, line in lines.items():
            line.send(True)
            times[name].append(line.recv())
    standings = {}
    for name, line in lines.items():
        line.send(False)
        standings[name] = Standing(statistics.median(times[name]), line.recv())
    return standings


def ratio(standings: Mapping[str, Standing], ours: str = "charlm") -> float:
    """How many times longer the faster PyTorch took."""
    best = min(standings[name].microseconds for name in PYTORCH)
    return best / standings[ours].microseconds


def _contend(maker: Maker, seconds: float, turns: Connection) -> None:
    """A contender's life: time a round whenever told to, and say in the end how much memory it took."""
    work = maker()
    _time(work, seconds)  # warm up
    turns.send(0.0)
    while turns.recv():
        _time(work, RUN_UP)
        turns.send(_time(work, seconds))
    turns.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _time(work: Work, seconds: float) -> float:
    """Microseconds a piece of work, over one round."""
    count, begun = 0, time.perf_counter()
    while (now := time.perf_counter()) - begun < seconds:
        work()
        count += 1
    return (now - begun) / count * 1e6
