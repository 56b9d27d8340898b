"""What can be asked of the engine thread, each wish a small frozen object."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from corpora.corpus import Corpus
from engine.sampling import Sampling, UnknownPolicy
from engine.training.recipe import Recipe
from engine.training.rules import Scalar


@dataclass(frozen=True)
class Start:
    """Begin a new run: this recipe on this text. The run before it is set aside."""

    recipe: Recipe
    corpus: Corpus


@dataclass(frozen=True)
class Resume:
    """Go on with the run that is kept in a folder. The run before it is set aside.

    Attributes:
        folder: where it is kept.
        corpus: its text.
    """

    folder: Path
    corpus: Corpus


@dataclass(frozen=True)
class BringBack:
    """Go on with the run that was set aside last; the present one is set aside, behind the others."""


@dataclass(frozen=True)
class Keep:
    """Save the run, now and from now on, in a folder; one that is kept already is only saved now.

    Attributes:
        folder: empty or not there yet; None for a new one where runs are kept.
    """

    folder: Path | None = None


@dataclass(frozen=True)
class KeepAll:
    """Save every run that has made a step, those set aside as well; those not kept yet, where runs are kept.

    Attributes:
        new: whether those not kept yet begin to be.
    """

    new: bool = True


@dataclass(frozen=True)
class Run:
    """Train at full speed, for `steps` steps or until told to pause."""

    steps: int | None = None


@dataclass(frozen=True)
class Pause:
    """Stop after the step that is under way."""


@dataclass(frozen=True)
class Step:
    """Finish the step under way, or make `count` whole steps, and keep the trace of the last."""

    count: int = 1


@dataclass(frozen=True)
class NextPhase:
    """Do one phase: draw, forward, loss, backward or update."""


@dataclass(frozen=True)
class Rewind:
    """Go back `steps` steps, as far as memory reaches; 0 abandons the phases of an unfinished step."""

    steps: int = 1


@dataclass(frozen=True)
class ReturnTo:
    """Go back to where `step` steps were made, or as far as memory reaches; there is no way forward."""

    step: int


@dataclass(frozen=True)
class Alter:
    """Turn an ingredient that may change during a run (rate, batch, clip_norm, clip_value)."""

    name: str
    value: Scalar


@dataclass(frozen=True)
class Ask:
    """What comes after `context`? None: follow the current example again."""

    context: str | None


@dataclass(frozen=True)
class Rival:
    """A counting model to compare with.

    Attributes:
        model: its name in the catalog.
        order: of its n-grams; 1 for those that have none.
    """

    model: str
    order: int

    def __str__(self) -> str:
        return self.model if self.model in ("uniform", "unigram") else f"{self.model} {self.order}"


@dataclass(frozen=True)
class Compare:
    """Let these counting models read the training part, and show what they expect beside the model's own view.

    Attributes:
        rivals: all that are to be shown from now on; those there already stay as they are.
    """

    rivals: tuple[Rival, ...]


@dataclass(frozen=True)
class Generate:
    """Write a text with the model as it stands now.

    Attributes:
        prompt: the text to go on from; may be shorter than the model's context.
        length: characters to write.
        sampling: temperature, top-k, top-p.
        seed: of the random numbers; the same model and seed write the same text.
        unknown: what to do with prompt characters the vocabulary does not have.
    """

    prompt: str
    length: int
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    unknown: UnknownPolicy = UnknownPolicy.REFUSE


@dataclass(frozen=True)
class StopGenerating:
    """End the text that is being written; what stands already is kept."""


@dataclass(frozen=True)
class TurnSampling:
    """Write the rest of the text under way, if there is one, with another temperature, top-k or top-p."""

    sampling: Sampling


Command = (
    Start
    | Resume
    | BringBack
    | Keep
    | KeepAll
    | Run
    | Pause
    | Step
    | NextPhase
    | Rewind
    | ReturnTo
    | Alter
    | Ask
    | Compare
    | Generate
    | StopGenerating
    | TurnSampling
)
