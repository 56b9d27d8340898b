"""Module: something with parameters that can be applied to an input, and the composition of such things.

The input is a tensor, or, for what stands at the beginning of a model, ids.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from engine.autograd.tensor import Tensor
from engine.nn.parameters import Parameter

Input = TypeVar("Input", contravariant=True)


class Module(ABC, Generic[Input]):
    """A layer or a stack of layers, applied to an `Input`: a tensor or ids.

    Parameters and modules that stand in attributes, or in tuples in attributes, are found by themselves, in
    the order in which they were set.
    """

    training: bool = False
    """Whether noise such as dropout is applied; set by `train`."""

    @abstractmethod
    def __call__(self, x: Input) -> Tensor:
        """The layer's output for `x`."""

    def children(self) -> Iterator[tuple[str, Module[Any]]]:  # Any: whatever each of them is applied to
        """The modules directly inside this one, each with its name."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, tuple):
                for index, entry in enumerate(value):
                    if isinstance(entry, Module):
                        yield f"{name}.{index}", entry

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its path, such as "hidden.0.weight"; one that stands in two places, by its first."""
        paths: dict[Parameter, str] = {}
        for path, parameter in self._paths():
            paths.setdefault(parameter, path)
        yield from ((path, parameter) for parameter, path in paths.items())

    def _paths(self) -> Iterator[tuple[str, Parameter]]:
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield name, value
        for name, child in self.children():
            for path, parameter in child._paths():
                yield f"{name}.{path}", parameter

    def train(self, on: bool = True) -> None:
        """Switch noise on or off, here and in everything inside."""
        self.training = on
        for _, child in self.children():
            child.train(on)


class Sequential(Module[Input]):
    """Modules one after the other: f3(f2(f1(x))); only the first may take something other than a tensor."""

    def __init__(self, first: Module[Input], *rest: Module[Tensor]) -> None:
        self.stages: tuple[Module[Any], ...] = (first, *rest)  # Any: the first takes Input, the rest tensors

    def __call__(self, x: Input) -> Tensor:
        """The output of the last stage."""
        first, *rest = self.stages
        output = first(x)
        for stage in rest:
            output = stage(output)
        return output
