"""Rules that give each parameter a rate of its own, by the size of the gradients it has seen.

Averages of the past are kept as discounted sums, V <- beta V + g^2: the factor 1 - beta and the corrections of
the start are numbers, not vectors, and go into the step and into epsilon. The steps are those of the papers;
passes over the parameters are saved.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from engine.autograd.tensor import FloatArray
from engine.training.optimizers.memory import Decay, Memory, check_epsilon, check_share


class AdaGrad(Memory):
    """A gradient over the root of the sum of all squares so far: V <- V + g^2, x <- x - rate g / (sqrt V + eps).

    Arguments:
        size: number of parameters.
        dtype: their precision.
        epsilon: keeps the divisor above 0.
        weight_decay, decayed: an L2 penalty, as `Decay` has it; it goes into the gradient.

    Source: Duchi, Hazan & Singer (2011), figure 1, with the diagonal matrix.
    """

    def __init__(
        self,
        size: int,
        dtype: DTypeLike,
        epsilon: float = 1e-10,
        *,
        weight_decay: float = 0.0,
        decayed: FloatArray | None = None,
    ) -> None:
        check_epsilon(epsilon)
        super().__init__(size, dtype, ("squares",))
        self.epsilon = epsilon
        self._decay = Decay(size, dtype, weight_decay, decayed)

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self.count += 1
        scratch, v = self._scratch, self.moments["squares"]
        slope = self._decay.added_to(gradient, values)
        np.multiply(slope, slope, out=scratch)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, self.epsilon, out=scratch)
        np.divide(slope, scratch, out=scratch)
        np.multiply(scratch, float(rate), out=scratch)
        np.subtract(values, scratch, out=values)


class RMSProp(Memory):
    """A gradient over the root of the average of recent squares, with momentum on the quotient if asked.

    q = g / (sqrt(average of g^2) + eps);   b <- m b + q,   x <- x - rate b.

    Arguments:
        size, dtype, weight_decay, decayed: as for `AdaGrad`.
        momentum: m, from 0 (none) to below 1.
        alpha: how much of the average is kept, from 0 to below 1.
        epsilon: keeps the divisor above 0.

    Source: Tieleman & Hinton (2012), Neural Networks for Machine Learning, lecture 6.5; momentum on the quotient
    as in Graves (2013), section 4.2, which also subtracts the average gradient.
    """

    def __init__(
        self,
        size: int,
        dtype: DTypeLike,
        momentum: float = 0.0,
        alpha: float = 0.99,
        epsilon: float = 1e-8,
        *,
        weight_decay: float = 0.0,
        decayed: FloatArray | None = None,
    ) -> None:
        check_share("momentum", momentum)
        check_share("alpha", alpha)
        check_epsilon(epsilon)
        super().__init__(size, dtype, ("squares", "velocity") if momentum else ("squares",))
        self.momentum, self.alpha, self.epsilon = momentum, alpha, epsilon
        self._decay = Decay(size, dtype, weight_decay, decayed)

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self.count += 1
        root = math.sqrt(1 - self.alpha)  # average square = root^2 V
        scratch, v = self._scratch, self.moments["squares"]
        slope = self._decay.added_to(gradient, values)
        np.multiply(slope, slope, out=scratch)
        np.multiply(v, self.alpha, out=v)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, self.epsilon / root, out=scratch)
        np.divide(slope, scratch, out=scratch)  # root q
        direction = scratch
        if self.momentum:
            direction = self.moments["velocity"]
            np.multiply(direction, self.momentum, out=direction)
            np.add(direction, scratch, out=direction)
        np.multiply(direction, float(rate) / root, out=scratch)
        np.subtract(values, scratch, out=values)


class Adam(Memory):
    """Adam: each parameter's step is its average gradient over the root of its average square.

    Arguments:
        size, dtype, weight_decay, decayed: as for `AdaGrad`.
        beta1: how much of the average gradient is kept, from 0 to below 1.
        beta2: how much of the average square is kept, from 0 to below 1.
        epsilon: keeps the divisor above 0.

    Source: Kingma & Ba (2015), algorithm 1.
    """

    def __init__(
        self,
        size: int,
        dtype: DTypeLike,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        weight_decay: float = 0.0,
        decayed: FloatArray | None = None,
    ) -> None:
        check_share("beta1", beta1)
        check_share("beta2", beta2)
        check_epsilon(epsilon)
        super().__init__(size, dtype, ("gradients", "squares"))
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self._decay = Decay(size, dtype, weight_decay, decayed)

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self._step(values, self._decay.added_to(gradient, values), float(rate))

    def _step(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        self.count += 1
        first = (1 - self.beta1) / (1 - self.beta1**self.count)  # average gradient = first M
        root = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.count))  # its square = root^2 V
        step, epsilon = rate * first / root, self.epsilon / root
        scratch, m, v = self._scratch, self.moments["gradients"], self.moments["squares"]
        np.multiply(m, self.beta1, out=m)
        np.add(m, gradient, out=m)
        np.multiply(gradient, gradient, out=scratch)
        np.multiply(v, self.beta2, out=v)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, epsilon, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, step, out=scratch)
        np.subtract(values, scratch, out=values)


class AdamW(Adam):
    """Adam with the decay outside of its averages: x <- x - rate (decay x) - rate (step of Adam).

    In Adam an L2 penalty is divided by the root of the average square like the rest of the gradient, so that
    weights with large gradients are hardly decayed; here all are alike.

    Arguments:
        As for `Adam`; `weight_decay` is a share of the weight taken off at each step, times the rate.

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2, with the whole rate
    as a factor of the decay, as is usual.
    """

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        rate = float(rate)
        if self._decay.on:
            pull = self._decay.pull(values)
            np.multiply(pull, rate, out=pull)
            np.subtract(values, pull, out=values)
        self._step(values, gradient, rate)
