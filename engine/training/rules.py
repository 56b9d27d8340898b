"""The rules of a recipe: for each ingredient what it is, what it may be, and with what it belongs together.

The command line, the settings pane, every error message and the documentation of a recipe are made from this one
table. It knows names and ranges, not the models and optimizers that go by them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.autograd.activations import ACTIVATIONS
from engine.nn.initialisation import INITIALISERS

Scalar = str | int | float


class RecipeError(ValueError):
    """An ingredient is unknown or out of its range; the message names it, its value and what is allowed."""


@dataclass(frozen=True)
class Rule:
    """What one ingredient may be.

    Attributes:
        kind: its type.
        meaning: what it is, in a few words.
        low, high: the range of a number, both ends included.
        choices: the allowed words, if it is one of a few.
        live: whether it may change while the run goes on.
        group: the heading it stands under in the settings.
        belongs: another ingredient and the choices of it that this one means something to; elsewhere it must be
            left at its default.
    """

    kind: type
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    live: bool = False
    group: str = "model"
    belongs: tuple[str, tuple[str, ...]] | None = None

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is str:
            return "a word"
        if self.kind is int:
            return f"a whole number from {int(self.low)} to {int(self.high)}"
        return f"a number from {self.low:g} to {self.high:g}"

    def read(self, name: str, value: object) -> Scalar:
        """`value` as this ingredient's type.

        Raises:
            RecipeError: if it has another type or lies outside the range.
        """
        refused = RecipeError(f"{name} = {printed(value)}: {self.meaning} must be {self.allowed}")
        if self.kind is str:
            if not isinstance(value, str) or (self.choices and value not in self.choices):
                raise refused
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise refused
        try:
            given = _number(value)
            number = int(given) if self.kind is int else float(given)
        except (ValueError, OverflowError):  # no number, or one that is not finite where that matters
            raise refused from None
        if number != given or not self.low <= number <= self.high:
            raise refused
        return number


def _number(value: float | str) -> float:
    """The number a text stands for; a whole one keeps every digit, as a large seed must."""
    if not isinstance(value, str):
        return value
    try:
        return int(value)
    except ValueError:
        return float(value)


def printed(value: object) -> str:
    """`value` for a message; TOML has integers and nested tables beyond what Python prints."""
    try:
        return str(value)
    except (ValueError, RecursionError):  # the limit of digits; the limit of depth
        return "a value too long to print"


YES_NO = ("no", "yes")
SCALAR = ("scalar-mlp",)
FEED_FORWARD = ("mlp", "scalar-mlp")
RECURRENT = ("rnn", "lstm", "gru")
TRANSFORMER = ("transformer",)
GRADIENT = (*FEED_FORWARD, *RECURRENT, *TRANSFORMER)
"""Models that learn by gradients."""
NGRAMS = ("ngram", "add-k", "katz", "jelinek-mercer", "witten-bell", "kneser-ney")
COUNTING = ("uniform", "unigram", *NGRAMS)
"""Models that count."""

_GRADIENT = ("model", GRADIENT)
_WIDE = ("model", (*FEED_FORWARD, *RECURRENT))
_ADAM = ("optimizer", ("adam", "adamw"))


RULES: Mapping[str, Rule] = {
    "corpus": Rule(str, "the name of a corpus, a path or an address", group="text"),
    "fingerprint": Rule(str, "the text's fingerprint", group="text"),
    "train_share": Rule(float, "the share of the text to train on", 0.01, 1, group="text"),
    "validation_share": Rule(float, "the share held out for validation", 0, 0.99, group="text"),
    "model": Rule(str, "the model", choices=(*GRADIENT, *COUNTING)),
    "order": Rule(
        int, "characters of an n-gram, the predicted one included", 1, 12, belongs=("model", NGRAMS)
    ),
    "add": Rule(float, "what is added to every count", 1e-6, 1000, belongs=("model", ("add-k",))),
    "context": Rule(int, "characters of context", 1, 1024, belongs=_GRADIENT),
    "embedding": Rule(int, "numbers per character", 1, 2048, belongs=_GRADIENT),
    "hidden": Rule(int, "units per hidden layer", 1, 4096, belongs=_WIDE),
    "layers": Rule(int, "hidden layers or blocks", 1, 12, belongs=_GRADIENT),
    "heads": Rule(int, "attention heads", 1, 64, belongs=("model", TRANSFORMER)),
    "positions": Rule(
        str,
        "how a place is told",
        choices=("learned", "sinusoidal", "rotary", "none"),
        belongs=("model", TRANSFORMER),
    ),
    "norm": Rule(str, "layer norm before or after", choices=("pre", "post"), belongs=("model", TRANSFORMER)),
    "activation": Rule(
        str, "the activation", choices=tuple(ACTIVATIONS), belongs=("model", (*FEED_FORWARD, *TRANSFORMER))
    ),
    "initialiser": Rule(str, "the initial weights", choices=tuple(INITIALISERS), belongs=_GRADIENT),
    "forget_bias": Rule(float, "the forget gate's first bias", -10, 10, belongs=("model", ("lstm",))),
    "direct": Rule(
        str, "connections from the embedding to the scores", choices=YES_NO, belongs=("model", ("mlp",))
    ),
    "batchnorm": Rule(str, "batch normalisation", choices=YES_NO, belongs=("model", ("mlp",))),
    "tied": Rule(
        str, "scores by the embedding's own table", choices=YES_NO, belongs=("model", ("mlp", "transformer"))
    ),
    "dropout": Rule(float, "the share of hidden units dropped", 0, 0.9, belongs=_GRADIENT),
    "precision": Rule(str, "the precision", choices=("float32", "float64"), belongs=_GRADIENT),
    "optimizer": Rule(
        str,
        "the optimizer",
        choices=("sgd", "nesterov", "adagrad", "rmsprop", "adam", "adamw"),
        group="training",
        belongs=_GRADIENT,
    ),
    "rate": Rule(float, "the learning rate", 0, 100, live=True, group="training", belongs=_GRADIENT),
    "momentum": Rule(
        float,
        "the momentum",
        0,
        0.999,
        group="training",
        belongs=("optimizer", ("sgd", "nesterov", "rmsprop")),
    ),
    "beta1": Rule(
        float, "how long Adam's average gradient lasts", 0, 0.9999, group="training", belongs=_ADAM
    ),
    "beta2": Rule(
        float, "how long Adam's average square lasts", 0, 0.999999, group="training", belongs=_ADAM
    ),
    "weight_decay": Rule(float, "how weights are drawn to 0", 0, 10, group="training", belongs=_GRADIENT),
    "batching": Rule(
        str,
        "how examples are drawn",
        choices=("windows", "blocks", "streams"),
        group="training",
        belongs=_GRADIENT,
    ),
    "batch": Rule(int, "examples per step", 1, 4096, live=True, group="training", belongs=_GRADIENT),
    "clip_norm": Rule(
        float, "the largest gradient norm (0: off)", 0, 1e6, live=True, group="training", belongs=_GRADIENT
    ),
    "clip_value": Rule(
        float, "the largest gradient entry (0: off)", 0, 1e6, live=True, group="training", belongs=_GRADIENT
    ),
    "schedule": Rule(
        str,
        "the schedule of the rate",
        choices=("constant", "step", "linear", "cosine", "inverse-sqrt"),
        group="training",
        belongs=_GRADIENT,
    ),
    "warmup": Rule(int, "steps of warm-up", 0, 10_000_000, group="training", belongs=_GRADIENT),
    "steps": Rule(
        int,
        "steps until the rate is lowest",
        1,
        1_000_000_000,
        group="training",
        belongs=("schedule", ("linear", "cosine")),
    ),
    "floor": Rule(
        float,
        "the lowest rate, as a share",
        0,
        1,
        group="training",
        belongs=("schedule", ("linear", "cosine")),
    ),
    "drop_every": Rule(
        int, "steps from drop to drop", 1, 10_000_000, group="training", belongs=("schedule", ("step",))
    ),
    "drop_factor": Rule(
        float, "what a drop multiplies the rate by", 0, 1, group="training", belongs=("schedule", ("step",))
    ),
    "seed": Rule(int, "the seed", 0, 2**63 - 1, group="training"),
    "stop_steps": Rule(int, "steps to stop after (0: never)", 0, 1_000_000_000, group="stopping"),
    "stop_seconds": Rule(float, "seconds of training to stop after (0: never)", 0, 1e9, group="stopping"),
    "stop_loss": Rule(float, "nats of loss to stop at (0: never)", 0, 100, group="stopping"),
    "patience": Rule(
        int, "validations without a better one to stop after (0: off)", 0, 10_000, group="stopping"
    ),
    "validate_every": Rule(
        int, "steps between validations (0: whenever there is time)", 0, 10_000_000, group="stopping"
    ),
}
