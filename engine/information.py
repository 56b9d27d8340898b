"""Entropy, cross-entropy, divergence and perplexity of distributions over characters.

Everything is in nats unless its name says bits. 0 log 0 counts as 0, and what a model held for impossible
but met costs infinity. Nothing here knows gradients; `autograd` has the differentiable cross-entropy.

Source: Shannon (1948), A Mathematical Theory of Communication; Kullback & Leibler (1951).
"""

from __future__ import annotations

import math
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

# How far from 1 the sum of a distribution may lie: float32 probabilities of a large vocabulary stay within.
SUM_TOLERANCE = 1e-4


def log_softmax(logits: ArrayLike, axis: int = -1) -> Floats:
    """Log-probabilities of scores, in nats: z - log sum exp z, the largest taken out first.

    Arguments:
        logits: scores, (..., V); -inf stands for impossible.
        axis: where the characters lie.
    """
    z = np.asarray(logits, dtype=np.float64)
    log_p: Floats = z - z.max(axis=axis, keepdims=True)  # exp cannot overflow
    log_p -= np.log(np.exp(log_p).sum(axis=axis, keepdims=True))
    return log_p


def softmax(logits: ArrayLike, axis: int = -1) -> Floats:
    """Probabilities of scores, in the shape of `logits`."""
    z = np.asarray(logits, dtype=np.float64)
    weights: Floats = np.exp(z - z.max(axis=axis, keepdims=True))
    weights /= weights.sum(axis=axis, keepdims=True)
    return weights


def entropy(p: ArrayLike) -> float:
    """H(p) = -sum p log p in nats.

    Arguments:
        p: one distribution, (V,).
    Raises:
        ValueError: if `p` is no distribution.
    """
    p = _distribution("p", p)
    p = p[p > 0]
    return float(-np.dot(p, np.log(p))) + 0.0  # + 0.0: a certain outcome has entropy 0, not -0


def cross_entropy(logits: ArrayLike, target: ArrayLike) -> float:
    """Mean nats that the scores give to what came: -log softmax(logits)[target].

    Arguments:
        logits: scores, (V,) or (B, V).
        target: the id that came, or (B,) of them.
    Raises:
        ValueError: if the shapes do not go together.
        IndexError: if an id lies outside [0, V).
    """
    log_p = np.atleast_2d(log_softmax(logits))  # (B, V)
    ids = np.atleast_1d(np.asarray(target))  # (B,)
    if ids.shape != log_p.shape[:1]:
        raise ValueError(f"{ids.size} targets for {len(log_p)} rows of logits: give one target a row")
    if ids.min() < 0 or ids.max() >= log_p.shape[1]:
        raise IndexError(f"a target in {ids.min()}..{ids.max()} is no id of the {log_p.shape[1]} characters")
    return float(-log_p[np.arange(len(ids)), ids].mean()) + 0.0


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """KL(p || q) = sum p log(p / q) in nats: what it costs to believe q where p is true.

    Infinite where q rules out what p allows.

    Raises:
        ValueError: if either is no distribution, or their sizes differ.
    """
    p, q = _distribution("p", p), _distribution("q", q)
    if p.shape != q.shape:
        raise ValueError(
            f"p has {p.size} outcomes and q {q.size}: compare distributions over the same characters"
        )
    possible = p > 0
    p, q = p[possible], q[possible]
    if not q.all():
        return math.inf
    return float(np.dot(p, np.log(p) - np.log(q)))


def perplexity(nats: float) -> float:
    """exp(nats): among how many equally likely characters the model was choosing; infinite beyond floats."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


@overload
def nats_to_bits(nats: float) -> float: ...
@overload
def nats_to_bits(nats: Floats) -> Floats: ...
def nats_to_bits(nats: float | Floats) -> float | Floats:
    """The same information in bits: nats / ln 2."""
    return nats / math.log(2)


@overload
def surprise_bits(p: float) -> float: ...
@overload
def surprise_bits(p: Floats) -> Floats: ...
def surprise_bits(p: float | Floats) -> float | Floats:
    """-log2 p: the surprise of an outcome of probability `p`, in bits; infinite for p = 0."""
    with np.errstate(divide="ignore"):
        bits: Floats = 0.0 - np.log2(np.asarray(p, dtype=np.float64))
    return bits if isinstance(p, np.ndarray) else float(bits)


def _distribution(name: str, p: ArrayLike) -> Floats:
    """`p` as an array, (V,), once it is known to be a distribution."""
    array = np.asarray(p, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; one distribution over the characters is (V,)")
    if not (array >= 0).all():
        raise ValueError(f"{name} holds {array.min()}; a probability is a number from 0 to 1")
    if abs(total := float(array.sum()) - 1) > SUM_TOLERANCE:
        raise ValueError(f"{name} sums to {total + 1:g}; the probabilities of a distribution sum to 1")
    return array
