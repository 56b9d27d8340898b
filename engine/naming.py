"""How people call the layers and arrays of a model."""

from __future__ import annotations


def layer_name(name: str) -> str:
    """A layer's or an array's name as people count and write: "hidden.0.weight" is "hidden 1 weight"."""
    return " ".join(
        str(int(part) + 1) if part.isdecimal() else part.replace("_", " ") for part in name.split(".")
    )
