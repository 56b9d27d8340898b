"""The values through which the ingredients are turned that may change during a run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from engine.training.rules import RULES

RATES = tuple(float(f"{digit}e{power}") for power in range(-5, 1) for digit in (1, 2, 3, 5, 7))
LIMITS = (0.0, *(float(f"{digit}e{power}") for power in range(-3, 3) for digit in (1, 2, 5)))
BATCHES = tuple(float(2**power) for power in range(int(RULES["batch"].high).bit_length()))

LADDERS = {"rate": RATES, "batch": BATCHES, "clip_norm": LIMITS, "clip_value": LIMITS}
"""The ingredients that may change during a run, and the values they are turned through."""


def neighbour(rungs: Sequence[float], value: float, places: int) -> float:
    """The rung so many places above `value`, or below it if `places` is negative; the last one at the ends."""
    at = bisect_right(rungs, value) - 1 if places > 0 else bisect_left(rungs, value)
    return rungs[min(len(rungs) - 1, max(0, at + places))]
