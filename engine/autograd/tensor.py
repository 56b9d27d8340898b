"""Tensor: an array that remembers how it was made, so that gradients can flow back through it.

A node of the graph has an operation, ordered parents, a value and a gradient. `backward` walks the graph
once in reverse topological order; each operation then hands its parents their share through `receive`.
Broadcasting is undone in one place, `unbroadcast`. An array handed to `receive` is never written to
afterwards, which is why it can be kept without a copy.

This file knows arithmetic; every other operation stands in `functions.py` (readable) and `fused.py` (fast).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.autograd.errors import ShapeError
from engine.autograd.graph import topological_order
from engine.parallel import finish

FloatArray: TypeAlias = NDArray[np.floating[Any]]  # Any: float32 or float64
Backward: TypeAlias = Callable[[FloatArray], None]
Operand: TypeAlias = "Tensor | FloatArray | float"


def unbroadcast(gradient: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Sum `gradient` over the axes that broadcasting had added or stretched, back to `shape`."""
    if gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = tuple(
        axis for axis in range(added, gradient.ndim) if shape[axis - added] == 1 and gradient.shape[axis] != 1
    )
    summed: FloatArray = gradient.sum(axis=(*range(added), *stretched), keepdims=True)
    return summed.reshape(shape)


class Tensor:
    """A node of the computation graph over arrays.

    Attributes:
        data: the value, any shape, float32 or float64.
        grad: dL/d(data) after `backward`, the same shape; None where no gradient has arrived.
        op: the name of the operation that made it, "" for a leaf.
        parents: the operands, in order.
        label: a name for people, such as "hidden.0.weight".
    """

    __slots__ = ("_backward", "_gradient", "data", "label", "op", "parents")

    # numpy would otherwise take `array * tensor` apart element by element
    __array_ufunc__ = None

    def __init__(self, data: FloatArray | float, label: str = "") -> None:
        array = np.asarray(data)
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float64)
        self.data: FloatArray = array
        self._gradient: FloatArray | None = None
        self.op = ""
        self.parents: tuple[Tensor, ...] = ()
        self._backward: Backward | None = None
        self.label = label

    @classmethod
    def made_by(cls, op: str, data: FloatArray, parents: tuple[Tensor, ...], backward: Backward) -> Tensor:
        """The result of an operation: `backward(gradient)` passes dL/d(data) on to the parents."""
        made = Tensor.__new__(Tensor)
        made.data = data
        made._gradient = None
        made.op = op
        made.parents = parents
        made._backward = backward
        made.label = ""
        return made

    def __repr__(self) -> str:
        name = f"{self.label}: " if self.label else ""
        return f"Tensor({name}{self.op or 'leaf'}, shape={self.shape}, {self.data.dtype})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `data`."""
        return self.data.shape

    @property
    def grad(self) -> FloatArray | None:
        """dL/d(data), or None where no gradient has arrived."""
        return self._gradient

    def receive(self, gradient: FloatArray) -> None:
        """Add `gradient`, broadcasting undone, to what has arrived so far."""
        gradient = unbroadcast(gradient, self.data.shape)
        self._gradient = gradient if self._gradient is None else self._gradient + gradient

    def receive_product(self, left: FloatArray, right: FloatArray) -> None:
        """Add the matrix product `left` @ `right`; a parameter writes it straight into its slot."""
        self.receive(np.dot(left, right))

    def receive_sum(self, gradient: FloatArray, weights: FloatArray | None = None) -> None:
        """Add the sum of the rows of a matrix, each times its weight, as what all rows share does."""
        self.receive(gradient.sum(axis=0) if weights is None else np.dot(weights, gradient))

    def zero_grad(self) -> None:
        """Forget the gradients of this node and of everything it was made from."""
        for node in topological_order(self):
            node.clear_gradient()

    def clear_gradient(self) -> None:
        """Forget the gradient of this node alone."""
        self._gradient = None

    def backward(self) -> None:
        """Compute dL/dx for every node x below this scalar L.

        A second call adds to the leaves, as two losses would; inner nodes start afresh, so nothing leaks
        from one call into the next.

        Raises:
            ShapeError: if this node holds more than one number.
        """
        if self.data.size != 1:
            raise ShapeError(
                f"backward() starts from one number; {self!r} holds {self.data.size}: sum it first"
            )
        self.backward_from(np.ones_like(self.data))

    def backward_from(self, gradient: FloatArray) -> None:
        """Go on from dL/d(data) where L was computed elsewhere; otherwise as `backward`."""
        made = topological_order(self, leaves=False)
        for node in made:
            node._gradient = None
        self.receive(gradient)
        try:
            for node in reversed(made):
                arrived, backward = node._gradient, node._backward
                if arrived is not None and backward is not None:
                    backward(arrived)
        finally:
            finish()  # products that a second thread is still at

    # Arithmetic: the forward line, then the gradient with respect to each operand.

    def __add__(self, other: Operand) -> Tensor:
        right = self._operand(other)

        def backward(grad: FloatArray) -> None:
            self.receive(grad)
            right.receive(grad)

        return Tensor.made_by("+", self.data + right.data, (self, right), backward)

    def __sub__(self, other: Operand) -> Tensor:
        right = self._operand(other)

        def backward(grad: FloatArray) -> None:
            self.receive(grad)
            right.receive(-grad)

        return Tensor.made_by("-", self.data - right.data, (self, right), backward)

    def __mul__(self, other: Operand) -> Tensor:
        right = self._operand(other)

        def backward(grad: FloatArray) -> None:
            self.receive(grad * right.data)
            right.receive(grad * self.data)

        return Tensor.made_by("*", self.data * right.data, (self, right), backward)

    def __truediv__(self, other: Operand) -> Tensor:
        right = self._operand(other)
        quotient = self.data / right.data

        def backward(grad: FloatArray) -> None:
            share = grad / right.data
            self.receive(share)
            right.receive(-share * quotient)

        return Tensor.made_by("/", quotient, (self, right), backward)

    def __pow__(self, exponent: float) -> Tensor:
        try:
            n = float(exponent)
        except TypeError as error:
            raise TypeError(
                f"{self!r} ** {exponent!r}: the exponent of a tensor is one fixed number; where a gradient is to "
                "flow into it, write exp(log(base) * exponent)"
            ) from error

        def backward(grad: FloatArray) -> None:
            # x ** 0 is 1 everywhere; by the rule its slope at 0 would be 0 * x ** -1, which is nan
            self.receive(grad * n * self.data ** (n - 1) if n else np.zeros_like(self.data))

        return Tensor.made_by(f"**{n:g}", self.data**n, (self,), backward)

    def __neg__(self) -> Tensor:
        return Tensor.made_by("neg", -self.data, (self,), lambda grad: self.receive(-grad))

    def __matmul__(self, other: Tensor) -> Tensor:
        left, right = self.data, other.data
        if left.ndim < 2 or right.ndim < 2 or left.shape[-1] != right.shape[-2]:
            raise ShapeError(f"{left.shape} @ {right.shape}: the inner sizes differ, or one is not a matrix")

        def backward(grad: FloatArray) -> None:
            self.receive(grad @ right.swapaxes(-1, -2))
            other.receive(left.swapaxes(-1, -2) @ grad)

        return Tensor.made_by("@", left @ right, (self, other), backward)

    def __radd__(self, other: FloatArray | float) -> Tensor:
        return self._operand(other) + self

    def __rsub__(self, other: FloatArray | float) -> Tensor:
        return self._operand(other) - self

    def __rmul__(self, other: FloatArray | float) -> Tensor:
        return self._operand(other) * self

    def __rtruediv__(self, other: FloatArray | float) -> Tensor:
        return self._operand(other) / self

    def _operand(self, other: Operand) -> Tensor:
        """`other` as a tensor of this one's precision."""
        return other if isinstance(other, Tensor) else Tensor(np.asarray(other, dtype=self.data.dtype))
