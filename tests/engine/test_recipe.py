"""A recipe reads back what it wrote, refuses in words what its rules exclude, and knows its changes by step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.training.recipe import DEFAULTS, LAST_STEP, Change, Recipe
from engine.training.rules import GRADIENT, RULES, RecipeError, Rule, Scalar

LIVE = [name for name, rule in RULES.items() if rule.live]
NUMBERS = [name for name, rule in RULES.items() if rule.kind is not str]
HUGE = "0x" + "f" * 5000  # Python reads it, but does not print it
CHOICES = [name for name, rule in RULES.items() if rule.choices]


def values_of(rule: Rule) -> st.SearchStrategy[Scalar]:
    if rule.choices:
        return st.sampled_from(rule.choices)
    if rule.kind is str:
        return st.text(st.characters(codec="utf-8"), max_size=12)
    if rule.kind is int:
        return st.integers(int(rule.low), int(rule.high))
    return st.floats(rule.low, rule.high)


changes = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(LIVE)).flatmap(
        lambda at: st.builds(Change, st.just(at[0]), st.just(at[1]), values_of(RULES[at[1]]))
    ),
    max_size=4,
    unique_by=lambda change: (change.step, change.name),
).map(lambda listed: tuple(sorted(listed, key=lambda change: change.step)))


def means(name: str, chosen: Mapping[str, Scalar]) -> bool:
    """Whether an ingredient means something beside these, by the table alone."""
    belongs = RULES[name].belongs
    if belongs is None:
        return True
    owner, choices = belongs
    return chosen.get(owner, DEFAULTS[owner]) in choices and means(owner, chosen)


def home_of(name: str) -> dict[str, Scalar]:
    """Choices beside which an ingredient means something."""
    belongs = RULES[name].belongs
    return {} if belongs is None else {**home_of(belongs[0]), belongs[0]: belongs[1][0]}


@st.composite
def recipes(draw: st.DrawFn, models: Sequence[str] = RULES["model"].choices) -> Recipe:
    """Any recipe the rules allow: any of the ingredients that mean something chosen, the others left alone."""
    chosen: dict[str, Scalar] = {"model": draw(st.sampled_from(models))}
    names = draw(st.sets(st.sampled_from([name for name in RULES if name != "model"])))
    for name in RULES:  # owners stand before what belongs to them
        if name in names and means(name, chosen):
            chosen[name] = draw(values_of(RULES[name]))
    train, held_out = float(chosen.get("train_share", 0.8)), float(chosen.get("validation_share", 0.1))
    if train + held_out > 1:
        chosen["train_share"], chosen["validation_share"] = max(train / 2, 0.01), held_out / 2
    if not chosen.get("validation_share", 0.1):
        chosen.pop("patience", None)
    if chosen.get("optimizer") == "nesterov":
        chosen["momentum"] = max(float(chosen.get("momentum", 0.9)), 0.01)
    if chosen.get("batchnorm") == "yes":
        chosen["batch"] = max(int(chosen.get("batch", 32)), 2)
    if chosen["model"] == "transformer":
        heads = int(chosen.get("heads", 4))
        chosen["embedding"] = heads * draw(st.integers(1, int(RULES["embedding"].high) // heads))
    if means("steps", chosen):
        chosen["steps"] = max(int(chosen.get("steps", 10_000)), int(chosen.get("warmup", 0)) + 1)
    planned = draw(changes) if chosen["model"] in GRADIENT else ()
    if chosen.get("batchnorm") == "yes":
        planned = tuple(change for change in planned if change.name != "batch")
    return Recipe().with_values(**chosen, changes=planned)


# Writing and reading.


@given(recipes())
def test_the_one_line_form_reads_back_as_the_same_recipe(recipe: Recipe) -> None:
    assert Recipe.parse(str(recipe)) == recipe


@given(recipes())
def test_the_toml_form_reads_back_as_the_same_recipe(recipe: Recipe) -> None:
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_the_one_line_form_names_the_corpus_and_what_differs_from_the_default() -> None:
    assert str(Recipe()) == "corpus=proverbs"
    recipe = Recipe(corpus="names", hidden=64, seed=7).changed(120, "batch", 1)
    assert str(recipe) == "corpus=names hidden=64 seed=7 @120:batch=1"


@pytest.mark.parametrize(
    "corpus",
    [
        "",
        "two words",
        "a=b",
        "@3:batch=4",
        "it's",
        'say "x"',
        "back\\slash",
        "tab\tnew\nline",
        "é 日本 🎈",
        "~/a b.txt",
    ],
)
def test_a_corpus_of_any_name_survives_both_forms(corpus: str) -> None:
    recipe = Recipe(corpus=corpus, fingerprint="0123abc")
    assert Recipe.parse(str(recipe)).corpus == corpus
    assert Recipe.from_toml(recipe.to_toml()).corpus == corpus


@pytest.mark.parametrize("seed", [0, 2**53 + 1, 2**63 - 1])
def test_a_large_seed_keeps_every_digit(seed: int) -> None:
    assert Recipe(seed=seed).seed == seed
    assert Recipe.parse(f"seed={seed}").seed == seed
    assert Recipe.from_toml(f"seed = {seed}").seed == seed


def test_what_toml_does_not_name_keeps_its_default() -> None:
    assert Recipe.from_toml("hidden = 64\n") == Recipe(hidden=64)


def test_a_change_is_written_as_its_ingredient_would_be() -> None:
    toml = '[[changes]]\nstep = 3\nname = "batch"\nvalue = 32.0\n'
    assert (
        Recipe.from_toml(toml)
        == Recipe.parse("@3:batch=32")
        == Recipe().with_values(changes=(Change(3, "batch", "32"),))
    )
    assert str(Recipe.from_toml(toml)) == "corpus=proverbs @3:batch=32"


# Rules and refusals.


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_outside_its_range_is_refused_with_name_value_and_range(name: str) -> None:
    rule = RULES[name]
    step = 1 if rule.kind is int else 1e-6 * max(1, rule.high)
    room = home_of(name)
    room |= {"train_share": 0.01} if name == "validation_share" else {}
    room |= {"validation_share": 0} if name == "train_share" else {}
    room |= {"embedding": rule.high} if name == "heads" else {}
    for edge in (rule.low, rule.high):
        assert getattr(Recipe().with_values(**{name: edge}, **room), name) == edge
    for outside in (rule.low - step, rule.high + step, 10**400, -(10**400), str(rule.high + step)):
        with pytest.raises(RecipeError) as refused:
            Recipe().with_values(**{name: outside}, **home_of(name))
        assert str(refused.value) == f"{name} = {outside}: {rule.meaning} must be {rule.allowed}"
    low, high = (int(rule.low), int(rule.high)) if rule.kind is int else (f"{rule.low:g}", f"{rule.high:g}")
    assert rule.allowed.endswith(f" from {low} to {high}")


@pytest.mark.parametrize("name", CHOICES)
def test_an_unknown_word_is_refused_with_name_value_and_choices(name: str) -> None:
    with pytest.raises(RecipeError) as refused:
        Recipe().with_values(**{name: "quux"})
    assert str(refused.value).startswith(f"{name} = quux: ")
    assert str(refused.value).endswith("one of " + ", ".join(RULES[name].choices))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["many", "", "nan", float("nan"), "inf", float("inf"), True, None, [1]])
def test_what_is_no_number_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(RecipeError, match=rf"^{name} = "):
        Recipe().with_values(**{name: value})


@pytest.mark.parametrize("name", [name for name in NUMBERS if RULES[name].kind is int])
@pytest.mark.parametrize("value", [1.5, "1.5"])
def test_a_broken_number_is_refused_where_a_whole_one_is_needed(name: str, value: object) -> None:
    with pytest.raises(RecipeError, match=rf"^{name} = 1.5: .* a whole number from"):
        Recipe().with_values(**{name: value})


@pytest.mark.parametrize("name", ["corpus", "fingerprint", "model"])
def test_a_number_is_refused_where_a_word_is_needed(name: str) -> None:
    with pytest.raises(RecipeError, match=rf"^{name} = 7: "):
        Recipe().with_values(**{name: 7})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hidden", r"'hidden' is not of the form name=value"),
        ("size=3", r"size: no such ingredient; there are corpus, "),
        ("hidden=3 hidden=4", r"hidden is given twice"),
        ("corpus='a", r"recipe \"corpus='a\": No closing quotation"),
        ("@5:hidden=3", r"hidden: cannot change during a run; these can: rate, batch, clip_norm, clip_value"),
        ("@5:rate=101", r"rate = 101: the learning rate must be a number from 0 to 100"),
        ("@-5:rate=1", r"'@-5:rate=1' is not of the form"),
        (
            "@5:batch=1 @5:batch=2",
            r"^@5:batch=1 and @5:batch=2: one step changes an ingredient once; keep one",
        ),
        ("@5:batch=1 @5:rate=1 @5:batch=1", r"^@5:batch=1 and @5:batch=1: "),
        ("changes=5", r"^changes: no such ingredient; there are corpus, "),
        ("self=3", r"^self: no such ingredient"),
        ("values=3", r"^values: no such ingredient"),
        ("@" + "1" * 5000 + ":rate=1", r"is not of the form name=value or @step:name=value"),
        ("@\N{ARABIC-INDIC DIGIT FIVE}:rate=1", r"is not of the form"),
        ("seed=" + "9" * 5000, r"^seed = 9+: the seed must be a whole number"),
        (
            "optimizer=adam momentum=0.9",
            r"^momentum = 0.9: means nothing to optimizer = adam; leave it out, "
            r"or choose optimizer = sgd or nesterov or rmsprop$",
        ),
        ("@9:rate=1 @5:rate=2", r"changes must stand in the order of their steps"),
        (
            "train_share=0.8 validation_share=0.3",
            r"train_share = 0.8 and validation_share = 0.3: .* exceed 1",
        ),
        ("schedule=cosine warmup=50 steps=50", r"^warmup = 50: must be less than steps = 50$"),
        ("schedule=linear warmup=50 steps=50", r"^warmup = 50: must be less than steps = 50$"),
        (
            "model=transformer heads=5 embedding=12",
            r"^heads = 5: must divide embedding = 12; choose one of 1, 2, 3, 4, 6, 12$",
        ),
        (
            "patience=3 validation_share=0",
            r"^patience = 3: there is nothing to validate on; give a validation_share above 0$",
        ),
        (
            "model=kneser-ney hidden=3",
            r"^hidden = 3: means nothing to model = kneser-ney; leave it out, or choose ",
        ),
        ("split=0.9/0.2/0", r"^split = 0.9/0.2/0: write three shares that come to 1, such as 0.9/0.1/0$"),
        ("split=1", r"^split = 1: write three shares"),
    ],
)
def test_a_line_that_cannot_be_followed_is_refused_in_words(line: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        Recipe.parse(line)


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("hidden =", "not TOML"),
        ("size = 3", "size: no such ingredient"),
        ('hidden = "wide"', "hidden = wide: units per hidden layer must be a whole number from 1 to 4096"),
        ("changes = 3", "changes: must be a list of tables"),
        ("changes = [3]", "changes: must be a list of tables"),
        ("[[changes]]\nstep = 3", "changes: must be a list of tables with step, name and value"),
        ('[[changes]]\nstep = -1\nname = "rate"\nvalue = 1', "@-1:rate: the step must be a whole number"),
        ('[[changes]]\nstep = true\nname = "rate"\nvalue = 1', "the step must be a whole number"),
        ('[[changes]]\nstep = 1\nname = "rate"\nvalue = [1]', "rate = "),
        ("[[changes]]\nstep = 1\nname = 7\nvalue = 1", "7: cannot change during a run"),
        ("[[changes]]\nstep = 1\nname = [7]\nvalue = 1", "cannot change during a run"),
        ('[[changes]]\nstep = 1000000000000000000\nname = "rate"\nvalue = 1', "to 999999999999999999$"),
        ("self = 3", "^self: no such ingredient"),
        ("seed = " + "9" * 5000, "^recipe: a number in it is too long"),
        (f"seed = {HUGE}", "^seed = a value too long to print: the seed must be a whole number from 0"),
        (f"corpus = {HUGE}", "^corpus = a value too long to print: "),
        (f"rate = [{HUGE}]", "^rate = a value too long to print: "),
        (
            f'[[changes]]\nstep = {HUGE}\nname = "rate"\nvalue = 1',
            "^@a value too long to print:rate: the step",
        ),
        (f"[[changes]]\nstep = 1\nname = {HUGE}\nvalue = 1", "too long to print: cannot change during a run"),
        (f'[[changes]]\nstep = 1\nname = "rate"\nvalue = {HUGE}', "^rate = a value too long to print: "),
        ("a = " + "[" * 3000, "or a list nested too deep$"),
        (
            "hidden" + ".a" * 3000 + " = 1",
            "^hidden = .+: units per hidden layer must be",
        ),  # how deep Python prints differs
        ('optimizer = "adam"\nmomentum = 0.9', "^momentum = 0.9: means nothing to optimizer = adam"),
    ],
)
def test_toml_that_cannot_be_followed_is_refused_in_words(toml: str, complaint: str) -> None:
    with pytest.raises(RecipeError, match=complaint):
        Recipe.from_toml(toml)


MARKS = ["@", ":", "=", "=", " ", " ", "\n", "'", '"', "\\", "#", ".", ",", "-", "[", "]", "{", "}"]
NUMERALS = ["0", "1", "0.9", "nan", "1e999", HUGE, "9" * 5000]
pieces = st.sampled_from([*RULES, "changes", "self", "step", "name", "value", "adam", *MARKS, *NUMERALS])


@given(st.one_of(st.text(), st.lists(pieces, max_size=20).map("".join)))
@example("changes=5")
@example("self=3")
@example("@" + "5" * 5000 + ":rate=1")
@example(f"seed={HUGE}")
@example("a=" + "[" * 3000)
def test_any_text_at_all_is_a_recipe_or_refused_as_one(text: str) -> None:
    for read in (Recipe.parse, Recipe.from_toml):
        try:
            recipe = read(text)
        except RecipeError:
            continue
        assert Recipe.parse(str(recipe)) == Recipe.from_toml(recipe.to_toml()) == recipe


def test_the_last_step_that_can_be_named_survives_both_forms() -> None:
    recipe = Recipe().changed(LAST_STEP, "batch", 7)
    assert Recipe.parse(str(recipe)) == Recipe.from_toml(recipe.to_toml()) == recipe
    with pytest.raises(RecipeError, match=rf"from 0 to {LAST_STEP}$"):
        Recipe().changed(LAST_STEP + 1, "batch", 7)


def test_momentum_goes_with_sgd_and_none_with_adam() -> None:
    assert Recipe(momentum=0.9).momentum == 0.9
    assert Recipe(optimizer="nesterov", momentum=0.9).momentum == 0.9
    assert Recipe(optimizer="adam", momentum=0).optimizer == "adam"


def test_a_schedule_that_is_constant_does_not_mind_the_warm_up() -> None:
    assert Recipe(warmup=20_000).warmup > Recipe(warmup=20_000).steps


def test_a_split_is_short_for_two_shares() -> None:
    assert Recipe.parse("split=0.9/0.1/0") == Recipe(train_share=0.9, validation_share=0.1)


# What belongs to what.

BELONGING = {name: rule.belongs for name, rule in RULES.items() if rule.belongs is not None}


def elsewhere(name: str, draw: st.DataObject) -> tuple[Scalar, str]:
    """A value that is not the default, and a choice of the owner that the ingredient means nothing to."""
    owner, choices = BELONGING[name]
    value = draw.draw(values_of(RULES[name]).filter(lambda value: value != DEFAULTS[name]))
    strange = [choice for choice in RULES[owner].choices if choice not in choices]
    return value, draw.draw(st.sampled_from(strange))


@pytest.mark.parametrize("name", BELONGING)
@settings(max_examples=10)
@given(data=st.data())
def test_what_means_nothing_to_a_choice_is_refused_beside_it(name: str, data: st.DataObject) -> None:
    owner, choices = BELONGING[name]
    value, strange = elsewhere(name, data)
    with pytest.raises(RecipeError) as refused:
        Recipe().with_values(**{**home_of(owner), owner: strange, name: value})
    assert str(refused.value) == (
        f"{name} = {value}: means nothing to {owner} = {strange}; leave it out, "
        f"or choose {owner} = {' or '.join(choices)}"
    )
    beside = {**home_of(owner), owner: strange, name: DEFAULTS[name]}
    if strange == "nesterov":  # which needs some
        beside["momentum"] = 0.9
    at_its_default = Recipe().with_values(**beside)
    assert not at_its_default.means(name)


@given(recipes(), st.sampled_from(list(RULES)))
def test_a_recipe_knows_what_means_something_to_it_and_has_defaults_for_all_else(
    recipe: Recipe, name: str
) -> None:
    chosen = {owner: getattr(recipe, owner) for owner in RULES}
    assert recipe.means(name) == means(name, chosen)
    assert recipe.means(name) or getattr(recipe, name) == DEFAULTS[name]


def test_what_belongs_to_an_optimizer_is_refused_of_a_model_that_has_none() -> None:
    with pytest.raises(RecipeError, match=r"momentum = 0\.9: means nothing to model = kneser-ney"):
        Recipe(model="kneser-ney", momentum=0.9)


def test_what_is_planned_must_mean_something_too() -> None:
    planned = Recipe().changed(3, "batch", 8)
    with pytest.raises(RecipeError, match="batch = 8: means nothing to model = kneser-ney"):
        planned.with_values(model="kneser-ney")


def test_what_belongs_to_an_optimizer_means_nothing_to_a_model_that_has_none() -> None:
    counting = Recipe(model="kneser-ney")
    assert [name for name in ("optimizer", "momentum", "schedule", "rate") if counting.means(name)] == []
    assert counting.means("order")
    assert Recipe().means("momentum")
    assert not Recipe().means("order")


# Changes during a run.


def test_the_recipe_at_a_step_has_the_changes_up_to_there_carried_out() -> None:
    recipe = Recipe(batch=1).changed(10, "batch", 32).changed(20, "rate", 0.5).changed(20, "batch", 2)
    at = [recipe.at(step) for step in (0, 9, 10, 19, 20, 99)]
    assert [r.batch for r in at] == [1, 1, 32, 32, 2, 2]
    assert [r.rate for r in at] == [0.1, 0.1, 0.1, 0.1, 0.5, 0.5]
    assert not any(r.changes for r in at)
    assert recipe.batch == 1


@given(recipes(GRADIENT), st.integers(0, 10**6), st.sampled_from(LIVE), st.data())
def test_a_change_holds_from_its_step_on_and_forever(
    recipe: Recipe, step: int, name: str, data: st.DataObject
) -> None:
    value = data.draw(values_of(RULES[name]))
    changed = recipe.changed(step, name, value)
    steps = {0, step, step + 1, 2 * 10**6, *(change.step for change in recipe.changes)}
    for other in steps:
        expected = recipe.at(other).with_values(**({name: value} if other >= step else {}))
        assert changed.at(other) == expected
    if step:
        assert changed.at(step - 1) == recipe.at(step - 1)


def test_a_change_leaves_what_is_planned_for_other_ingredients_and_replaces_its_own() -> None:
    recipe = Recipe.parse("@3:rate=0.2 @5:batch=1 @5:rate=0.3 @8:rate=0.4 @9:batch=2 @9:clip_norm=1")
    turned = recipe.changed(5, "rate", 0.7)
    assert str(turned) == "corpus=proverbs @3:rate=0.2 @5:batch=1 @5:rate=0.7 @9:batch=2 @9:clip_norm=1.0"
    assert str(recipe.changed(4, "batch", 32)) == (
        "corpus=proverbs @3:rate=0.2 @5:rate=0.3 @8:rate=0.4 @9:clip_norm=1.0"
    )


def test_turning_back_and_forth_at_one_step_leaves_no_trace() -> None:
    recipe = Recipe(rate=0.1)
    assert recipe.changed(5, "rate", 0.2).changed(5, "rate", 0.1) == recipe
    assert recipe.changed(5, "rate", 0.1) == recipe
    assert recipe.changed(5, "rate", 0.2).changed(5, "rate", 0.3).changes == (Change(5, "rate", 0.3),)


@pytest.mark.parametrize("name", [name for name in RULES if name not in LIVE])
def test_what_may_not_change_during_a_run_is_refused_with_what_may(name: str) -> None:
    with pytest.raises(
        RecipeError, match=rf"^{name}: cannot change during a run; these can: {', '.join(LIVE)}$"
    ):
        Recipe().changed(5, name, getattr(Recipe(), name))


def test_a_recipe_cannot_be_written_to() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().seed = 3  # type: ignore[misc]  # the point of the test


def test_every_ingredient_of_a_recipe_has_a_rule_that_allows_its_default() -> None:
    assert sorted(field.name for field in dataclasses.fields(Recipe)) == sorted([*RULES, "changes"])
    assert {*DEFAULTS} == {*RULES}
    for name, rule in RULES.items():
        assert rule.read(name, getattr(Recipe(), name)) == getattr(Recipe(), name)
        assert rule.meaning
