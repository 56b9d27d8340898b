"""Reverse-mode automatic differentiation: on one number (`value`) and on arrays (`tensor`)."""
