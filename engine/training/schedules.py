"""The learning rate as a function of the step.

A schedule has no state: the rate of a step depends on its number alone, so going back in time needs nothing.
Steps count from 0. It does not know what is trained, nor when training ends unless told `total`. Warm-up is a
schedule, too: a climb to the peak of another one that follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol


class Schedule(Protocol):
    """What every schedule promises."""

    @property
    def peak(self) -> float:
        """The highest rate, the one that is chosen."""
        ...

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate at every step.

    Raises:
        ValueError: unless the rate is a finite number of at least 0.
    """

    peak: float

    def __post_init__(self) -> None:
        _check_rate(self.peak)

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        return self.peak


@dataclass(frozen=True)
class Steps:
    """A staircase: the rate is multiplied by `factor` every `every` steps.

    Raises:
        ValueError: if a number lies outside its range.
    """

    peak: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        _check_rate(self.peak)
        if self.every < 1:
            raise ValueError(
                f"every is {self.every}: the steps between two changes of the rate; choose 1 or more"
            )
        if not 0 <= self.factor <= 1:
            raise ValueError(f"factor is {self.factor}; the rate is multiplied by it: choose 0 to 1")

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        return self.peak * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Linear:
    """A straight line down to the floor at step `total`, and the floor ever after.

    Arguments:
        peak: the first rate.
        total: the step at which the floor is reached.
        floor: the last rate as a fraction of the peak, 0 to 1.
    Raises:
        ValueError: if a number lies outside its range.
    """

    peak: float
    total: int
    floor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate(self.peak)
        _check_descent(self.total, self.floor)

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        lowest = self.floor * self.peak
        return lowest + (self.peak - lowest) * (1 - min(1.0, step / self.total))


@dataclass(frozen=True)
class Cosine:
    """Half a cosine down to the floor at step `total`, and the floor ever after.

    Arguments and errors are those of `Linear`.

    Source: Loshchilov & Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts, equation 5, without
    the restarts.
    """

    peak: float
    total: int
    floor: float = 0.1

    def __post_init__(self) -> None:
        _check_rate(self.peak)
        _check_descent(self.total, self.floor)

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        lowest = self.floor * self.peak
        return lowest + (self.peak - lowest) * (1 + math.cos(math.pi * min(1.0, step / self.total))) / 2


@dataclass(frozen=True)
class InverseSquareRoot:
    """The peak over the root of the number of updates, in units of `scale`.

    Arguments:
        peak: the first rate.
        scale: updates that count as made before the first one; 3 * `scale` steps later the rate is half the peak.
    Raises:
        ValueError: if a number lies outside its range.

    Source: Vaswani et al. (2017), Attention Is All You Need, equation 3: after a warm-up of w steps and with scale
    w + 1, the update numbered n from 1 has the rate peak * min(n / (w + 1), sqrt((w + 1) / n)).
    """

    peak: float
    scale: int = 1

    def __post_init__(self) -> None:
        _check_rate(self.peak)
        if self.scale < 1:
            raise ValueError(f"scale is {self.scale} updates; choose 1 or more")

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        return self.peak * math.sqrt(self.scale / (self.scale + step))


@dataclass(frozen=True)
class Warmup:
    """A straight climb in equal steps to the peak of `then`, which begins when `steps` steps are made.

    Raises:
        ValueError: if there are fewer than 0 steps.

    Source: Goyal et al. (2017), Accurate, Large Minibatch SGD, section 2.2.
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        _check_warmup(self.steps)

    @property
    def peak(self) -> float:
        """The highest rate, reached at step `steps`."""
        return self.then.peak

    def rate(self, step: int) -> float:
        """The learning rate of the update numbered `step`, from 0."""
        if step < self.steps:
            return self.peak * (step + 1) / (self.steps + 1)
        return self.then.rate(step - self.steps)


@dataclass(frozen=True)
class ScheduleEntry:
    """A schedule one can choose.

    Attributes:
        name: in recipes.
        description: what it is.
        source: its paper, "" for what nobody had to invent.
        options: which of `every`, `factor`, `total` and `floor` it knows; all know `warmup`.
    """

    name: str
    description: str
    source: str
    options: tuple[str, ...]


SCHEDULES: Mapping[str, ScheduleEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            ScheduleEntry("constant", "the same rate at every step", "", ()),
            ScheduleEntry("step", "multiplied by a factor every so many steps", "", ("every", "factor")),
            ScheduleEntry("linear", "a straight line down to the floor", "", ("total", "floor")),
            ScheduleEntry(
                "cosine", "half a cosine down to the floor", "Loshchilov & Hutter 2017", ("total", "floor")
            ),
            ScheduleEntry("inverse-sqrt", "one over the root of the step", "Vaswani et al. 2017", ()),
        )
    }
)


def schedule(
    name: str,
    rate: float,
    *,
    warmup: int = 0,
    total: int = 10_000,
    every: int = 1_000,
    factor: float = 0.5,
    floor: float = 0.1,
) -> Schedule:
    """A schedule by name.

    Arguments:
        name: one of `SCHEDULES`.
        rate: the peak.
        warmup: steps of climbing to it; they come first, and what is chosen begins when they are made.
        total: the step, warm-up included, at which linear and cosine have come down to the floor.
        every: for step: steps between two changes.
        factor: for step: what the rate is multiplied by.
        floor: for linear and cosine: the last rate as a fraction of the peak.
    Raises:
        ValueError: if the name is unknown or a number lies outside its range.
    """
    if name not in SCHEDULES:
        raise ValueError(f"schedule {name!r} is unknown; choose one of {', '.join(SCHEDULES)}")
    if "total" in SCHEDULES[name].options and not 0 <= warmup < total:
        raise ValueError(f"warm-up of {warmup} steps in {total}; choose 0 to {total - 1}")
    _check_warmup(warmup)
    then: Schedule
    if name == "constant":
        then = Constant(rate)
    elif name == "step":
        then = Steps(rate, every, factor)
    elif name == "linear":
        then = Linear(rate, total - warmup, floor)
    elif name == "cosine":
        then = Cosine(rate, total - warmup, floor)
    else:
        then = InverseSquareRoot(rate, scale=warmup + 1)
    return Warmup(warmup, then) if warmup else then


def _check_rate(rate: float) -> None:
    if not 0 <= rate < math.inf:
        raise ValueError(f"learning rate is {rate}; choose a finite number of at least 0")


def _check_warmup(steps: int) -> None:
    if steps < 0:
        raise ValueError(f"warm-up of {steps} steps; choose 0 (none) or more")


def _check_descent(total: int, floor: float) -> None:
    if total < 1:
        raise ValueError(f"total is {total}: the step at which the floor is reached; choose 1 or more")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor is {floor}; it is a fraction of the peak rate: choose 0 to 1")
