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
"""Rows times the numbers of the largest weight from which a batch is divided: multiply-adds of a product. Between
two calls the threads wait for each other's hold of the interpreter; shorter calls do not make up for it."""

FEW = 64
"""Places that a batch has at least if it is divided, however large the weights: adding up the gradients of both
halves takes three passes over them (1024 units a layer: 32 rows take a fifth longer in halves, 64 a tenth less)."""

STREAM = 1 << 96
"""How far ahead of the network's noise its twin's is drawn from. From step to step nothing is drawn twice, but for
a word where their number is odd, as long as the network draws at least as much as its twin."""

Network = TypeVar("Network", bound=Module[Any])  # Any: whatever it is applied to
Result = TypeVar("Result")


class Halves(Generic[Network]):
    """A network and, from the first batch that is divided, its twin.

    Arguments:
        network: treats each example by itself; its parameters are where they will stay.
        noise: what its dropout draws from; None where nothing is dropped.
        axis: of the scores, along which the examples lie.
        large: rows times the numbers of the largest weight from which a batch is divided.
    """

    def __init__(
        self, network: Network, noise: np.random.Generator | None, *, axis: int = 0, large: int = LARGE
    ) -> None:
        self._network, self._noise, self._axis, self._large = network, noise, axis, large
        self._largest = max((weight.data.size for _, weight in network.parameters()), default=0)
        self._twins_noise = np.random.default_rng(0)
        self._twin: Network | None = None

    def pays(self, rows: int, places: int) -> bool:
        """Whether a batch is large enough to be divided.

        Arguments:
            rows: that are multiplied with a weight at once.
            places: that are in the batch altogether.
        """
        return places >= FEW and rows * self._largest >= self._large

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
        first, *others = (Forward(made) for made in self.each(stages, batch, divided=divided))
        if not others:
            return first
        (second,) = others
        joined = self._joined((first.logits, second.logits))
        return Forward((("logits", joined),), (first, second), _border(batch))

    def _joined(self, scores: tuple[Tensor, Tensor]) -> Tensor:
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
            memo: dict[int, object] = {}  # by the identity of what is not to be copied, what takes its place
            for _, parameter in self._network.parameters():
                memo[id(parameter.data)] = parameter.data
                memo[id(parameter.slot)] = np.zeros_like(parameter.data)
            if self._noise is not None:
                memo[id(self._noise)] = self._twins_noise
            self._twin = copy.deepcopy(self._network, memo)
        if self._twin.training is not self._network.training:
            self._twin.train(self._network.training)
        if self._noise is not None and self._twin.training:
            self._twins_noise.bit_generator.state = self._noise.bit_generator.state
            self._twins_noise.bit_generator.advance(STREAM)  # type: ignore[attr-defined]  # PCG64 has it
        return self._twin


def _border(batch: int) -> int:
    """The row with which the second half begins; it is never the larger one (see `STREAM`)."""
    return (batch + 1) // 2
