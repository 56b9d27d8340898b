"""Gradient descent: one rate for all parameters, plainly or with momentum.

Both keep the rate outside the running sum, b <- m b + g, so that a change of rate acts at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from engine.autograd.tensor import FloatArray
from engine.training.optimizers.memory import Decay, Memory, check_share


class SGD(Memory):
    """Stochastic gradient descent, with momentum if asked: b <- m b + g, x <- x - rate b.

    Arguments:
        size: number of parameters.
        dtype: their precision.
        momentum: m, from 0 (none) to below 1.
        weight_decay, decayed: an L2 penalty, as `Decay` has it; it goes into the gradient.

    Source: Robbins & Monro (1951); momentum as in Sutskever et al. (2013), with the rate outside the sum.
    """

    def __init__(
        self,
        size: int,
        dtype: DTypeLike,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        decayed: FloatArray | None = None,
    ) -> None:
        check_share("momentum", momentum)
        super().__init__(size, dtype, ("velocity",) if momentum else ())
        self.momentum = momentum
        self._decay = Decay(size, dtype, weight_decay, decayed)

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self.count += 1
        direction = self._decay.added_to(gradient, values)
        if self.momentum:
            velocity = self.moments["velocity"]
            np.multiply(velocity, self.momentum, out=velocity)
            direction = np.add(velocity, direction, out=velocity)
        np.multiply(direction, float(rate), out=self._scratch)
        np.subtract(values, self._scratch, out=values)


class Nesterov(Memory):
    """Momentum that looks ahead: b <- m b + g, x <- x - rate (g + m b).

    The parameters are those at which the gradient is taken, m b ahead of the paper's.

    Arguments:
        size, dtype, weight_decay, decayed: as for `SGD`.
        momentum: m, above 0 and below 1.

    Source: Nesterov (1983), in the form of Sutskever et al. (2013) rewritten by Bengio et al. (2013), Advances in
    Optimizing Recurrent Networks, section 3.5.
    """

    def __init__(
        self,
        size: int,
        dtype: DTypeLike,
        momentum: float = 0.9,
        *,
        weight_decay: float = 0.0,
        decayed: FloatArray | None = None,
    ) -> None:
        if not 0 < momentum < 1:
            raise ValueError(
                f"momentum is {momentum}: nesterov looks ahead along it; choose a number above 0 and below 1 such "
                "as 0.9, or sgd"
            )
        super().__init__(size, dtype, ("velocity",))
        self.momentum = momentum
        self._decay = Decay(size, dtype, weight_decay, decayed)

    def update(self, values: FloatArray, gradient: FloatArray, rate: float) -> None:
        """Move `values` against `gradient`, in place; both (P,)."""
        self.count += 1
        rate, scratch, velocity = float(rate), self._scratch, self.moments["velocity"]
        slope = self._decay.added_to(gradient, values)
        np.multiply(velocity, self.momentum, out=velocity)
        np.add(velocity, slope, out=velocity)
        np.multiply(slope, rate, out=scratch)
        np.subtract(values, scratch, out=values)
        np.multiply(velocity, rate * self.momentum, out=scratch)
        np.subtract(values, scratch, out=values)
