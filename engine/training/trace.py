"""The trace of one step: what each phase did with one example, read off the trainer right after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.information import softmax
from engine.models.language_model import Batch
from engine.nn.parameters import Group
from engine.snapshot import Example, Layer, Phase, Trace
from engine.training.course import Course
from engine.training.trainer import Trainer

Floats = NDArray[np.float64]

SHAPES_TOLD = 2
"""Arrays of one stage whose shapes are told one by one: a weight and a bias."""


def example_of(batch: Batch) -> Example:
    """The first example of a batch."""
    context = tuple(batch.contexts[0].tolist())
    return Example(int(batch.positions[0]), context, int(batch.last_targets[0]))


class Tracer:
    """Carries out the phases of a step one by one and writes down what they did.

    Arguments:
        course: whose steps.
        phases: what to do, by the phase that was done last; None stands between two steps.
    """

    def __init__(
        self, course: Course, phases: Mapping[Phase | None, Callable[[Trace | None], Trace]]
    ) -> None:
        self._course = course
        self._phases = phases
        self.trace: Trace | None = None

    def advance(self) -> Phase:
        """Do the next phase, extend the trace, and say which phase it was.

        Raises:
            Diverged: as the trainer does.
        """
        self.trace = self._phases[self._course.phase](self.trace)
        return self.trace.done

    def finish_step(self) -> None:
        """Do all phases that are left of the step under way, or all of a new one."""
        while self.advance() is not Phase.UPDATE:
            pass

    def forget(self) -> None:
        """There is no step to show."""
        self.trace = None

    def _draw(self, _: Trace | None) -> Trace:
        batch = self._course.draw()
        return Trace(self._course.steps_made + 1, Phase.DRAW, example_of(batch), len(batch.targets))

    def _loss(self, trace: Trace | None) -> Trace:
        trace = self._begun(trace)
        batch_loss = self._course.loss()
        if trace.probabilities is None:
            return replace(trace, done=Phase.LOSS, batch_loss=batch_loss)
        likely = float(trace.probabilities[trace.example.target])
        loss = -float(np.log(likely)) if likely > 0 else float("inf")
        return replace(trace, done=Phase.LOSS, loss=loss, batch_loss=batch_loss)

    def _begun(self, trace: Trace | None) -> Trace:
        """The trace of the step under way, begun late if its first phases were not watched."""
        course = self._course
        if trace is not None and trace.step == course.steps_made + 1 and trace.done is course.phase:
            return trace
        batch = course.batch
        if batch is None:
            raise RuntimeError("nothing has been drawn yet")
        done = course.phase or Phase.DRAW
        return Trace(course.steps_made + 1, done, example_of(batch), len(batch.targets))


class GradientTracer(Tracer):
    """Watches a model that learns by gradients."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        super().__init__(
            trainer,
            {
                None: self._draw,
                Phase.DRAW: self._forward,
                Phase.FORWARD: self._loss,
                Phase.LOSS: self._backward,
                Phase.BACKWARD: self._update,
            },
        )

    def _forward(self, trace: Trace | None) -> Trace:
        trainer, trace = self._trainer, self._begun(trace)
        stages = trainer.model.stage_values(trainer.forward(), 0)
        formulas = trainer.model.formulas()
        *inner, (_, scores) = stages.items()
        groups = trainer.model.parameters.groups
        layers = tuple(_layer(name, values, formulas[name], groups) for name, values in inner)
        logits = scores.astype(np.float64)
        return replace(trace, done=Phase.FORWARD, layers=layers, logits=logits, probabilities=softmax(logits))

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


def _layer(name: str, values: NDArray[np.floating], formula: str, groups: Sequence[Group]) -> Layer:
    """What a stage gave; only where ReLUs come last is a zero a unit that is dead."""
    shapes = [str(group.shape) for group in groups if group.name.startswith(f"{name}.")]
    given = " ".join(shapes) if len(shapes) <= SHAPES_TOLD else f"{len(shapes)} arrays"
    if values.ndim == 2:
        given = ""  # weights of attention are made of some of the layer's arrays, not of all
    dead = float(np.mean(values == 0)) if formula.partition(" = ")[2].startswith("relu(") else None
    return Layer(name, formula, f"{given} -> {values.shape}".lstrip(), values.astype(np.float64), dead)


def _norm(vector: NDArray[np.floating]) -> float:
    return float(np.linalg.norm(vector.astype(np.float64)))
