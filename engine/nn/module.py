"""Module: something with parameters that can be applied to a tensor, and the composition of such things."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from engine.autograd.tensor import Tensor
from engine.nn.parameters import Parameter


class Module(ABC):
    """A layer or a stack of layers.

    Parameters and modules that stand in attributes, or in tuples in attributes, are found by themselves, in
    the order in which they were set.
    """

    training: bool = False
    """Whether noise such as dropout is applied; set by `train`."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """The layer's output for `x`."""

    def children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside this one, each with its name."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, tuple):
                for index, entry in enumerate(value):
                    if isinstance(entry, Module):
                        yield f"{name}.{index}", entry

    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its path, such as "hidden.0.weight"."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield name, value
        for name, child in self.children():
            for path, parameter in child.parameters():
                yield f"{name}.{path}", parameter

    def train(self, on: bool = True) -> None:
        """Switch noise on or off, here and in everything inside."""
        self.training = on
        for _, child in self.children():
            child.train(on)


class Sequential(Module):
    """Modules one after the other: f3(f2(f1(x)))."""

    def __init__(self, *stages: Module) -> None:
        self.stages = stages

    def __call__(self, x: Tensor) -> Tensor:
        """The output of the last stage."""
        for stage in self.stages:
            x = stage(x)
        return x
