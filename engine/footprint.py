"""What a run would need: how many parameters, and how many bytes, known before anything is made.

The parameters are counted exactly. The bytes are an estimate: the vectors as long as the parameters that a run
keeps, its memory of the past, and the numbers that a step's forward pass keeps for its backward pass. A run that
would not fit into the memory that the machine has left is refused before it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from engine.autograd.gru import GRUReading
from engine.autograd.lstm import LSTMReading
from engine.autograd.recurrent import Reading
from engine.autograd.rnn import RNNReading
from engine.training.optimizers import optimizer
from engine.training.recipe import Recipe
from engine.training.rewind import BUDGET, STRIDE, Past
from engine.training.rules import COUNTING, RECURRENT, RecipeError

VALUE_BYTES = 500
"""Of one number of the scalar model: the object, its floats, its place in lists, and the graph's node on it."""
COUNT_BYTES = 100
"""Of one character that a counting model reads, for each order: sorting included (measured: 40 to 90)."""
CELLS: Mapping[str, type[Reading]] = {"rnn": RNNReading, "gru": GRUReading, "lstm": LSTMReading}
WORKING_VECTORS = 8
"""As long as the parameters: these, the gradients of both halves, what each makes ready of the weights of gates,
scratch, copies to validate and to write."""


def parameter_count(recipe: Recipe, vocabulary: int) -> int:
    """How many parameters the model of `recipe` has; 0 for one that counts, whose numbers depend on the text.

    Arguments:
        vocabulary: V, characters.
    """
    v, e, h = vocabulary, recipe.embedding, recipe.hidden
    if recipe.model in COUNTING:
        return 0
    if recipe.model in RECURRENT:
        inputs = (e, *[h] * (recipe.layers - 1))
        shapes = [shape for below in inputs for shape in CELLS[recipe.model].shapes(below, h).values()]
        cells = sum(rows * columns for rows, columns in shapes)
        return v * e + cells + h * v + v
    if recipe.model == "transformer":
        block = 12 * e * e + 13 * e  # attention 4 E^2 + 4 E, feed-forward 8 E^2 + 5 E, two norms 4 E
        places = recipe.context * e if recipe.positions == "learned" else 0
        last = (2 * e if recipe.norm == "pre" else 0) + (0 if recipe.tied == "yes" else e * v)
        return v * e + places + recipe.layers * block + last
    joined = recipe.context * e
    inner = [joined, *[h] * recipe.layers]
    each = 2 if recipe.batchnorm == "yes" else 1  # gain and shift in place of a bias
    hidden = sum(below * above + each * above for below, above in pairwise(inner))
    output = inner[-1] * e + e + v if recipe.tied == "yes" else inner[-1] * v + v
    direct = joined * v if recipe.direct == "yes" else 0
    return v * e + hidden + output + direct


@dataclass(frozen=True)
class Footprint:
    """What a run would need.

    Attributes:
        parameters: how many; 0 for a model that counts.
        state_bytes: of one remembered step: parameters, optimizer, what the model carries along.
        rewind_limit: steps that memory would reach back.
        bytes: of everything at once, roughly.
    """

    parameters: int
    state_bytes: int
    rewind_limit: int
    bytes: int


def footprint(recipe: Recipe, vocabulary: int, length: int = 0, budget: int = BUDGET) -> Footprint:
    """What a run of `recipe` would need.

    Arguments:
        vocabulary: V, characters.
        length: of the text, characters.
        budget: bytes for the memory of the past.
    """
    if recipe.model in COUNTING:
        order = recipe.order if recipe.means("order") else 1
        return Footprint(0, 0, 0, COUNT_BYTES * length * order)
    scalar = recipe.model == "scalar-mlp"  # always float64, and every step of it is remembered
    number = 8 if scalar or recipe.precision == "float64" else 4
    parameters = parameter_count(recipe, vocabulary)
    moments = optimizer(recipe.optimizer, 1, np.float32, momentum=recipe.momentum).moments
    state = number * (parameters * (1 + len(moments)) + _remembered(recipe))
    past = Past(state, budget, 1 if scalar else STRIDE)
    largest = _largest_batch(recipe)
    if scalar:
        needed = VALUE_BYTES * parameters * (2 + largest)
    else:
        needed = number * (
            WORKING_VECTORS * parameters + 2 * largest * _kept_by_an_example(recipe, vocabulary)
        )
    return Footprint(parameters, state, past.limit, needed + max(state, min(budget, past.limit * state)))


def require_room(recipe: Recipe, vocabulary: int, length: int) -> None:
    """Refuse a run that would not fit into memory.

    Raises:
        RecipeError: with the estimate, if it needs more than the machine has left.
    """
    needed, room = footprint(recipe, vocabulary, length).bytes, memory_left()
    if room is not None and needed > room:
        sizes = [
            f"{name} = {getattr(recipe, name)}"
            for name in ("context", "embedding", "hidden", "layers", "batch", "order")
            if recipe.means(name)
        ]
        raise RecipeError(
            f"{recipe.model} with {', '.join(sizes)} needs about {needed / 1e9:,.1f} GB of memory, and "
            f"{room / 1e9:,.1f} GB are left; choose smaller sizes"
        )


def memory_left() -> int | None:
    """Bytes that can still be had, None where that cannot be told."""
    left = [bytes_left for bytes_left in (_of_the_machine(), _of_the_container()) if bytes_left is not None]
    return min(left, default=None)


def _largest_batch(recipe: Recipe) -> int:
    return max([recipe.batch, *(int(change.value) for change in recipe.changes if change.name == "batch")])


def _remembered(recipe: Recipe) -> int:
    """Numbers that the model keeps from step to step besides its parameters: carried states, running statistics."""
    if recipe.model in RECURRENT:
        states = 2 if recipe.model == "lstm" else 1
        return states * _largest_batch(recipe) * recipe.layers * recipe.hidden
    return 2 * recipe.layers * recipe.hidden if recipe.batchnorm == "yes" else 0


def _kept_by_an_example(recipe: Recipe, vocabulary: int) -> int:
    """Numbers that a step keeps for one example, the scores and their gradient included."""
    e, h, t = recipe.embedding, recipe.hidden, recipe.context
    if recipe.model in RECURRENT:
        return t * (e + recipe.layers * h * (2 * CELLS[recipe.model].gates + 3) + 2 * vocabulary)
    if recipe.model == "transformer":
        return t * (e + recipe.layers * (16 * e + 2 * recipe.heads * t) + 2 * vocabulary)
    return t * e + recipe.layers * 3 * h + 2 * vocabulary


def _of_the_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:  # not Linux
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_the_container() -> int | None:
    """What a control group leaves to its processes."""
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = ((group / f"memory.{name}").read_text("ascii").strip() for name in ("max", "current"))
    except OSError:  # no control groups of the second kind
        return None
    return int(limit) - int(used) if limit.isdecimal() else None
