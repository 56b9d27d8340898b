"""All parameters of a model as one flat vector, their gradients as another.

An update, a clip, a snapshot, a rewind is then a handful of calls on one vector. `ParameterVector` is what
the trainer knows of a model's weights, whichever engine computes with them; `ArrayParameters` is that promise
kept by views, so that nothing is ever copied to and fro.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.autograd.functions import ones
from engine.autograd.tensor import FloatArray, Tensor, unbroadcast
from engine.parallel import finish, product_into


@dataclass(frozen=True)
class Group:
    """One weight or bias and its place in the flat vector."""

    name: str
    shape: tuple[int, ...]
    start: int
    stop: int

    def of(self, vector: FloatArray) -> FloatArray:
        """This group's part of a flat vector, flat, a view."""
        return vector[self.start : self.stop]


class ParameterVector(ABC):
    """The parameters of a model, (P,), and dL/d(parameters), (P,).

    Attributes:
        values: the parameters; whoever writes to it calls `publish` afterwards.
        groups: the named pieces, in order.
    """

    values: FloatArray
    groups: tuple[Group, ...]

    @abstractmethod
    def clear_gradient(self) -> None:
        """Forget all gradients."""

    @abstractmethod
    def gradient(self) -> FloatArray:
        """The gradient that has arrived since the last clearing, the trainer's to clip in place."""

    @abstractmethod
    def publish(self) -> None:
        """Let the model see what was written to `values`."""


def lay_out(named_shapes: Sequence[tuple[str, tuple[int, ...]]]) -> tuple[Group, ...]:
    """Give each named shape its place, one after the other."""
    groups = []
    start = 0
    for name, shape in named_shapes:
        stop = start + int(np.prod(shape))
        groups.append(Group(name, shape, start, stop))
        start = stop
    return tuple(groups)


class Parameter(Tensor):
    """A leaf whose value and gradient are views into flat vectors once it belongs to `ArrayParameters`.

    After `clear_gradient` the first gradient to arrive overwrites its slot and later ones add to it, which
    saves a pass over memory in every step; a slot that is read before anything arrived is filled with zeros.
    """

    __slots__ = ("_fresh", "_slot")

    def __init__(self, data: FloatArray, label: str = "") -> None:
        super().__init__(data, label)
        self._slot: FloatArray = np.zeros_like(self.data)
        self._fresh = False

    def move_to(self, value: FloatArray, slot: FloatArray) -> None:
        """Live in `value` from now on, with gradients in `slot`; both have this parameter's shape."""
        value[...] = self.data
        slot[...] = self.grad
        self.data, self._slot, self._fresh = value, slot, False

    @property
    def grad(self) -> FloatArray:
        """dL/d(data), zeros where nothing has arrived."""
        if self._fresh:
            self._slot.fill(0)
            self._fresh = False
        return self._slot

    @property
    def slot(self) -> FloatArray:
        """Where gradients are written; what stands there counts only if one has arrived."""
        return self._slot

    def clear_gradient(self) -> None:
        """Forget the gradient: the next one to arrive overwrites it."""
        self._fresh = True

    def receive(self, gradient: FloatArray) -> None:
        """Add `gradient`, broadcasting undone, to what has arrived so far."""
        gradient = unbroadcast(gradient, self.data.shape)
        if self._fresh:
            self._slot[...] = gradient
            self._fresh = False
        else:
            self._add(gradient)

    def receive_product(self, left: FloatArray, right: FloatArray) -> None:
        """Add `left` @ `right`, straight into the slot if it is the first to arrive."""
        if self._fresh:
            product_into(self._slot, left, right)
            self._fresh = False
        else:
            self._add(np.dot(left, right))

    def receive_sum(self, gradient: FloatArray, weights: FloatArray | None = None) -> None:
        """Add the sum of the rows of a matrix, straight into the slot if it is the first to arrive."""
        if weights is None:
            weights = ones(len(gradient), gradient.dtype)
        if self._fresh:
            np.dot(weights, gradient, self._slot)
            self._fresh = False
        else:
            self._add(np.dot(weights, gradient))

    def _add(self, gradient: FloatArray) -> None:
        finish()  # the first product may still be on its way into the slot
        self._slot += gradient


class ArrayParameters(ParameterVector):
    """Parameters of an array model: each `Parameter` is moved into the vector and becomes a view of it."""

    def __init__(self, named: Sequence[tuple[str, Parameter]], dtype: np.dtype[np.floating]) -> None:
        self.groups = lay_out([(name, parameter.shape) for name, parameter in named])
        size = self.groups[-1].stop if self.groups else 0
        self.values = np.empty(size, dtype=dtype)
        self._gradient: FloatArray = np.zeros(size, dtype=dtype)
        self._parameters = tuple(parameter for _, parameter in named)
        for group, parameter in zip(self.groups, self._parameters, strict=True):
            parameter.label = group.name
            parameter.move_to(
                group.of(self.values).reshape(group.shape), group.of(self._gradient).reshape(group.shape)
            )

    def clear_gradient(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters:
            parameter.clear_gradient()

    def gradient(self) -> FloatArray:
        """The flat gradient; a parameter that nothing depended on counts as zeros."""
        for parameter in self._parameters:
            if parameter._fresh:
                parameter.grad  # noqa: B018  reading fills the slot with zeros
        return self._gradient

    def publish(self) -> None:
        """Nothing to do: the parameters are views."""
