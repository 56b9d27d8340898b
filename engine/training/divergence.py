"""A loss or gradient that is not finite: where it began, why it probably did, and what can be done."""

from __future__ import annotations

import math

import numpy as np

from engine.autograd.recurrent import Reading
from engine.autograd.tensor import Tensor
from engine.commands import Alter, Rewind
from engine.models.language_model import Batch, Forward, GradientModel
from engine.naming import layer_name
from engine.snapshot import Remedy, Trouble

RETREAT = 100
"""Steps to go back, or as far as memory reaches: the step that fails is seldom the one that did the harm."""


class Diverged(ArithmeticError):
    """The step was stopped before its update; the parameters are as they were.

    Attributes:
        trouble: what to show.
    """

    def __init__(self, what: str, where: str, step: int, *, rate: float, chosen_rate: float) -> None:
        lower = chosen_rate / 10  # what one chooses is the schedule's peak, not the rate of this step
        retreat = min(RETREAT, step - 1)
        self.trouble = Trouble(
            title="The run diverged",
            message=(
                f"step {step}: {what}; it began in {where}. The update was not applied. Likely causes: a learning "
                f"rate that is too high (it is {rate:g}), a large gradient that nothing clipped, or weights that "
                "earlier steps had already blown up."
            ),
            remedies=(
                Remedy(f"go back {retreat} steps", (Rewind(retreat),)),
                Remedy(
                    f"go back and lower the learning rate to {lower:.3g}",
                    (Rewind(retreat), Alter("rate", lower)),
                ),
                Remedy("go back and clip the gradient norm at 1", (Rewind(retreat), Alter("clip_norm", 1.0))),
            ),
            step=step,
        )
        super().__init__(self.trouble.message)


def _is_finite(made: object) -> bool:
    """Whether what a stage gave is finite: a tensor, what a recurrent layer read, or rows of single numbers."""
    if isinstance(made, Tensor | Reading):
        return bool(np.isfinite(made.data if isinstance(made, Tensor) else made.hidden).all())
    assert isinstance(made, list)
    return all(math.isfinite(number.data) for row in made for number in row)


def blame(model: GradientModel, batch: Batch, forward: Forward) -> str:
    """The first place, in the order of the computation, where a number is not finite.

    Weights come before activations, since they spoil them; gradients come last, from the output backwards.
    """
    parameters = model.parameters
    for group in parameters.groups:
        if not np.isfinite(group.of(parameters.values)).all():
            return f"the array {layer_name(group.name)}"
    for stages in zip(*(part.stages for part in forward.passes), strict=True):
        stage, _ = stages[0]
        if not all(_is_finite(made) for _, made in stages):
            return f"the output of {layer_name(stage)}"
    gradient = parameters.gradient()
    for group in reversed(parameters.groups):
        if not np.isfinite(group.of(gradient)).all():
            return f"the gradient of {layer_name(group.name)}"
    return "the loss itself"
