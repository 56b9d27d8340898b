"""Keeping a gradient within bounds, in place: by its length or by its components."""

from __future__ import annotations

import math

import numpy as np

from engine.autograd.tensor import FloatArray


def clip_by_norm(gradient: FloatArray, limit: float) -> float:
    """Shorten `gradient`, in place, to the length `limit` if it is longer; keep its direction.

    Returns:
        The length before. Where it is not finite the gradient is left as it was, for the caller to refuse.
    Raises:
        ValueError: unless the limit is above 0.

    Source: Pascanu et al. (2013), algorithm 1.
    """
    _check_limit(limit)
    norm = _norm(gradient)
    if limit < norm < math.inf:
        np.multiply(gradient, limit / norm, out=gradient)
    return norm


def clip_by_value(gradient: FloatArray, limit: float) -> int:
    """Bring every component of `gradient`, in place, into -limit..limit.

    Returns:
        How many lay outside. A NaN is left as it was and not counted.
    Raises:
        ValueError: unless the limit is above 0.
    """
    _check_limit(limit)
    outside = int(np.count_nonzero(np.abs(gradient) > limit))
    if outside:
        np.clip(gradient, -limit, limit, out=gradient)
    return outside


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise ValueError(f"clipping limit is {limit}; choose a number above 0, or turn clipping off")


def _norm(vector: FloatArray) -> float:
    """The Euclidean length, also where a float32 sum of squares would overflow or vanish."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        squared = float(np.dot(vector, vector))
    if np.finfo(vector.dtype).tiny < squared < math.inf:
        return math.sqrt(squared)
    largest = float(np.abs(vector).max(initial=0.0))
    if not 0 < largest < math.inf:
        return largest  # all zero, or not finite
    scaled = vector.astype(np.float64) / largest
    return largest * math.sqrt(float(np.dot(scaled, scaled)))
