"""Value: one number that remembers how it was made, so that gradients can flow back through it.

Each operation stands on a line with its slopes: the derivative of the result with respect to each parent,
worked out right there, while the operands are at hand. `backward` is then a single rule for all operations:
parent.grad += slope * grad, from the last node to the first.

Made for looking at: a node is a number a person can point to. It knows no arrays (see `tensor.py`), and an
operation with no finite result or slope is refused where it happens rather than carried on as an infinity.
Only the four rules of arithmetic may overflow to an infinity, as floats do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from operator import mul
from typing import TypeAlias

from engine.autograd.errors import DomainError, ShapeError
from engine.autograd.graph import topological_order

Operand: TypeAlias = "Value | float"

_blank = object.__new__  # a node without the detour through __init__

# Shared by every sum and difference: the slopes of x + y and x - y never change.
_SUM_SLOPES = (1.0, 1.0)
_DIFFERENCE_SLOPES = (1.0, -1.0)
_NEGATION_SLOPES = (-1.0,)


class Value:
    """A node of the computation graph over single numbers.

    Arguments:
        data: the number.
        label: a name for people, such as "w0".

    Attributes:
        data: the number.
        grad: dL/d(data) after L.backward().
        op: the operation that made it, "" for a leaf.
        parents: the operands, in order; one that is used twice stands there twice.
        slopes: d(data)/d(parent), one for each of `parents`.
        label: a name for people.
    """

    __slots__ = ("data", "grad", "label", "op", "parents", "slopes")

    # numpy would otherwise take its own scalars' operators for itself
    __array_ufunc__ = None

    def __init__(self, data: float, label: str = "") -> None:
        self.data = float(data)  # an int or a numpy scalar may come
        self.grad = 0.0
        self.op = ""
        self.parents: tuple[Value, ...] = ()
        self.slopes: tuple[float, ...] = ()
        self.label = label

    @classmethod
    def made_by(cls, op: str, data: float, parents: tuple[Value, ...], slopes: tuple[float, ...]) -> Value:
        """The result of an operation: `slopes` are its derivatives with respect to `parents`."""
        made = _blank(Value)
        made.data = data
        made.grad = 0.0
        made.op = op
        made.parents = parents
        made.slopes = slopes
        made.label = ""
        return made

    def __repr__(self) -> str:
        label = f"{self.label!r}, " if self.label else ""
        made_by = f", op={self.op!r}" if self.op else ""
        return f"Value({label}data={self.data!r}, grad={self.grad!r}{made_by})"

    @property
    def shape(self) -> tuple[int, ...]:
        """(): one number."""
        return ()

    def backward(self) -> None:
        """Compute dL/dx for every node x below this one, L.

        A second call adds to the leaves, as two losses would; inner nodes start afresh, so nothing leaks
        from one call into the next.
        """
        order = topological_order(self, leaves=False)
        for node in order:
            node.grad = 0.0
        self.grad += 1.0
        for node in reversed(order):
            grad, parents, slopes = node.grad, node.parents, node.slopes
            if not grad:  # a zero, as behind a closed ReLU, has nothing to hand on
                continue
            if len(parents) == 2:  # the case by far the most frequent, at half the cost of the loop
                left, right = parents
                left.grad += slopes[0] * grad
                right.grad += slopes[1] * grad
            else:
                for parent, slope in zip(parents, slopes, strict=False):  # strict would cost a fifth
                    parent.grad += slope * grad

    def zero_grad(self) -> None:
        """Set the gradients of this node and of everything it was made from to zero."""
        for node in topological_order(self):
            node.grad = 0.0

    # Arithmetic: the number, the operands, the slope with respect to each. Sums and products are nine nodes
    # of ten in a network, so these two make theirs in line and save a call: two thirds of the time.

    def __add__(self, other: Operand) -> Value:
        right = other if isinstance(other, Value) else _leaf(other)
        made = _blank(Value)
        made.data = self.data + right.data
        made.grad = 0.0
        made.op = "+"
        made.parents = (self, right)
        made.slopes = _SUM_SLOPES
        made.label = ""
        return made

    def __mul__(self, other: Operand) -> Value:
        right = other if isinstance(other, Value) else _leaf(other)
        x, y = self.data, right.data
        made = _blank(Value)
        made.data = x * y
        made.grad = 0.0
        made.op = "*"
        made.parents = (self, right)
        made.slopes = (y, x)
        made.label = ""
        return made

    def __sub__(self, other: Operand) -> Value:
        right = other if isinstance(other, Value) else _leaf(other)
        return Value.made_by("-", self.data - right.data, (self, right), _DIFFERENCE_SLOPES)

    def __truediv__(self, other: Operand) -> Value:
        right = other if isinstance(other, Value) else _leaf(other)
        if right.data == 0:
            raise DomainError(f"{self.data!r} / 0: the divisor is {_describe(right)}; keep it away from 0")
        quotient = self.data / right.data
        return Value.made_by("/", quotient, (self, right), (1 / right.data, -quotient / right.data))

    def __pow__(self, exponent: Operand) -> Value:
        """The power; a whole number as the exponent, not as a Value, also takes a negative base."""
        if not isinstance(exponent, Value):
            n = _leaf(exponent).data
            power, slope = _power(self, n)
            return Value.made_by(f"**{n:g}", power, (self,), (slope,))
        power, slope = _power(self, exponent.data)
        return Value.made_by("**", power, (self, exponent), (slope, _exponent_slope(self, exponent, power)))

    def __neg__(self) -> Value:
        return Value.made_by("neg", -self.data, (self,), _NEGATION_SLOPES)

    def __radd__(self, other: float) -> Value:
        return _leaf(other) + self

    def __rsub__(self, other: float) -> Value:
        return _leaf(other) - self

    def __rmul__(self, other: float) -> Value:
        return _leaf(other) * self

    def __rtruediv__(self, other: float) -> Value:
        return _leaf(other) / self

    def __rpow__(self, base: float) -> Value:
        return _leaf(base) ** self

    # Functions, with f' written in what the forward line already has.

    def exp(self) -> Value:
        """e^x.

        Raises:
            DomainError: where the result is too large for a float (x above 709.78).
        """
        try:
            result = math.exp(self.data)
        except OverflowError:
            raise DomainError(
                f"exp({self.data!r}) is too large for a float; its operand is {_describe(self)}; "
                "subtract the largest operand first, as a stable softmax does"
            ) from None
        return Value.made_by("exp", result, (self,), (result,))

    def log(self) -> Value:
        """The natural logarithm.

        Raises:
            DomainError: unless x > 0.
        """
        if not self.data > 0:
            raise DomainError(
                f"log({self.data!r}): only a positive number has a logarithm; "
                f"its operand is {_describe(self)}; keep it above 0"
            )
        return Value.made_by("log", math.log(self.data), (self,), (1 / self.data,))

    def tanh(self) -> Value:
        """The hyperbolic tangent."""
        result = math.tanh(self.data)
        return Value.made_by("tanh", result, (self,), (1 - result * result,))

    def sigmoid(self) -> Value:
        """1 / (1 + e^-x), written in e^-|x| so that neither end overflows or cancels."""
        small = math.exp(-abs(self.data))
        result = 1 / (1 + small) if self.data >= 0 else small / (1 + small)
        return Value.made_by("sigmoid", result, (self,), (small / (1 + small) ** 2,))

    def relu(self) -> Value:
        """max(x, 0); its slope at 0 is taken as 0. A NaN stays one."""
        closed = self.data <= 0
        return Value.made_by("relu", 0.0 if closed else self.data, (self,), (0.0,) if closed else (1.0,))


def dot(weights: Sequence[Value], inputs: Sequence[Value], bias: Value) -> Value:
    """The sum bias + weight * input + ... as one node: what a neuron computes before its activation.

    Its parents are all weights, then all inputs, then the bias. A network takes a third of the time it takes
    with the same sums written out, a node a product.

    Raises:
        ShapeError: if there are not as many weights as inputs.
    """
    if len(weights) != len(inputs):
        raise ShapeError(f"dot of {len(weights)} weights and {len(inputs)} inputs: give one weight an input")
    w = [weight.data for weight in weights]
    x = [value.data for value in inputs]
    return Value.made_by("dot", sum(map(mul, w, x), bias.data), (*weights, *inputs, bias), (*x, *w, 1.0))


def _leaf(number: float) -> Value:
    """A plain number as a node of the graph."""
    if not isinstance(number, (int, float, Real)):  # Real takes numpy's scalars; it comes last, being slow
        raise TypeError(
            f"a Value computes with numbers and Values, not with {type(number).__name__}: {number!r}"
        )
    return Value(number)


def _power(base: Value, n: float) -> tuple[float, float]:
    """x^n and its slope with respect to x, n x^(n-1)."""
    x = base.data
    if x < 0 and not n.is_integer():
        raise DomainError(
            f"{x!r} ** {n!r}: a negative base takes whole exponents only; the base is {_describe(base)}"
        )
    if x == 0 and n < 0:
        raise DomainError(f"0 ** {n!r} divides by zero; the base is {_describe(base)}")
    if x == 0 and 0 < n < 1:
        raise DomainError(f"0 ** {n!r} has an infinite slope; the base is {_describe(base)}; keep it above 0")
    try:
        return float(x**n), float(n * x ** (n - 1)) if n else 0.0
    except OverflowError:
        raise DomainError(
            f"{x!r} ** {n!r} or its slope is too large for a float; the base is {_describe(base)}"
        ) from None


def _exponent_slope(base: Value, exponent: Value, power: float) -> float:
    """d/dy of x^y, x^y ln x; along x = 0 the power is constant for y > 0."""
    x, y = base.data, exponent.data
    if x > 0:
        return power * math.log(x)
    if x == 0 and y > 0:
        return 0.0
    raise DomainError(
        f"{x!r} ** {y!r} has no slope with respect to its exponent, {_describe(exponent)}; "
        "write the exponent as a plain number, or keep the base above 0"
    )


def _describe(node: Value) -> str:
    """A node in the words of an error message: its label, its value and where it came from."""
    name = f"{node.label!r} = {node.data!r}" if node.label else repr(node.data)
    return f"{name} (made by {node.op})" if node.op else f"{name} (a leaf)"
