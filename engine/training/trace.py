"""The trace of one step: what each phase did with one example, read off the trainer right after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.information import softmax
from engine.models.language_model import Batch
from engine.nn.parameters import Group
from engine.snapshot import Example, Layer, ParameterGroup, Phase, Trace
from engine.training.trainer import Trainer

Floats = NDArray[np.float64]


def example_of(batch: Batch) -> Example:
    """The first example of a batch."""
    context = tuple(batch.contexts[0].tolist())
    return Example(int(batch.positions[0]), context, int(batch.last_targets[0]))


def parameter_table(trainer: Trainer) -> tuple[ParameterGroup, ...]:
    """A row for each array of parameters."""
    return tuple(
        ParameterGroup(group.name, group.shape, " x ".join(map(str, group.shape)))
        for group in trainer.model.parameters.groups
    )


class Tracer:
    """Carries out the phases of a step one by one and writes down what they did."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._phases: Mapping[Phase | None, Callable[[Trace | None], Trace]] = {
            None: self._draw,
            Phase.DRAW: self._forward,
            Phase.FORWARD: self._loss,
            Phase.LOSS: self._backward,
            Phase.BACKWARD: self._update,
        }
        self.trace: Trace | None = None

    def advance(self) -> Phase:
        """Do the next phase, extend the trace, and say which phase it was.

        Raises:
            Diverged: as the trainer does.
        """
        self.trace = self._phases[self._trainer.phase](self.trace)
        return self.trace.done

    def finish_step(self) -> None:
        """Do all phases that are left of the step under way, or all of a new one."""
        while self.advance() is not Phase.UPDATE:
            pass

    def forget(self) -> None:
        """There is no step to show."""
        self.trace = None

    def _draw(self, _: Trace | None) -> Trace:
        trainer = self._trainer
        batch = trainer.draw()
        return Trace(trainer.steps_made + 1, Phase.DRAW, example_of(batch), len(batch.targets))

    def _forward(self, trace: Trace | None) -> Trace:
        trainer, trace = self._trainer, self._begun(trace)
        stages = trainer.model.stage_values(trainer.forward(), 0)
        formulas = trainer.model.formulas()
        *inner, (_, scores) = stages.items()
        groups = {group.name: group for group in trainer.model.parameters.groups}
        layers = tuple(
            _layer(name, values, formulas[name], groups, trainer.current.activation) for name, values in inner
        )
        logits = scores.astype(np.float64)
        return replace(trace, done=Phase.FORWARD, layers=layers, logits=logits, probabilities=softmax(logits))

    def _loss(self, trace: Trace | None) -> Trace:
        trace = self._begun(trace)
        batch_loss = self._trainer.loss()
        if trace.probabilities is None:
            return replace(trace, done=Phase.LOSS, batch_loss=batch_loss)
        likely = float(trace.probabilities[trace.example.target])
        loss = -float(np.log(likely)) if likely > 0 else float("inf")
        return replace(trace, done=Phase.LOSS, loss=loss, batch_loss=batch_loss)

    def _backward(self, trace: Trace | None) -> Trace:
        trainer, trace = self._trainer, self._begun(trace)
        gradient = trainer.backward()
        norms = tuple((g.name, _norm(g.of(gradient))) for g in trainer.model.parameters.groups)
        return replace(
            trace,
            done=Phase.BACKWARD,
            gradient_norms=norms,
            gradient_norm=trainer.gradient_norm,
            rate=trainer.rate,
        )

    def _update(self, trace: Trace | None) -> Trace:
        trainer, trace = self._trainer, self._begun(trace)
        model, parameters = trainer.model, trainer.model.parameters
        context = np.array(trace.example.context, dtype=trainer.corpus.ids.dtype)
        rate, old = trainer.rate, parameters.values.copy()
        before = float(softmax(model.logits(context).astype(np.float64))[trace.example.target])
        trainer.update()
        after = float(softmax(model.logits(context).astype(np.float64))[trace.example.target])
        ratios = []
        for group in parameters.groups:
            weight = _norm(group.of(old))
            moved = _norm(group.of(parameters.values) - group.of(old))
            ratios.append((group.name, moved / weight if weight else None))
        return replace(
            trace,
            done=Phase.UPDATE,
            clipped=self._clipping(),
            ratios=tuple(ratios),
            rate=rate,
            before=before,
            after=after,
        )

    def _clipping(self) -> str:
        """What clipping did to the gradient, in words."""
        trainer, said = self._trainer, []
        if trainer.clipped_entries:
            said.append(f"{trainer.clipped_entries:,} entries cut to ±{trainer.current.clip_value:g}")
        limit, norm = trainer.current.clip_norm, trainer.norm_before_clipping
        if norm > limit:
            said.append(f"norm {norm:.4g} shortened to {limit:g}")
        return ", ".join(said)

    def _begun(self, trace: Trace | None) -> Trace:
        """The trace of the step under way, begun late if its first phases were not watched."""
        if (
            trace is not None
            and trace.step == self._trainer.steps_made + 1
            and trace.done is self._trainer.phase
        ):
            return trace
        batch = self._trainer.batch
        if batch is None:
            raise RuntimeError("nothing has been drawn yet")
        done = self._trainer.phase or Phase.DRAW
        return Trace(self._trainer.steps_made + 1, done, example_of(batch), len(batch.targets))


def _layer(
    name: str, values: NDArray[np.floating], formula: str, groups: Mapping[str, Group], activation: str
) -> Layer:
    shapes = [
        str(groups[f"{name}.{part}"].shape) for part in ("weight", "bias") if f"{name}.{part}" in groups
    ]
    hidden = name.startswith("hidden")
    dead = float(np.mean(values == 0)) if hidden and activation == "relu" else None
    title = f"hidden {int(name.split('.')[1]) + 1}" if hidden else name
    return Layer(title, formula, f"{' '.join(shapes)} -> ({values.size},)", values.astype(np.float64), dead)


def _norm(vector: NDArray[np.floating]) -> float:
    return float(np.linalg.norm(vector.astype(np.float64)))
