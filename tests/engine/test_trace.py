"""The trace of a step shows what the phases did with one example, in numbers that the trainer itself confirms."""

from __future__ import annotations

import numpy as np
import pytest

from corpora.corpus import Corpus
from engine.information import softmax
from engine.nn.parameters import lay_out
from engine.snapshot import Phase, Trace
from engine.training.recipe import Recipe
from engine.training.trace import GradientTracer, Tracer, _layer
from engine.training.trainer import Trainer

SMALL = Recipe(context=3, embedding=4, hidden=8, layers=2, batch=4, seed=5, precision="float64", rate=0.5)
MODELS = {"mlp": SMALL, "scalar-mlp": SMALL.with_values(model="scalar-mlp", embedding=2, hidden=4)}
models = pytest.mark.parametrize("recipe", MODELS.values(), ids=list(MODELS))


def traced(tracer: Tracer, phase: Phase) -> Trace:
    """Go on up to `phase`."""
    while tracer.advance() is not phase:
        pass
    assert tracer.trace is not None
    return tracer.trace


@models
def test_each_phase_adds_its_numbers_and_what_has_not_happened_is_missing(
    recipe: Recipe, phrase: Corpus
) -> None:
    tracer = GradientTracer(Trainer(recipe, phrase))
    for step in (1, 2):
        drawn = traced(tracer, Phase.DRAW)
        assert (drawn.step, drawn.batch) == (step, 4)
        assert (drawn.layers, drawn.logits, drawn.loss, drawn.gradient_norm, drawn.rate, drawn.after) == (
            (),
            None,
            None,
            None,
            None,
            None,
        )
        forward = traced(tracer, Phase.FORWARD)
        assert forward.logits is not None
        assert forward.loss is None
        loss = traced(tracer, Phase.LOSS)
        assert loss.loss is not None
        assert loss.gradient_norms == ()
        backward = traced(tracer, Phase.BACKWARD)
        assert backward.gradient_norm is not None
        assert (backward.before, backward.after, backward.ratios) == (None, None, ())
        update = traced(tracer, Phase.UPDATE)
        assert update.after is not None
        assert update.example == drawn.example
        assert np.array_equal(update.logits, forward.logits)  # type: ignore[arg-type]  # an array by now


@models
def test_the_numbers_are_those_of_the_model(recipe: Recipe, phrase: Corpus) -> None:
    trainer = Trainer(recipe, phrase)
    tracer = GradientTracer(trainer)
    tracer.finish_step()
    before = trainer.model.parameters.values.copy()
    drawn = traced(tracer, Phase.DRAW)
    at, target = drawn.example.position, drawn.example.target
    context = phrase.ids[at : at + 3]
    assert drawn.example.context == tuple(context.tolist())
    assert phrase.ids[at + 3] == target
    stages = trainer.model.probe(context)
    likely = softmax(trainer.model.logits(context))

    forward = traced(tracer, Phase.FORWARD)
    assert [layer.name for layer in forward.layers] == ["embedding", "hidden.0", "hidden.1"]
    for layer, values in zip(forward.layers, stages.values(), strict=False):
        assert np.allclose(layer.values, values, rtol=1e-12)
    assert [layer.dead for layer in forward.layers] == [
        None,
        np.mean(stages["hidden.0"] == 0),
        np.mean(stages["hidden.1"] == 0),
    ]
    assert forward.probabilities is not None
    assert np.allclose(forward.probabilities, likely, rtol=1e-10)
    loss = traced(tracer, Phase.LOSS)
    assert loss.loss == pytest.approx(-np.log(likely[target]), rel=1e-10)
    assert loss.batch_loss == trainer.batch_loss
    backward = traced(tracer, Phase.BACKWARD)
    gradient = trainer.model.parameters.gradient().copy()
    groups = trainer.model.parameters.groups
    for (name, norm), group in zip(backward.gradient_norms, groups, strict=True):
        assert name == group.name
        assert norm == pytest.approx(np.linalg.norm(group.of(gradient)), rel=1e-12)
    assert backward.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
    update = traced(tracer, Phase.UPDATE)
    assert update.rate == 0.5
    assert update.before == pytest.approx(likely[target], rel=1e-10)
    assert update.after == pytest.approx(softmax(trainer.model.logits(context))[target], rel=1e-10)
    moved = trainer.model.parameters.values - before
    for (name, ratio), group in zip(update.ratios, groups, strict=True):
        assert name == group.name
        expected = np.linalg.norm(group.of(moved)) / np.linalg.norm(group.of(before))
        assert ratio == pytest.approx(expected, rel=1e-9)


def test_a_ratio_to_weights_that_are_all_zero_is_missing(phrase: Corpus) -> None:
    tracer = GradientTracer(Trainer(SMALL, phrase))
    ratios = dict(traced(tracer, Phase.UPDATE).ratios)
    assert ratios["output.bias"] is None  # a bias begins at zero
    assert ratios["output.weight"] is not None


def test_what_clipping_did_is_told(phrase: Corpus) -> None:
    def clipped(**values: float) -> str:
        return traced(GradientTracer(Trainer(SMALL.with_values(**values), phrase)), Phase.UPDATE).clipped

    assert clipped() == ""
    assert clipped(clip_norm=1000, clip_value=1000) == ""
    assert "shortened to 0.01" in clipped(clip_norm=0.01)
    assert "entries cut to ±0.001" in clipped(clip_value=0.001)


def test_watching_a_step_changes_nothing(phrase: Corpus) -> None:
    recipe = SMALL.with_values(dropout=0.3, momentum=0.5)
    watched, plain = Trainer(recipe, phrase), Trainer(recipe, phrase)
    tracer = GradientTracer(watched)
    for _ in range(20):
        tracer.finish_step()
        plain.step()
        assert np.array_equal(watched.model.parameters.values, plain.model.parameters.values)


def test_a_step_whose_first_phases_nobody_watched_is_traced_from_there_on(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    trainer.draw()
    trainer.forward()
    trace = traced(GradientTracer(trainer), Phase.UPDATE)
    assert (trace.step, trace.layers, trace.loss) == (1, (), None)
    assert trace.batch_loss is not None


def test_the_parameter_table_has_a_row_for_every_array(phrase: Corpus) -> None:
    trainer = Trainer(SMALL, phrase)
    table = trainer.table
    assert [(row.name, row.formula) for row in table][:3] == [
        ("embedding.weight", f"{len(phrase.vocabulary)} x 4"),
        ("hidden.0.weight", "8 x 12"),
        ("hidden.0.bias", "8"),
    ]
    assert sum(row.count for row in table) == trainer.model.parameters.values.size


def test_a_gradient_that_clipping_by_value_made_short_is_not_said_to_be_shortened(phrase: Corpus) -> None:
    recipe = SMALL.with_values(clip_value=1e-6, clip_norm=0.1)
    told = traced(GradientTracer(Trainer(recipe, phrase)), Phase.UPDATE).clipped
    assert "entries cut" in told
    assert "shortened" not in told


BLOCK = lay_out([("block.0.norm.weight", (4,)), ("block.0.in.weight", (8, 4)), ("block.0.in.bias", (8,))])
LAYER = lay_out([("layer.0.weight", (8, 4)), ("layer.0.bias", (8,)), ("layer.01.weight", (2,))])


def test_a_stage_is_told_with_the_shapes_of_its_own_arrays_or_their_number() -> None:
    values = np.arange(4, dtype=np.float32)
    assert _layer("layer.0", values, "h = tanh(W x + b)", LAYER).shapes == "(8, 4) (8,) -> (4,)"
    assert _layer("block.0", values, "y = x + f(x)", BLOCK).shapes == "3 arrays -> (4,)"
    assert _layer("sum", values, "s = x + y", LAYER).shapes == "-> (4,)"


def test_units_are_dead_only_where_relus_come_last() -> None:
    values = np.array([0.0, 1.0, 0.0, 2.0])
    assert _layer("layer.0", values, "h = relu(W x + b)", LAYER).dead == 0.5
    for formula in ("h = tanh(W x + b)", "y = x + W2 relu(W1 x)", "x = e(c)"):
        assert _layer("layer.0", values, formula, LAYER).dead is None
