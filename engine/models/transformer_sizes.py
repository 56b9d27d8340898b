"""The shape of a Transformer: what it may be, and what it computes, in the notation of its papers."""

from __future__ import annotations

from dataclasses import dataclass

from engine.autograd.activations import ACTIVATIONS
from engine.nn.positions import POSITIONS

NORMS = ("pre", "post")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The shape of a Transformer: V, T, E, h and how many blocks, with what is in them.

    Raises:
        ValueError: if the heads do not divide the width, a rotated head has an odd size or a choice is unknown.
    """

    vocabulary: int
    context: int = 64
    embedding: int = 128
    heads: int = 4
    layers: int = 4
    positions: str = "learned"
    norm: str = "pre"
    activation: str = "gelu"
    tied: bool = True
    dropout: float = 0.0
    initialiser: str = "normal"

    def __post_init__(self) -> None:
        if self.heads < 1 or self.embedding % self.heads:
            whole = [n for n in range(1, min(self.embedding, 16) + 1) if self.embedding % n == 0]
            raise ValueError(
                f"heads = {self.heads} does not divide embedding = {self.embedding}; "
                f"choose one of {', '.join(map(str, whole))}, or another embedding"
            )
        if self.positions == "rotary" and self.head_size % 2:
            raise ValueError(
                f"positions = 'rotary' turns pairs, but embedding = {self.embedding} over heads = {self.heads} "
                f"makes heads of {self.head_size}; choose an even size, or other positions"
            )
        for name, value, known in (
            ("positions", self.positions, POSITIONS),
            ("norm", self.norm, NORMS),
            ("activation", self.activation, tuple(ACTIVATIONS)),
        ):
            if value not in known:
                raise ValueError(f"{name} = {value!r} is unknown; choose one of {', '.join(known)}")

    @property
    def head_size(self) -> int:
        """D."""
        return self.embedding // self.heads

    def formulas(self) -> dict[str, str]:
        """How each stage computes its output; a block's attention weights are a stage of their own before it."""
        before, after = ("LN(x)", "LN(y)") if self.norm == "pre" else ("x", "y")
        place = {
            "learned": "x = e(c) + p(t)",
            "sinusoidal": f"x = √{self.embedding} e(c) + [sin(t/10000^(2i/{self.embedding})); cos(...)]",
        }.get(self.positions, "x = e(c)")
        turned = " with Q, K turned by t/10000^(2i/D)" if self.positions == "rotary" else ""
        weights = f"A = softmax(Q Kᵀ/√{self.head_size} + mask){turned}, [Q; K; V] = W {before} + b"
        several = "; ...; " if self.heads > 2 else "; "
        gathered = f"[A1 V1{several}A{self.heads} V{self.heads}]" if self.heads > 1 else "A V"
        thought = f"W2 {self.activation}(W1 {after} + b1) + b2"
        block = (
            f"y = x + Wo {gathered} + bo, x' = y + {thought}"
            if self.norm == "pre"
            else f"y = LN(x + Wo {gathered} + bo), x' = LN(y + {thought})"
        )
        told = {"embedding": place}
        for layer in range(self.layers):
            told |= {f"block.{layer}.attention": weights, f"block.{layer}": block}
        table, last = "e" if self.tied else "W", "LN(x)" if self.norm == "pre" else "x"
        return {**told, "logits": f"z = {table} {last}"}
