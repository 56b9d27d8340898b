"""The presets that the settings offer, each with a name and a key of its own.

What it does not know: what a preset sets; `engine.models.presets` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.models.presets import COURSE, STANDARD, TINY, preset
from engine.training.rules import Scalar


@dataclass(frozen=True)
class Offer:
    """A preset one may take.

    Attributes:
        label: what it is called.
        key: that takes it.
        purpose: what it is good for, a sentence.
        preset: its name among those of its model.
        model: whose preset it is; "" for the model that is chosen.
    """

    label: str
    key: str
    purpose: str
    preset: str
    model: str = ""

    def values(self, chosen: str) -> dict[str, Scalar]:
        """What it sets while the model of this name is chosen."""
        return preset(self.model or chosen, self.preset)


OFFERS = (
    Offer("course", "f2", "the model of the course: 8 characters, two layers of 128", COURSE, "mlp"),
    Offer("tiny", "f3", "the chosen model, small enough to follow every number", TINY),
    Offer("standard", "f4", "the chosen model, large enough to learn a text well within minutes", STANDARD),
)
