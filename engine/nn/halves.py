"""A module applied to the two halves of a batch at the same time, on two threads.

The examples of a batch meet in the gradients of the weights alone. So each half goes through a graph of its own,
the first through a twin of the module: the same weights, but slots of its own for their gradients and noise of its
own. The twin's gradients are then added to the module's. Where the batch is divided depends on its size alone and
each half is computed by one thread, so the same bits come out however the two are scheduled.
"""

from __future__ import annotations

import copy

import numpy as np

from engine.autograd.tensor import FloatArray, Tensor
from engine.nn.module import Module
from engine.parallel import divide

LARGE = 1 << 23
"""Multiply-adds, at most one for each parameter and row, from which a batch is divided: they take 170 us, and going
to another thread and back 40 (on a 2-core x86-64 machine)."""

STREAM = 1 << 96
"""How far ahead of the module's noise its twin's is drawn from."""


class Halves:
    """A module and its twin.

    Arguments:
        module: (B, ..., E) -> (B, ..., E), each example by itself.
        noise: what its dropout draws from; None where nothing is dropped.
    """

    def __init__(self, module: Module[Tensor], noise: np.random.Generator | None) -> None:
        self._noise, self._twins_noise = noise, np.random.default_rng(0)
        self._module = module
        self._twin = copy.deepcopy(module, {} if noise is None else {id(noise): self._twins_noise})
        both = zip(module.parameters(), self._twin.parameters(), strict=True)
        self._parameters = [(mine, its) for (_, mine), (_, its) in both]
        self._size = sum(mine.data.size for mine, _ in self._parameters)

    def __call__(self, x: Tensor) -> Tensor:
        """The module's output, in one piece where the batch is too small to be divided."""
        batch, *_, size = x.shape
        if batch < 2 or x.data.size // size * self._size < LARGE:
            return self._module(x)
        return self._divided(x, batch // 2)

    def _divided(self, x: Tensor, border: int) -> Tensor:
        self._prepare_twin()
        result = np.empty_like(x.data)
        parts = [slice(border, None), slice(0, border)]
        modules = [self._module, self._twin]
        inputs = [Tensor(x.data[part]) for part in parts]
        outputs = list(inputs)

        def forward(half: int) -> None:
            outputs[half] = modules[half](inputs[half])
            result[parts[half]] = outputs[half].data

        divide(lambda: forward(0), lambda: forward(1))

        def backward(grad: FloatArray) -> None:
            passed = np.empty_like(grad)

            def back(half: int) -> None:
                inputs[half].clear_gradient()
                outputs[half].backward_from(grad[parts[half]])
                passed[parts[half]] = inputs[half].grad

            for _, its in self._parameters:
                its.clear_gradient()
            divide(lambda: back(0), lambda: back(1))
            for mine, its in self._parameters:
                mine.receive(its.grad)
            x.receive(passed)

        parents = (x, *(mine for mine, _ in self._parameters))
        return Tensor.made_by("halves", result, parents, backward)

    def _prepare_twin(self) -> None:
        """Let the twin stand where the module stands now."""
        for mine, its in self._parameters:
            its.data = mine.data
        if self._twin.training is not self._module.training:
            self._twin.train(self._module.training)
        if self._noise is not None and self._twin.training:
            self._twins_noise.bit_generator.state = self._noise.bit_generator.state
            self._twins_noise.bit_generator.advance(STREAM)  # type: ignore[attr-defined]  # PCG64 has it
