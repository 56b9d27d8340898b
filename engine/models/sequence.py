"""Models that read a sequence from left to right and predict at every place: recurrent networks, the Transformer.

What they share beyond the promise of every model: their batches have a target at every place, and any text of one
character or more will do as a prompt.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from corpora.vocabulary import IdArray
from engine.models.language_model import Forward, GradientModel


class SequenceModel(GradientModel):
    """A gradient model over sequences of `context` characters.

    Attributes:
        context: T, the characters of a training example.
        pad: id of the character an empty text is taken to begin with.
    """

    everywhere: ClassVar[bool] = True
    context_needed = 1
    context: int
    pad: int

    @abstractmethod
    def without_noise(self, contexts: IdArray) -> Forward:
        """A forward pass from the beginning of a text that drops nothing and leaves no trace in the model."""

    def begun(self, context: IdArray) -> IdArray:
        """`context`, or the padding character alone where it is empty, (T,), T at least 1."""
        return context if len(context) else np.array([self.pad], dtype=context.dtype)

    def logits(self, context: IdArray) -> NDArray[np.floating]:
        """Log-scores for the character after `context`, (T,) for any T -> (V,)."""
        return self.start(context).logits
