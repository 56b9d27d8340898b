"""A batch computed in two halves at the same time, on two threads, by a network and its twin.

The examples of a batch meet in the gradients of the weights alone. So each half goes through a graph of its own,
from the ids to the scores, the second through a twin of the network: the same weights, but slots of its own for
their gradients and noise of its own. The twin's gradients are then added to the network's. Where a batch is divided
depends on sizes alone and each half is computed by one thread, so the same bits come out however the two are
scheduled.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from engine.autograd.tensor import FloatArray, Tensor
from engine.models.language_model import Forward, Stages
from engine.nn.module import Module
from engine.parallel import divide

LARGE = 1 << 23
"""Multiply-adds, at most one for each parameter and place, from which a batch is divided: they take 170 us, and
going to another thread and back 40 (on a 2-core x86-64 machine)."""

STREAM = 1 << 96
"""How far ahead of the network's noise its twin's is drawn from."""

Network = TypeVar("Network", bound=Module[Any])  # Any: whatever it is applied to
Result = TypeVar("Result")


class Halves(Generic[Network]):
    """A network and, from the first batch that is divided, its twin.

    Arguments:
        network: treats each example by itself; its parameters are where they will stay.
        noise: what its dropout draws from; None where nothing is dropped.
        axis: of the scores, along which the examples lie.
    """

    def __init__(self, network: Network, noise: np.random.Generator | None, *, axis: int = 0) -> None:
        self._network, self._noise, self._axis = network, noise, axis
        self._twins_noise = np.random.default_rng(0)
        self._twin: Network | None = None

    def each(
        self, work: Callable[[Network, slice], Result], batch: int, *, divided: bool
    ) -> tuple[Result, ...]:
        """What `work` gives for the examples of each half, or, where the batch is not divided, for all of them.

        Arguments:
            work: computes some examples with a network.
            batch: B; one example alone is never divided.
        """
        if batch < 2 or not divided:
            return (work(self._network, slice(0, batch)),)
        border = _border(batch)
        networks, parts = (self._network, self._prepared_twin()), (slice(0, border), slice(border, batch))
        results: dict[int, Result] = {}

        def compute(half: int) -> None:
            results[half] = work(networks[half], parts[half])

        divide(partial(compute, 0), partial(compute, 1))
        return results[0], results[1]

    def forward(self, stages: Callable[[Network, slice], Stages], batch: int, *, divided: bool) -> Forward:
        """A forward pass; `stages` computes some examples with a network, the last stage being the scores."""
        passes = [Forward(made) for made in self.each(stages, batch, divided=divided)]
        if len(passes) == 1:
            return passes[0]
        joined = self._joined([part.logits for part in passes])
        return Forward((("logits", joined),), tuple(passes), _border(batch))

    def _joined(self, scores: list[Tensor]) -> Tensor:
        """The scores of both halves as one node, whose gradient goes back through both at the same time."""
        assert self._twin is not None
        own, its = (
            [parameter for _, parameter in network.parameters()] for network in (self._network, self._twin)
        )
        border, axis = scores[0].shape[self._axis], self._axis

        def backward(grad: FloatArray) -> None:
            parts = np.split(grad, [border], axis)
            for parameter in its:
                parameter.clear_gradient()
            divide(partial(scores[0].backward_from, parts[0]), partial(scores[1].backward_from, parts[1]))
            for mine, twins in zip(own, its, strict=True):
                mine.receive(twins.grad)

        return Tensor.made_by(
            "halves", np.concatenate([part.data for part in scores], axis), tuple(own), backward
        )

    def _prepared_twin(self) -> Network:
        """The twin, which stands where the network stands now."""
        if self._twin is None:
            shared = {id(parameter.data): parameter.data for _, parameter in self._network.parameters()}
            noise = {} if self._noise is None else {id(self._noise): self._twins_noise}
            self._twin = copy.deepcopy(self._network, {**shared, **noise})
        if self._twin.training is not self._network.training:
            self._twin.train(self._network.training)
        if self._noise is not None and self._twin.training:
            self._twins_noise.bit_generator.state = self._noise.bit_generator.state
            self._twins_noise.bit_generator.advance(STREAM)  # type: ignore[attr-defined]  # PCG64 has it
        return self._twin


def _border(batch: int) -> int:
    """The row with which the second half begins."""
    return (batch + 1) // 2
