"""The memory of the past: states kept every few steps, from which any step between can be computed again.

A run is a deterministic function of its state, so a state every `stride` steps is enough to come back to any of
them exactly, at the price of repeating at most `stride` - 1 steps. That makes memory reach `stride` times as far
and costs the run a copy only now and then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.autograd.tensor import FloatArray
from engine.training.batches import Place
from engine.training.optimizers import OptimizerState

STRIDE = 16
BUDGET = 64 << 20
"""Bytes of states kept."""
MOST_STATES = 1024
"""However small the model: nobody goes back further than 16,000 steps."""


@dataclass(frozen=True)
class State:
    """All that the future of a run depends on, at the beginning of a step.

    Attributes:
        step: steps made so far.
        values: the parameters, a copy.
        optimizer: moments and counts, copies.
        place: where it stands in the stream of examples.
        noise: state of the generator that dropout draws from, None where nothing draws.
        memory: what the model keeps besides its parameters.
        average: state of the smoothed loss.
    """

    step: int
    values: FloatArray
    optimizer: OptimizerState
    place: Place
    noise: Mapping[str, Any] | None  # Any: numpy's own layout of a bit generator's state
    memory: Mapping[str, FloatArray]
    average: tuple[float, float]


class Past:
    """The states that are kept, oldest first.

    One state is kept however large it is, since recovering from an error takes one.

    Arguments:
        state_bytes: size of one state.
        budget: bytes for all of them.
        stride: steps from one to the next.
    """

    def __init__(self, state_bytes: int, budget: int = BUDGET, stride: int = STRIDE) -> None:
        self.stride = stride
        self._room = max(1, min(MOST_STATES, budget // max(1, state_bytes)))
        self._states: deque[State] = deque(maxlen=self._room)

    @property
    def limit(self) -> int:
        """How many steps back memory is sure to reach, once that many are made."""
        return max(0, self._room - 1) * self.stride

    @property
    def holds_any(self) -> bool:
        """Whether there is any state to go back to."""
        return bool(self._states)

    def due(self, step: int) -> bool:
        """Whether the state at the beginning of `step` should be kept and is not yet."""
        if step % self.stride:
            return False
        return not self._states or self._states[-1].step < step

    def keep(self, state: State) -> None:
        """Add a state; the oldest goes when there is no room."""
        self._states.append(state)

    def reach(self, step: int) -> int:
        """How many steps back from `step` one can go."""
        return step - self._states[0].step if self._states else 0

    def before(self, step: int) -> State:
        """The latest state at or before `step`, which must be within reach; later ones are forgotten."""
        while self._states[-1].step > step:
            self._states.pop()
        return self._states[-1]
