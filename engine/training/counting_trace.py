"""The trace of a step of a model that counts: what it expected of the characters that were new to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.information import softmax
from engine.snapshot import Layer, Phase, Trace
from engine.training.counting_trainer import CountingTrainer
from engine.training.trace import Floats, Tracer


class CountingTracer(Tracer):
    """Watches a model that counts; the example is the first of the new characters."""

    def __init__(self, trainer: CountingTrainer) -> None:
        self._trainer = trainer
        super().__init__(
            trainer,
            {
                None: self._draw,
                Phase.DRAW: self._forward,
                Phase.FORWARD: self._loss,
                Phase.LOSS: self._update,
            },
        )

    def _forward(self, trace: Trace | None) -> Trace:
        trainer, trace = self._trainer, self._begun(trace)
        trainer.forward()
        context = np.array(trace.example.context, dtype=trainer.corpus.ids.dtype)
        *inner, (_, scores) = trainer.model.probe(context).items()
        layers = tuple(
            Layer(
                name.replace(".", " "),
                _meaning(name),
                f"({values.size},)",
                _floats(values),
                None,
            )
            for name, values in inner
        )
        logits = _floats(scores)
        return replace(trace, done=Phase.FORWARD, layers=layers, logits=logits, probabilities=softmax(logits))

    def _update(self, trace: Trace | None) -> Trace:
        trainer, trace = self._trainer, self._begun(trace)
        before = self._likelihood(trace)
        trainer.update()
        return replace(trace, done=Phase.UPDATE, before=before, after=self._likelihood(trace))

    def _likelihood(self, trace: Trace) -> float:
        """The probability of the example's character as the model stands now."""
        context = np.array(trace.example.context, dtype=self._trainer.corpus.ids.dtype)
        return float(softmax(self._trainer.model.logits(context))[trace.example.target])


def _meaning(name: str) -> str:
    """What one of the arrays of a counting model's `probe` is."""
    kind, _, length = name.partition(".")
    if kind == "counts":
        return f"c(h, ·): what followed the last {int(length) - 1} characters, and how often"
    if kind == "distribution":
        return "P(·) = 1/V" if length == "0" else f"P(· | h): all n-grams up to length {length} together"
    return "what each length leaves to the shorter one, 1 where its context is new"


def _floats(values: NDArray[np.floating]) -> Floats:
    return values.astype(np.float64)
