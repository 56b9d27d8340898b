"""Snapshot: a frozen picture of a run for somebody else's eyes.

Everything here is immutable and every array a copy that is never written again, so a pane on another thread
may read it at leisure. Losses and norms are per character in nats; a number that is not known is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpora.corpus import Corpus
from engine.commands import Command, Generate, Rival
from engine.training.recipe import Recipe


class Status(StrEnum):
    """What the engine is doing."""

    EMPTY = "no text"
    PAUSED = "paused"
    RUNNING = "running"
    STOPPED = "stopped"
    """Stopped by trouble: the last step was not applied; rewinding or a new start goes on from here."""


class Phase(StrEnum):
    """The parts of one training step, in their order."""

    DRAW = "draw"
    FORWARD = "forward"
    LOSS = "loss"
    BACKWARD = "backward"
    UPDATE = "update"


@dataclass(frozen=True)
class Remedy:
    """A way out of a trouble: what it is, in a few words, and the commands that carry it out."""

    label: str
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Trouble:
    """Something went wrong; nothing was lost.

    Attributes:
        title: what, in a few words.
        message: where and why, with the numbers.
        remedies: what can be done now.
        step: the step at which it happened.
    """

    title: str
    message: str
    remedies: tuple[Remedy, ...]
    step: int


@dataclass(frozen=True)
class ParameterGroup:
    """One array of parameters, a row of the table."""

    name: str
    shape: tuple[int, ...]
    formula: str
    """How the count comes about, such as "256 x 128"."""

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class Example:
    """One training example and where it stands in the text.

    Attributes:
        position: index in the corpus of the first character of the context.
        context: ids, (C,).
        target: id of the character to predict, which stands at position + C.
    """

    position: int
    context: tuple[int, ...]
    target: int


@dataclass(frozen=True)
class Losses:
    """The course of the training loss: a row a recorded step, thinned where it is long ago.

    Attributes:
        steps: the step each row belongs to, ascending, (N,) int64; step 1 is the first.
        raw: mean loss of that step's batch, nats, (N,).
        smoothed: exponential moving average of all steps up to there, nats, (N,).
        validation_steps, validation: the same for the whole validation split, (M,).
    """

    steps: NDArray[np.int64]
    raw: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    validation_steps: NDArray[np.int64]
    validation: NDArray[np.float64]


@dataclass(frozen=True)
class NextCharacter:
    """What the model expects after a context.

    Attributes:
        context: ids, as given to the model (padded to its length).
        logits: raw scores, (V,) float64.
        target: id of the true next character, None for a context that a person typed.
        note: what had to be done to the typed context (padding, replaced characters), or why it was refused.
    """

    context: tuple[int, ...]
    logits: NDArray[np.float64]
    target: int | None
    note: str = ""


@dataclass(frozen=True)
class RivalView:
    """A counting model that has read the training part, beside the model that learns.

    Attributes:
        rival: which.
        loss: over the validation split, nats per character; None while it is not known.
        log_probabilities: of the character after the context of `next_character`, nats, (V,), -inf for impossible;
            None until the model has read the text.
    """

    rival: Rival
    loss: float | None
    log_probabilities: NDArray[np.float64] | None


@dataclass(frozen=True)
class Layer:
    """What one stage of the model did with the example.

    Attributes:
        name: of the stage, such as "hidden.0".
        formula: in the notation of the field, such as "h1 = relu(W1 x + b1)".
        shapes: such as "(128, 256) (128,) -> (128,)".
        values: the stage's output at the end of this example, (n,), or (h, T) where it is how much each of h heads
            looks at each character of the context.
        dead: share of units that are exactly zero, None where that means nothing.
    """

    name: str
    formula: str
    shapes: str
    values: NDArray[np.float64]
    dead: float | None


@dataclass(frozen=True)
class Trace:
    """One example on its way through the phases of a step; what has not happened yet is None or empty.

    Attributes:
        step: number of the step under way, the first is 1.
        done: the last phase that is done.
        example: the first example of the batch.
        batch: how many examples the batch has.
        layers: from the first stage to the last before the scores.
        logits, probabilities: the output after this example's last character, (V,).
        loss: of this example's target, nats.
        batch_loss: mean over all targets of the batch, nats.
        gradient_norms: (name, norm of dL/d(parameter)) a group, before clipping.
        gradient_norm: of all parameters together, before clipping.
        clipped: what clipping did, in words, "" if nothing.
        ratios: (name, norm of the update over norm of the weight) a group, None where the weight is all zero.
        rate: the learning rate of this step.
        before, after: probability of the true character before and after the update.
    """

    step: int
    done: Phase
    example: Example
    batch: int
    layers: tuple[Layer, ...] = ()
    logits: NDArray[np.float64] | None = None
    probabilities: NDArray[np.float64] | None = None
    loss: float | None = None
    batch_loss: float | None = None
    gradient_norms: tuple[tuple[str, float], ...] = ()
    gradient_norm: float | None = None
    clipped: str = ""
    ratios: tuple[tuple[str, float | None], ...] = ()
    rate: float | None = None
    before: float | None = None
    after: float | None = None


class SampleState(StrEnum):
    """How far a text is."""

    WRITING = "writing"
    DONE = "done"
    STOPPED = "stopped"
    REFUSED = "refused"


@dataclass(frozen=True)
class Sample:
    """A text the model wrote.

    Attributes:
        number: 1 for the first of the session.
        step: the step of the run at which the model stood.
        request: what was asked for.
        text: what has been written so far, without the prompt.
        surprises: bits for each written character under the model itself (temperature 1), as long as `text`.
        note: padding or replaced characters, or why it was refused.
        author: the model's name in recipes.
    """

    number: int
    step: int
    request: Generate
    state: SampleState
    text: str = ""
    surprises: tuple[float, ...] = ()
    note: str = ""
    author: str = ""


@dataclass(frozen=True)
class Kept:
    """Where a run is kept, and how far.

    Attributes:
        folder: its folder, absolute.
        step: at which it was saved last.
        trouble: why it could not be saved lately, "" if it could.
    """

    folder: Path
    step: int
    trouble: str = ""


@dataclass(frozen=True)
class SetAside:
    """A run that had to make room and waits in memory.

    Attributes:
        recipe: its recipe.
        step: steps made.
        seconds: spent on training.
        kept: whether it is kept in a folder, too; not if it could not be saved when it was set aside.
    """

    recipe: Recipe
    step: int
    seconds: float
    kept: bool


@dataclass(frozen=True)
class Snapshot:
    """The state of the engine at one moment.

    Attributes:
        version: grows with every picture taken; equal versions are equal snapshots.
        status: what the engine does.
        corpus, recipe: the text and the choices of the run, None before the first start.
        current: the recipe as it stands at this step, with the changes so far carried out.
        borders: where the splits begin and end in the corpus: (0, train end, validation end, length).
        step: training steps made.
        epoch: passes over the training examples, fractional.
        seconds: time spent training.
        steps_per_second: over the last half second or more, None while paused.
        rewindable: how many steps back memory reaches now.
        rewind_limit: how many steps it can reach with this model.
        phases: the parts of a step of this model, in their order.
        parameters: the parameter table.
        formulas: (stage, how it computes its output), from the input to the scores; none of a model that counts.
        example: the last example drawn, None before the first step.
        next_character: the distribution to show.
        rivals: the counting models it is compared with, in the order they were asked for.
        trace: the step under way or just made by hand.
        samples: newest last.
        kept: where the run is kept, None if it is not.
        set_aside: the runs that can be brought back, the next one last.
        trouble: what stopped the run.
        notice: what the engine did or refused lately, a sentence.
        notice_number: grows with every notice.
    """

    version: int = 0
    status: Status = Status.EMPTY
    corpus: Corpus | None = None
    recipe: Recipe | None = None
    current: Recipe | None = None
    borders: tuple[int, int, int, int] = (0, 0, 0, 0)
    step: int = 0
    epoch: float = 0.0
    seconds: float = 0.0
    steps_per_second: float | None = None
    rewindable: int = 0
    rewind_limit: int = 0
    phases: tuple[Phase, ...] = tuple(Phase)
    parameters: tuple[ParameterGroup, ...] = ()
    formulas: tuple[tuple[str, str], ...] = ()
    example: Example | None = None
    losses: Losses | None = None
    next_character: NextCharacter | None = None
    rivals: tuple[RivalView, ...] = ()
    trace: Trace | None = None
    samples: tuple[Sample, ...] = field(default=())
    kept: Kept | None = None
    set_aside: tuple[SetAside, ...] = ()
    trouble: Trouble | None = None
    notice: str = ""
    notice_number: int = 0
