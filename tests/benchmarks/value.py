"""How fast the scalar engine is beside micrograd: python -m tests.benchmarks.value

Both build and differentiate the same graphs, in turns, in one run. Printed are medians and their ratios to
micrograd, with the garbage collector kept out of the passes, and with its work added. "Value with dot" is the
same network with each neuron's sum as one node. Needs the `bench` extra.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from micrograd.engine import Value as MicrogradValue

from engine.autograd.value import Value, dot

ROUNDS = 15
PASSES = 20
WIDTH = 20

# drawn beforehand: the generators are not what is measured
_rng = random.Random(0)
NUMBERS = [_rng.uniform(-1, 1) for _ in range(1_000)]
CHOICES = [(_rng.randrange(5), _rng.randrange(WIDTH), _rng.randrange(WIDTH)) for _ in range(600)]

# micrograd has no types, and a graph builder below takes either library's class
Number = Any


def network(make: Callable[[float], Number], neuron: Callable[..., Number]) -> Number:
    """The squared error of a ReLU network of 12-16-16-8 on fixed random numbers."""
    number = iter(NUMBERS)
    values = [make(next(number)) for _ in range(12)]
    for size in (16, 16, 8):
        values = [
            neuron([make(next(number)) for _ in values], values, make(next(number))).relu()
            for _ in range(size)
        ]
    loss = make(0.0)
    for value in values:
        error = value - 0.5
        loss = loss + error * error
    return loss


def written_out(weights: list[Number], inputs: list[Number], bias: Number) -> Number:
    """A neuron's sum, one node a product and one a sum."""
    total = bias
    for weight, value in zip(weights, inputs, strict=True):
        total = total + weight * value
    return total


def expression(make: Callable[[float], Number]) -> Number:
    """A random expression of 600 operations that uses its results again."""
    values = [make(1 + number / 2) for number in NUMBERS[:WIDTH]]
    for operation, i, j in CHOICES:
        left, right = values[i], values[j]
        if operation == 0:
            result = (left + right) * 0.5
        elif operation == 1:
            result = left * right
        elif operation == 2:
            result = left - right
        elif operation == 3:
            result = left.relu()
        else:
            result = left / (right**2 + 1.0)
        values = [*values[1:], result]
    return sum(values[1:], values[0])


def measure(build: Callable[[], Number]) -> tuple[float, float]:
    """The time of one forward and backward pass, alone and with its share of freeing what passes leave."""
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    for _ in range(PASSES):
        build().backward()
    passes = time.perf_counter() - start
    gc.collect()  # micrograd's nodes refer to themselves: only the collector frees them
    gc.enable()
    return passes / PASSES, (time.perf_counter() - start) / PASSES


def compare(name: str, contenders: dict[str, Callable[[], Number]]) -> None:
    """Print the median of each contender and its ratio to the first, measured in turns."""
    times: dict[str, list[tuple[float, float]]] = {contender: [] for contender in contenders}
    for _ in range(ROUNDS):
        for contender, build in contenders.items():
            times[contender].append(measure(build))
    medians = {
        contender: [statistics.median(column) for column in zip(*measured, strict=True)]
        for contender, measured in times.items()
    }
    reference = next(iter(medians.values()))
    for contender, (alone, cleaned) in medians.items():
        print(
            f"{name:<12}{contender:<16}{alone * 1e3:7.2f} ms {reference[0] / alone:6.2f} x"
            f"{cleaned * 1e3:12.2f} ms {reference[1] / cleaned:6.2f} x"
        )


def main() -> None:
    """Print the table."""
    gc.freeze()  # the modules themselves need not be looked through each time
    print(f"{'':<28}{'passes alone':<19}with cleaning up")
    compare(
        "network",
        {
            "micrograd": lambda: network(MicrogradValue, written_out),
            "Value": lambda: network(Value, written_out),
            "Value with dot": lambda: network(Value, dot),
        },
    )
    compare(
        "expression",
        {"micrograd": lambda: expression(MicrogradValue), "Value": lambda: expression(Value)},
    )


if __name__ == "__main__":
    main()
