"""Where the ticks of a plot's axis stand, and what is written at them.

What it promises: ticks on round numbers inside the limits, as many as asked for or fewer, labels that are
short and tell neighbouring ticks apart. What it does not know: cells; the plot says how many ticks fit.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SUFFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_SUFFIX_FROM = 1e5  # below a hundred thousand a number is written out
_TINY = 1e-30  # what is closer than this is the same to a reader
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_EXPONENT_BELOW = 0.01  # on a logarithmic axis: 0.01, but 1e-3
_DECADE_STEPS = ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))


@dataclass(frozen=True)
class Axis:
    """One axis: its limits and its ticks, in the coordinate that is drawn (log10 for a logarithmic one)."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0 at the low end and 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same for many values: (N,)."""
        return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)


def linear_axis(low: float, high: float, count: int, *, whole: bool = False) -> Axis:
    """An axis from `low` to `high` with at most `count` ticks.

    Arguments:
        low: the lower limit, finite.
        high: the upper limit, finite; equal limits are widened.
        count: the most ticks there is room for; at least one is looked for.
        whole: ticks stand on whole numbers only (steps, epochs).
    """
    low, high = _widened(low, high)
    step = _step((high - low) / max(1, count), whole=whole)
    ticks = _multiples(low, high, step)
    while len(ticks) > max(1, count):
        step = _step(step * 1.5, whole=whole)
        ticks = _multiples(low, high, step)
    return Axis(low, high, tuple(ticks), tuple(_labels(ticks, step)))


def logarithmic_axis(low: float, high: float, count: int) -> Axis:
    """An axis whose drawn coordinate is log10 of the value; `low` and `high` are logarithms already.

    The labels are the values themselves: 1e-3, 0.01, 0.1, 1, 2, 5, ... or, inside one decade, round numbers.
    """
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    candidates = (_decade_values(low, high, steps) for steps in _DECADE_STEPS)
    values = next((some for some in candidates if len(some) <= count), None)
    if values is None:
        values = _decade_values(low, high, (1.0,))
        every = math.ceil(len(values) / max(1, count))
        values = values[::every]
    if len(values) < 3 and high - low < 2:
        inside = linear_axis(10**low, 10**high, count)
        pairs = [(v, text) for v, text in zip(inside.ticks, inside.labels, strict=True) if v > 0]
        return Axis(low, high, tuple(math.log10(v) for v, _ in pairs), tuple(text for _, text in pairs))
    return Axis(low, high, tuple(math.log10(v) for v in values), tuple(map(_short, values)))


def _widened(low: float, high: float) -> tuple[float, float]:
    """Limits that differ by more than rounding."""
    if high - low > max(1e-9 * max(abs(low), abs(high)), _TINY):
        return low, high
    margin = abs(low) * 0.1 if abs(low) > _TINY else 0.5
    return low - margin, high + margin


def _step(at_least: float, *, whole: bool) -> float:
    """The smallest round step not below `at_least`."""
    power = 10.0 ** math.floor(math.log10(at_least))
    step = next(power * s for s in _STEPS if power * s >= at_least * (1 - 1e-9))
    if not whole:
        return step
    return max(1.0, step if step == math.floor(step) else power * 5)


def _multiples(low: float, high: float, step: float) -> list[float]:
    """The multiples of `step` inside the limits, a little rounding allowed at either end."""
    slack = 1e-9 * (high - low) / step
    first, last = math.ceil(low / step - slack), math.floor(high / step + slack)
    return [k * step for k in range(first, last + 1)]


def _decade_values(low: float, high: float, steps: tuple[float, ...]) -> list[float]:
    """The values s * 10**k, s in `steps`, whose log10 lies inside the limits."""
    decades = range(math.floor(low), math.floor(high) + 1)
    values = [s * 10.0**k for k in decades for s in steps]
    return [v for v in values if low - 1e-9 <= math.log10(v) <= high + 1e-9]


def _short(value: float) -> str:
    """A round value as short as it can be read; a small one as its digit and its power of ten."""
    if value >= _EXPONENT_BELOW:
        return f"{value:.4g}"
    digit, _, power = f"{value:.0e}".partition("e")
    return f"{digit}e{int(power)}"


def _labels(ticks: list[float], step: float) -> list[str]:
    """What is written at ticks that stand `step` apart: as many decimals as tell them apart."""
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if largest >= 1e12 or step < 1e-6:
        digits = max(3, math.ceil(math.log10(largest / step)) + 1) if largest else 3
        return [f"{tick:.{digits}g}" for tick in ticks]
    unit, suffix = next(((u, s) for u, s in _SUFFIXES if largest >= max(u, _SUFFIX_FROM)), (1.0, ""))
    decimals = _decimals(step / unit)
    return [f"{tick / unit:.{decimals}f}{suffix}" if tick else "0" for tick in ticks]


def _decimals(step: float) -> int:
    """How many decimals write a round step exactly."""
    decimals = 0
    while decimals < 9 and not math.isclose(step * 10**decimals, round(step * 10**decimals), rel_tol=1e-6):
        decimals += 1
    return decimals
