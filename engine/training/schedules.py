"""The learning rate as a function of the step.

A schedule has no state: the rate of a step depends on its number alone, so going back in time needs nothing.
Steps count from 0. It does not know what is trained, nor when training ends unless told `total`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """What every schedule promises."""

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate at every step.

    Raises:
        ValueError: unless the rate is a finite number of at least 0.
    """

    value: float

    def __post_init__(self) -> None:
        _check_rate(self.value)

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        return self.value


@dataclass(frozen=True)
class WarmupCosine:
    """A straight climb to the peak, then half a cosine down to the floor, and the floor ever after.

    Arguments:
        peak: the highest rate, reached at step `warmup`.
        warmup: steps of climbing; 0 starts at the peak.
        total: the step at which the floor is reached.
        floor: the last rate as a fraction of the peak, 0 to 1.
    Raises:
        ValueError: if a number lies outside its range.

    Source: Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, equation 5,
    without the restarts; the climb from Goyal et al. (2017), section 2.2.
    """

    peak: float
    warmup: int
    total: int
    floor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate(self.peak)
        if not 0 <= self.warmup < self.total:
            raise ValueError(f"warm-up of {self.warmup} steps in {self.total}; choose 0 to {self.total - 1}")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor is {self.floor}; it is a fraction of the peak rate: choose 0 to 1")

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        if step < self.warmup:
            return self.peak * (step + 1) / (self.warmup + 1)
        progress = min(1.0, (step - self.warmup) / (self.total - self.warmup))
        lowest = self.floor * self.peak
        return lowest + (self.peak - lowest) * (1 + math.cos(math.pi * progress)) / 2


def _check_rate(rate: float) -> None:
    if not 0 <= rate < math.inf:
        raise ValueError(f"learning rate is {rate}; choose a finite number of at least 0")
