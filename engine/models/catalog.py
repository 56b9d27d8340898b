"""The catalog of models: from the choices of a recipe to a fresh model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.models import mlp, recurrent, transformer_sizes
from engine.models.counting.add_k import AddK
from engine.models.counting.counting_model import CountingModel
from engine.models.counting.jelinek_mercer import JelinekMercer
from engine.models.counting.katz import Katz
from engine.models.counting.kneser_ney import KneserNey
from engine.models.counting.maximum_likelihood import MaximumLikelihood, Uniform, Unigram
from engine.models.counting.witten_bell import WittenBell
from engine.models.gru import GRU
from engine.models.language_model import GradientModel, LanguageModel
from engine.models.lstm import LSTM
from engine.models.mlp import MLP
from engine.models.recurrent import RecurrentModel
from engine.models.rnn import RNN
from engine.models.scalar_mlp import ScalarMLP
from engine.models.transformer import Transformer
from engine.sampling import pad_id
from engine.training.recipe import Recipe
from engine.training.rules import RecipeError


@dataclass(frozen=True)
class ModelEntry:
    """A model one can choose: its name in recipes, what it is, where it comes from, and how to make it.

    Attributes:
        build: takes a recipe, V, and the id that stands in front of a text that is too short.
    """

    name: str
    description: str
    source: str
    build: Callable[[Recipe, int, int], LanguageModel]


def _feed_forward(recipe: Recipe, vocabulary: int) -> mlp.Sizes:
    return mlp.Sizes(
        vocabulary=vocabulary,
        context=recipe.context,
        embedding=recipe.embedding,
        hidden=recipe.hidden,
        layers=recipe.layers,
        activation=recipe.activation,
        initialiser=recipe.initialiser,
        dropout=recipe.dropout,
        direct=recipe.direct == "yes",
        batchnorm=recipe.batchnorm == "yes",
        tied=recipe.tied == "yes",
    )


def _mlp(recipe: Recipe, vocabulary: int, pad: int) -> MLP:
    return MLP(_feed_forward(recipe, vocabulary), seed=recipe.seed, pad=pad, dtype=recipe.precision)


def _scalar_mlp(recipe: Recipe, vocabulary: int, pad: int) -> ScalarMLP:
    return ScalarMLP(_feed_forward(recipe, vocabulary), seed=recipe.seed, pad=pad)


def _recurrent(kind: type[RecurrentModel]) -> Callable[[Recipe, int, int], LanguageModel]:
    def build(recipe: Recipe, vocabulary: int, pad: int) -> LanguageModel:
        sizes = recurrent.Sizes(
            vocabulary=vocabulary,
            context=recipe.context,
            embedding=recipe.embedding,
            hidden=recipe.hidden,
            layers=recipe.layers,
            dropout=recipe.dropout,
            forget_bias=recipe.forget_bias,
            initialiser=recipe.initialiser,
        )
        return kind(sizes, seed=recipe.seed, pad=pad, dtype=recipe.precision)

    return build


def _transformer(recipe: Recipe, vocabulary: int, pad: int) -> Transformer:
    sizes = transformer_sizes.Sizes(
        vocabulary=vocabulary,
        context=recipe.context,
        embedding=recipe.embedding,
        heads=recipe.heads,
        layers=recipe.layers,
        positions=recipe.positions,
        norm=recipe.norm,
        activation=recipe.activation,
        tied=recipe.tied == "yes",
        dropout=recipe.dropout,
        initialiser=recipe.initialiser,
    )
    return Transformer(sizes, seed=recipe.seed, pad=pad, dtype=recipe.precision)


BENGIO = "Bengio et al. 2003, A Neural Probabilistic Language Model"
SHANNON = "Shannon 1948, A Mathematical Theory of Communication"
CHEN = "Chen & Goodman 1998, An Empirical Study of Smoothing Techniques"

MODELS = {
    entry.name: entry
    for entry in (
        ModelEntry("mlp", "feed-forward network on arrays: the one that runs", BENGIO, _mlp),
        ModelEntry("scalar-mlp", "the same on single numbers: the one to look at", BENGIO, _scalar_mlp),
        ModelEntry(
            "rnn",
            "recurrent network: one state carried from character to character",
            "Elman 1990, Finding Structure in Time; Mikolov et al. 2010",
            _recurrent(RNN),
        ),
        ModelEntry(
            "lstm",
            "recurrent network with a memory cell behind gates",
            "Hochreiter & Schmidhuber 1997, Long Short-Term Memory; Graves 2013",
            _recurrent(LSTM),
        ),
        ModelEntry(
            "gru",
            "recurrent network with two gates and no cell",
            "Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder",
            _recurrent(GRU),
        ),
        ModelEntry(
            "transformer",
            "attention to all characters of the context at once",
            "Vaswani et al. 2017, Attention Is All You Need",
            _transformer,
        ),
        ModelEntry("uniform", "every character alike", SHANNON, lambda recipe, v, pad: Uniform(v)),
        ModelEntry("unigram", "how often each character occurs", SHANNON, lambda recipe, v, pad: Unigram(v)),
        ModelEntry(
            "ngram",
            "relative frequencies, nothing smoothed",
            SHANNON,
            lambda recipe, v, pad: MaximumLikelihood(v, recipe.order),
        ),
        ModelEntry(
            "add-k",
            "a little added to every count",
            "Lidstone 1920; Laplace for k = 1",
            lambda recipe, v, pad: AddK(v, recipe.order, recipe.add),
        ),
        ModelEntry(
            "katz",
            "discounted counts, shorter ones where there are none",
            "Katz 1987, Estimation of Probabilities from Sparse Data",
            lambda recipe, v, pad: Katz(v, recipe.order),
        ),
        ModelEntry(
            "jelinek-mercer",
            "all lengths mixed, by weights learned on held-out text",
            "Jelinek & Mercer 1980, Interpolated Estimation of Markov Source Parameters",
            lambda recipe, v, pad: JelinekMercer(v, recipe.order),
        ),
        ModelEntry(
            "witten-bell",
            "all lengths mixed, by how often something new came",
            "Witten & Bell 1991, The Zero-Frequency Problem",
            lambda recipe, v, pad: WittenBell(v, recipe.order),
        ),
        ModelEntry(
            "kneser-ney",
            "the strongest that counts: interpolated, modified",
            CHEN,
            lambda recipe, v, pad: KneserNey(v, recipe.order),
        ),
    )
}


def build(recipe: Recipe, characters: Sequence[str]) -> LanguageModel:
    """A fresh model as `recipe` says, for a vocabulary of these characters.

    Raises:
        RecipeError: if the model cannot be made that way.
    """
    try:
        return MODELS[recipe.model].build(recipe, len(characters), pad_id(characters))
    except ValueError as refused:  # the model's own words name the ingredient, its value and the way out
        raise RecipeError(str(refused)) from refused


def build_gradient(recipe: Recipe, characters: Sequence[str]) -> GradientModel:
    """The same for a model that learns by gradients.

    Raises:
        RecipeError: if the model cannot be made that way, or counts.
    """
    model = build(recipe, characters)
    if not isinstance(model, GradientModel):
        raise RecipeError(f"model = {recipe.model}: counts, and does not learn by gradients")
    return model


def build_counting(recipe: Recipe, characters: Sequence[str]) -> CountingModel:
    """The same for a model that counts.

    Raises:
        RecipeError: if the model cannot be made that way, or learns by gradients.
    """
    model = build(recipe, characters)
    if not isinstance(model, CountingModel):
        raise RecipeError(f"model = {recipe.model}: learns by gradients, and does not count")
    return model
