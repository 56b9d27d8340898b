"""What the automatic differentiation refuses to compute, and why: a domain or a shape."""

from __future__ import annotations


class DomainError(ArithmeticError):
    """A number outside a function's domain, such as 0 for the logarithm, or a result too large to hold."""


class ShapeError(ValueError):
    """The shapes of two arrays do not go together."""
