"""Gradients checked against finite differences: the judge of every hand-written derivative.

Every entry of every array is moved, none is sampled. The judge sees values only, so it shares no formula with what
it judges. It is blind at kinks (the corner of a ReLU within two steps of a point) and where a function is not
deterministic: keep both out of what you check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.autograd.tensor import Tensor

Floats = NDArray[np.float64]

STEP = 1e-3
"""How far an entry is moved, in units of the larger of 1 and its size. With a five-point difference the truncation
(step^4) and the rounding (1e-16 / step) are then both near 1e-13."""
FLOOR = 1e-4
"""Derivatives below this, in units of the larger of 1 and |f|, are compared with it instead of with themselves:
rounding leaves their leading digits, but not six of them."""


def numeric_gradient(
    f: Callable[[Sequence[Floats]], float], arrays: Sequence[Floats], step: float = STEP
) -> tuple[Floats, ...]:
    """df/dx for every entry x of every array, by central differences over five points.

    f'(x) = (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h, to order h^4.
    Source: Fornberg (1988), Generation of Finite Difference Formulas on Arbitrarily Spaced Grids, table 1.

    Arguments:
        f: a smooth function of the arrays; it is handed copies.
        arrays: where, float64, any shapes; left as they are.
        step: h in units of the larger of 1 and |x|.
    Returns:
        An array for each of `arrays`, in its shape.
    """
    points = [np.array(array, dtype=np.float64) for array in arrays]

    def at(point: Floats, index: tuple[int, ...], x: float) -> float:
        point[index] = x
        return f([array.copy() for array in points])

    gradients = []
    for point in points:
        gradient = np.empty_like(point)
        for index in np.ndindex(point.shape):
            x = float(point[index])
            h = step * max(1.0, abs(x))
            far = at(point, index, x - 2 * h) - at(point, index, x + 2 * h)
            near = at(point, index, x + h) - at(point, index, x - h)
            gradient[index] = (far + 8 * near) / (12 * h)
            point[index] = x
        gradients.append(gradient)
    return tuple(gradients)


def check_gradients(f: Callable[[Sequence[Tensor]], Tensor], arrays: Sequence[Floats]) -> float:
    """The largest relative error of the gradients that `backward` gives, over every entry of every array.

    The error of an entry with gradient g and finite difference n is |g - n| / max(|g|, |n|, floor), the floor being
    1e-4 of the larger of 1 and |f|. Below 1e-6 a gradient is right; a wrong factor or sign shows as 1e-1 to 2, a
    gradient that is not finite or has another shape as infinity.

    Arguments:
        f: makes one number, of shape () or all ones, from tensors that stand for the arrays.
        arrays: where to check, float64, any shapes.
    Raises:
        TypeError: if an array is not float64, in which no difference has enough digits.
        ValueError: if the value of f there is not finite.
    """
    for array in arrays:
        if array.dtype != np.float64:
            raise TypeError(f"gradients are checked in float64; an array is {array.dtype}: convert it first")
    tensors = [Tensor(array.copy()) for array in arrays]
    result = f(tensors)
    result.backward()
    value = float(result.data.item())
    if not math.isfinite(value):
        raise ValueError(f"f is {value} at this point: there is no gradient to check")

    numeric = numeric_gradient(lambda points: float(f([Tensor(p) for p in points]).data.item()), arrays)
    floor = FLOOR * max(1.0, abs(value))
    worst = 0.0
    for tensor, expected in zip(tensors, numeric, strict=True):
        given = np.zeros_like(expected) if tensor.grad is None else tensor.grad
        if given.shape != expected.shape or not np.isfinite(given).all():
            return math.inf
        scale = np.maximum(np.maximum(np.abs(given), np.abs(expected)), floor)
        worst = max(worst, float((np.abs(given - expected) / scale).max(initial=0.0)))
    return worst
