"""Settings and recipe: nothing the engine would refuse comes out, and each field says what is wrong with it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static

from corpora.corpus import Corpus, Origin
from engine.footprint import footprint
from engine.models.catalog import MODELS
from engine.models.presets import STANDARD, TINY, preset, preset_recipe
from engine.training.recipe import Recipe
from engine.training.rules import COUNTING, GRADIENT, RULES, RecipeError
from engine.training.trainer import Trainer
from tui.dialogs.choice import Choice, Menu
from tui.dialogs.differences import all_live, differences, written
from tui.dialogs.form import EDITABLE, Form
from tui.dialogs.ingredient import Ingredient, Line
from tui.dialogs.objection import objection
from tui.dialogs.presets import OFFERS
from tui.dialogs.recipe import RecipeDialog, RecipeLine
from tui.dialogs.settings import SettingsDialog

DEADLINE = 30.0
WIDE, NARROW = (140, 42), (80, 24)
CORPUS = Corpus.from_text("a text", "abcdefgh \n" * 30, origin=Origin.OWN, source="typed")
HOSTILE = "[/] [@click=app.quit]x[/] \x1b]0;title\x07 \u202eevil"
PLAIN = [name for name in EDITABLE if Recipe().means(name)]
"""The ingredients that mean something to the default recipe."""
TYPED = [name for name in PLAIN if not RULES[name].choices]


@dataclass
class Opened:
    """A dialog on the screen, and what came out of it."""

    pilot: Pilot[None]
    dialog: ModalScreen[Recipe | None]
    results: list[Recipe | None]

    def field(self, name: str) -> Ingredient:
        return self.dialog.query_one(f"#ingredient-{name}", Ingredient)

    @property
    def shown(self) -> list[str]:
        """The ingredients whose fields can be seen, from the top down."""
        return [field.ingredient for field in self.dialog.query(Ingredient) if field.display]

    @property
    def groups(self) -> list[str]:
        """The headings that can be seen."""
        headings = self.dialog.query(".settings-group").results(Static)
        return [str(heading.content) for heading in headings if heading.parent and heading.parent.display]

    def words(self, name: str) -> str:
        return str(self.field(name).query_one(".ingredient-words", Static).content)

    def text(self, selector: str) -> str:
        return str(self.dialog.query_one(selector, Static).content)

    async def rest(self) -> None:
        """Until everything that is under way between the widgets has arrived."""
        idle = 0
        while idle < 2:
            await self.pilot.pause(0)
            idle = 0 if self.is_busy else idle + 1

    @property
    def is_busy(self) -> bool:
        """Whether anything still has a message to read or a call to make."""
        app = self.pilot.app
        nodes = (app, *app.screen.walk_children(with_self=True))
        return any(node._next_callbacks or not node._message_queue.empty() for node in nodes)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each answered before the next; no wait for an idle processor."""
        for key in keys:
            named = _character_to_key(key) if len(key) == 1 else key
            self.pilot.app.post_message(events.Key(named, key if len(key) == 1 else None))
            await self.rest()

    async def type_into(self, name: str, text: str) -> None:
        """What a person does: go there, and type over what stands there."""
        self.field(name).enter()
        await self.press("home", "shift+end", "delete", *text)

    async def click(self, selector: str) -> None:
        """Click on a button; its press is answered."""
        await self.pilot.click(selector)
        await self.rest()

    async def paste(self, text: str) -> None:
        focused = self.pilot.app.focused
        assert focused is not None
        focused.post_message(events.Paste(text))
        await self.rest()


@asynccontextmanager
async def opened(dialog: ModalScreen[Recipe | None], size: tuple[int, int] = WIDE) -> AsyncIterator[Opened]:
    app: App[None] = App()
    results: list[Recipe | None] = []
    async with app.run_test(size=size) as pilot:
        app.push_screen(dialog, results.append)
        it = Opened(pilot, dialog, results)
        await it.rest()
        yield it


def settings(recipe: Recipe | None = None) -> SettingsDialog:
    return SettingsDialog(recipe or Recipe(), vocabulary=45, length=2392)


# What is objected to.


@pytest.mark.parametrize("model", RULES["model"].choices)
@pytest.mark.parametrize("name", [TINY, STANDARD])
def test_no_preset_is_objected_to(model: str, name: str) -> None:
    assert objection(preset_recipe(model, name), 65, 10**6) == ""


def test_a_run_that_would_not_fit_into_memory_is_refused_before_it_is_made() -> None:
    giant = Recipe(model="transformer", embedding=2048, layers=12, context=1024, batch=4096, heads=1)
    assert "GB of memory" in objection(giant, 65, 10**6)
    assert objection(giant) == ""  # without a text nothing is known of it


def test_heads_of_an_odd_size_are_no_matter_but_to_rotary_positions() -> None:
    odd = Recipe(model="transformer", embedding=6, heads=2)
    assert objection(odd, 65, 10**6) == ""
    assert "heads of 3" in objection(odd.with_values(positions="rotary"), 65, 10**6)
    assert objection(odd.with_values(positions="rotary", embedding=8), 65, 10**6) == ""


def test_what_the_engine_would_refuse_is_refused_in_its_words() -> None:
    short = Recipe(context=250)
    wrong = Recipe(model="scalar-mlp", activation="gelu")
    with pytest.raises(RecipeError) as refused:
        Trainer(wrong, CORPUS)
    assert objection(wrong) == str(refused.value)
    with pytest.raises(RecipeError) as refused:
        Trainer(short, CORPUS)
    assert objection(short, None, len(CORPUS)) == str(refused.value)
    assert objection(short) == objection(Recipe(), None, len(CORPUS)) == ""


# Differences.


@given(st.sampled_from(PLAIN), st.data())
def test_exactly_what_differs_is_listed_and_read_back(name: str, data: st.DataObject) -> None:
    rule = RULES[name]
    value: str | float
    if rule.choices:
        alone = [choice for choice in rule.choices if choice != "nesterov"]  # which needs some momentum
        value = data.draw(st.sampled_from(alone))
    else:
        low, high = max(rule.low, 0), min(rule.high, 0.1 if rule.kind is float else 5000)
        number = st.floats(low, high) if rule.kind is float else st.integers(int(low), int(high))
        value = data.draw(number)
    before, after = Recipe(), Recipe().with_values(**{name: value})
    found = differences(before, after)
    assert [difference.name for difference in found] == ([name] if value != getattr(before, name) else [])
    for difference in found:
        assert rule.read(name, difference.after) == getattr(after, name)
        assert difference.live is rule.live
    assert [(d.before, d.after) for d in differences(after, before)] == [(d.after, d.before) for d in found]


def test_a_run_takes_up_rate_and_batch_but_not_a_size_nor_planned_changes() -> None:
    assert all_live(differences(Recipe(), Recipe(rate=0.5, batch=1, clip_norm=1)))
    assert not all_live(differences(Recipe(), Recipe(rate=0.5, hidden=64)))
    planned = Recipe().changed(120, "batch", 64)
    found = differences(Recipe(), planned)
    assert [(d.name, d.before, d.after, d.live) for d in found] == [
        ("changes", "none", "@120:batch=64", False)
    ]


def test_values_are_written_as_they_are_typed() -> None:
    assert [written(value) for value in (0.1, 0.1 + 0.2, 32, "relu", "", 1e-05)] == [
        "0.1",
        "0.30000000000000004",
        "32",
        "relu",
        '""',
        "1e-05",
    ]


# The form.


@pytest.mark.parametrize("model", ["mlp", "lstm", "transformer", "add-k", "uniform"])
async def test_there_is_a_field_for_all_that_means_something_with_its_range_and_when_it_takes_effect(
    model: str,
) -> None:
    recipe = preset_recipe(model, TINY)
    async with opened(settings(recipe)) as it:
        fields = [field for field in it.dialog.query(Ingredient) if field.display]
        assert [field.ingredient for field in fields] == [name for name in EDITABLE if recipe.means(name)]
        for field in fields:
            rule, words = RULES[field.ingredient], it.words(field.ingredient)
            assert words.startswith(rule.meaning)
            assert words.endswith("changes at once" if rule.live else "begins a new run")
            assert rule.choices or rule.allowed in words
        assert it.groups == ["Text", "Model", "Training", "Stopping"]


async def test_fields_come_and_go_with_the_choices_that_give_them_a_meaning() -> None:
    async with opened(settings()) as it:
        assert "momentum" in it.shown
        assert not {"beta1", "drop_every", "floor", "order", "heads"} & set(it.shown)
        it.field("optimizer").take("adam")
        it.field("schedule").take("step")
        await it.rest()
        assert {"beta1", "beta2", "drop_every", "drop_factor"} < set(it.shown)
        assert "momentum" not in it.shown
        assert it.shown == [name for name in EDITABLE if name in it.shown]  # each in its place
        it.field("optimizer").take("sgd")
        await it.rest()
        assert "momentum" in it.shown
        assert "beta1" not in it.shown


async def test_a_field_that_means_nothing_counts_as_its_default() -> None:
    async with opened(settings(Recipe(momentum=0.9))) as it:
        it.field("optimizer").take("adam")
        await it.rest()
        await it.press("ctrl+s")
        assert it.results == [Recipe(optimizer="adam")]


async def test_what_is_wrong_in_a_field_that_means_nothing_stands_in_nobodys_way() -> None:
    async with opened(settings()) as it:
        await it.type_into("momentum", "7")
        assert it.text("#settings-said") == "still to be mended: momentum"
        it.field("optimizer").take("adam")
        await it.rest()
        await it.press("ctrl+s")
        assert it.results == [Recipe(optimizer="adam")]


@pytest.mark.parametrize("model", ["scalar-mlp", "transformer", "kneser-ney"])
async def test_another_model_comes_with_its_tiny_preset_and_leaves_text_seed_and_stops(model: str) -> None:
    kept = {"corpus": "names", "train_share": 0.5, "seed": 7, "stop_steps": 99}
    before = Recipe(model="kneser-ney" if model != "kneser-ney" else "mlp", **kept)  # type: ignore[arg-type]  # by name
    async with opened(settings(before)) as it:
        it.field("model").take(model)
        await it.rest()
        expected = preset_recipe(model, TINY, Recipe(**kept))  # type: ignore[arg-type]  # by name
        assert isinstance(it.dialog, SettingsDialog)
        assert it.dialog.recipe == expected
        assert it.shown == [name for name in EDITABLE if expected.means(name)]
        assert it.field("model").has_focus_within
        await it.press("ctrl+s")
        assert it.results == [expected]


async def test_a_model_that_is_set_along_with_its_sizes_keeps_them() -> None:
    async with opened(settings(Recipe(model="kneser-ney"))) as it:
        await it.press("ctrl+r")
        assert isinstance(it.dialog, SettingsDialog)
        assert it.dialog.recipe == Recipe()  # and not the tiny preset of its model


async def test_a_wrong_number_is_refused_in_words_while_it_is_typed() -> None:
    async with opened(settings()) as it:
        for name in TYPED:
            rule, line = RULES[name], it.field(name).query_one(Line)
            for wrong in (f"{int(rule.low) - 1}", ""):
                line.value = wrong
                await it.rest()
                assert it.words(name).startswith(f"must be {rule.allowed}")
                assert wrong in it.words(name)
                assert it.text("#settings-said") == f"still to be mended: {name.replace('_', ' ')}"
                assert it.text("#settings-estimate").startswith("–")
            line.value = written(getattr(Recipe(), name))
            await it.rest()
            assert it.text("#settings-said") == "nothing is changed"


async def test_ok_goes_to_the_first_field_that_is_wrong() -> None:
    async with opened(settings()) as it:
        await it.type_into("batch", "0")
        await it.type_into("hidden", "nan")
        it.field("seed").enter()
        await it.press("enter")
        assert it.results == []
        assert it.field("hidden").has_focus_within


async def test_what_is_typed_and_chosen_comes_out() -> None:
    async with opened(settings()) as it:
        await it.type_into("hidden", "64")
        await it.type_into("rate", "0.05")
        it.field("activation").enter()
        await it.press("right")
        await it.press("ctrl+s")
        assert it.results == [Recipe(hidden=64, rate=0.05, activation="tanh")]


async def test_what_ok_will_do_and_what_the_model_comes_to_follow_every_key() -> None:
    async with opened(settings()) as it:
        assert it.text("#settings-said") == "nothing is changed"
        await it.type_into("rate", "0.5")
        assert it.text("#settings-said") == "OK changes the run as it goes: rate"
        await it.type_into("hidden", "256")
        assert it.text("#settings-said") == "OK starts the run again: hidden"
        needs = footprint(Recipe(hidden=256), 45, 2392)
        assert f"{needs.parameters:,} parameters" in it.text("#settings-estimate")
        assert f"{needs.rewind_limit:,} steps" in it.text("#settings-estimate")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"validation_share": "0.9"}, "together they may not exceed 1"),
        ({"context": "200", "train_share": "0.01"}, "too few for context = 200"),
        ({"warmup": "9999999", "schedule": "cosine"}, "must be less than steps"),
        ({"patience": "3", "validation_share": "0"}, "nothing to validate on"),
        ({"optimizer": "nesterov"}, "nesterov needs some"),
    ],
)
async def test_fields_that_contradict_each_other_are_refused(typed: dict[str, str], words: str) -> None:
    async with opened(settings()) as it:
        for name, text in typed.items():
            if RULES[name].choices:
                it.field(name).take(text)
                await it.rest()
            else:
                await it.type_into(name, text)
        assert words in it.text("#settings-said")
        await it.press("ctrl+s")
        assert it.results == []


async def test_a_model_that_cannot_be_made_that_way_is_refused() -> None:
    async with opened(settings(Recipe(model="scalar-mlp"))) as it:
        it.field("activation").take("gelu")
        await it.rest()
        await it.press("ctrl+s")
        assert "scalar-mlp knows" in it.text("#settings-said")
        assert it.results == []


@pytest.mark.parametrize("model", ["mlp", "transformer", "kneser-ney"])
async def test_a_preset_decides_all_but_text_seed_and_stops_by_its_key_and_by_its_button(model: str) -> None:
    kept = Recipe(seed=7, corpus="names", train_share=0.5, stop_loss=1.5)
    odd = kept.with_values(model=model, **({"order": 9} if model == "kneser-ney" else {"dropout": 0.7}))
    async with opened(settings(odd)) as it:
        dialog = it.dialog
        assert isinstance(dialog, SettingsDialog)
        assert it.text("#settings-whose") == f"{model}:"
        for index, offer in enumerate(OFFERS):
            button = dialog.query_one(f"#preset-{index}", Button)
            expected = kept.with_values(**preset(offer.model or model, offer.preset))
            for by_key in (True, False):
                dialog.query_one(Form).take({name: getattr(odd, name) for name in EDITABLE})
                await it.rest()
                assert dialog.recipe == odd
                assert not button.has_class("-stands")
                await (it.press(offer.key) if by_key else it.click(f"#preset-{index}"))
                assert dialog.recipe == expected  # no objection either, or it would raise
                assert button.has_class("-stands")
        await it.press("ctrl+s")
        assert it.results == [expected]


def test_presets_have_keys_and_names_of_their_own() -> None:
    assert len({offer.key for offer in OFFERS}) == len({offer.label for offer in OFFERS}) == len(OFFERS)
    course = Recipe().with_values(**OFFERS[0].values("lstm"))
    assert (course.model, course.context, course.embedding, course.hidden, course.layers) == (
        "mlp",
        8,
        32,
        128,
        2,
    )


@pytest.mark.parametrize("way", ["ctrl+r", "#settings-defaults"])
async def test_defaults_bring_back_all_but_the_text(way: str) -> None:
    odd = Recipe(corpus="names", fingerprint="abc", context=5, hidden=99, seed=7, optimizer="adam")
    async with opened(settings(odd)) as it:
        await (it.click(way) if way.startswith("#") else it.press(way))
        await it.rest()
        await it.click("#settings-ok")
        assert it.results == [Recipe(corpus="names", fingerprint="abc")]


@pytest.mark.parametrize("way", ["escape", "#settings-cancel"])
async def test_cancel_changes_nothing(way: str) -> None:
    async with opened(settings()) as it:
        await it.type_into("hidden", "64")
        await (it.click(way) if way.startswith("#") else it.press(way))
        assert it.results == [None]


async def test_planned_changes_do_not_come_out_of_the_form() -> None:
    async with opened(settings(Recipe().changed(10, "rate", 0.5))) as it:
        await it.press("ctrl+s")
        assert it.results == [Recipe()]


async def test_every_control_is_reached_with_the_down_key_and_comes_into_view_on_a_small_screen() -> None:
    async with opened(settings(), NARROW) as it:
        form, reached = it.dialog.query_one(Form), set()
        start = it.pilot.app.focused
        while True:
            focused = it.pilot.app.focused
            assert focused is not None
            reached.add(focused)
            deadline = time.monotonic() + DEADLINE
            while form in focused.ancestors and not form.region.contains_region(focused.region):
                assert time.monotonic() < deadline, f"{focused} is never scrolled to"
                await it.rest()
            await it.press("down")
            await it.rest()
            if it.pilot.app.focused is start:
                break
        rows = [*it.dialog.query(Line), *it.dialog.query(Choice)]
        assert reached == {*rows, *it.dialog.query(Button)}
        assert len(rows) == len(PLAIN)
        await it.press("up")
        assert it.pilot.app.focused is not start
        await it.press("pageup", "pageup", "pageup", "pageup", "pageup", "pageup")
        assert form.scroll_offset.y == 0
        await it.press("pagedown")
        assert form.scroll_offset.y == form.size.height - 1


async def test_a_menu_opens_and_the_keys_in_it_choose() -> None:
    async with opened(settings()) as it:
        it.field("model").enter()
        await it.press("enter")
        menu = it.pilot.app.screen
        assert isinstance(menu, Menu)
        await it.press("down", "j", "k", "enter")
        await it.rest()
        assert it.field("model").typed == "scalar-mlp"
        await it.press("h")
        assert it.field("model").typed == "mlp"
        await it.press("space", "down", "escape")
        await it.rest()
        assert it.field("model").typed == "mlp"
        assert it.pilot.app.screen is it.dialog


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_menu_of_models_has_what_learns_before_what_counts_with_words_and_papers(
    size: tuple[int, int],
) -> None:
    async with opened(settings(Recipe(model="kneser-ney")), size) as it:
        it.field("model").enter()
        await it.press("enter")
        options = it.pilot.app.screen.query_one(OptionList)
        assert options.highlighted is not None
        assert options.get_option_at_index(options.highlighted).id == "kneser-ney"
        words = [options.get_option_at_index(i) for i in range(options.option_count)]
        assert [option.id for option in words if option.id] == [*GRADIENT, *COUNTING]
        assert [str(option.prompt) for option in words if not option.id] == [
            "Learning by gradients",
            "Counting",
        ]
        for option in words:
            entry = MODELS.get(option.id or "")
            if entry is not None:
                assert entry.description in str(option.prompt)
                assert entry.source in str(option.prompt)
        await it.pilot.click(OptionList, offset=(3, 1))
        await it.rest()


async def test_a_field_takes_any_paste_and_shows_nothing_that_moves_the_cursor() -> None:
    async with opened(settings()) as it:
        it.field("hidden").enter()
        await it.rest()
        await it.paste(HOSTILE * 50)
        line = it.field("hidden").query_one(Input)
        assert line.value
        assert line.value.isprintable()
        assert it.words("hidden").isprintable()
        assert it.words("hidden").startswith("must be a whole number")


async def test_a_hostile_name_of_the_text_is_shown_as_it_is() -> None:
    async with opened(settings(Recipe(corpus=HOSTILE))) as it:
        fixed = it.text(".settings-fixed")
        assert "[@click=app.quit]" in fixed
        assert fixed.isprintable()
        await it.press("ctrl+s")
        assert it.results == [Recipe(corpus=HOSTILE)]


async def test_without_a_text_nothing_is_said_about_parameters() -> None:
    async with opened(SettingsDialog(Recipe())) as it:
        assert "none is open" in it.text("#settings-estimate")


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_presets_and_the_buttons_fit(size: tuple[int, int]) -> None:
    async with opened(settings(), size) as it:
        box = it.dialog.query_one("#settings-box").content_region
        for button in it.dialog.query(Button):
            assert box.contains_region(button.region)
        for part in ("#settings-said", "#settings-estimate"):
            assert it.dialog.query_one(part).region.height == 1


# The recipe as a line.


async def retype(it: Opened, text: str) -> None:
    await it.click("#recipe-clear")
    await it.rest()
    it.dialog.query_one(RecipeLine).focus()
    await it.paste(text)


async def test_an_untouched_line_means_exactly_the_recipe_it_was_made_from() -> None:
    recipe = Recipe(corpus=HOSTILE, hidden=64).changed(12, "rate", 0.5)
    async with opened(RecipeDialog(recipe)) as it:
        assert it.dialog.query_one(RecipeLine).text.isprintable()
        assert "the recipe of the run" in it.text("#recipe-said")
        await it.press("enter")
        assert it.results == [recipe]
        assert it.results[0] is recipe


async def test_a_paste_replaces_the_line_and_what_differs_is_listed() -> None:
    async with opened(RecipeDialog(Recipe(hidden=64, seed=7))) as it:
        await it.paste("corpus=proverbs hidden=128\nbatch=64   seed=7 @120:rate=0.05\n")  # broken on its way
        assert it.dialog.query_one(RecipeLine).text.count("\n") == 0
        rows = [line.split() for line in it.text("#recipe-said").splitlines()]
        assert rows == [
            ["hidden", "64", "→", "128", "begins", "a", "new", "run"],
            ["batch", "32", "→", "64", "changes", "at", "once"],
            ["changes", "none", "→", "@120:rate=0.05", "begins", "a", "new", "run"],
        ]
        await it.press("ctrl+s")
        assert it.results == [Recipe(batch=64, seed=7).changed(120, "rate", 0.05)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hiden=64", "hiden: no such ingredient"),
        ("batch=99999", "batch = 99999: examples per step must be a whole number from 1 to 4096"),
        ("hello", "'hello' is not of the form name=value"),
        ("corpus='", "No closing quotation"),
        ("model=scalar-mlp activation=gelu", "scalar-mlp knows"),
        ("@5:hidden=3", "cannot change during a run"),
        ("   ", "no recipe here yet"),
    ],
)
async def test_a_wrong_line_says_what_is_wrong_and_stays(line: str, words: str) -> None:
    async with opened(RecipeDialog(Recipe()), NARROW) as it:
        await retype(it, line)
        assert words in it.text("#recipe-said")
        await it.press("enter", "ctrl+s")
        await it.click("#recipe-ok")
        assert it.results == []
        await retype(it, "seed=3")
        await it.click("#recipe-ok")
        assert it.results == [Recipe(seed=3)]


@pytest.mark.parametrize("way", ["escape", "#recipe-cancel"])
async def test_cancel_keeps_the_run(way: str) -> None:
    async with opened(RecipeDialog(Recipe())) as it:
        await retype(it, "seed=3")
        await (it.click(way) if way.startswith("#") else it.press(way))
        assert it.results == [None]


async def test_a_hostile_paste_is_shown_harmlessly_and_refused() -> None:
    async with opened(RecipeDialog(Recipe())) as it:
        await it.paste(HOSTILE * 2000)
        assert it.dialog.query_one(RecipeLine).text.isprintable()
        assert it.text("#recipe-said").replace("\n", "").isprintable()
        await it.press("enter")
        assert it.results == []


@given(st.text(max_size=200))
def test_what_a_line_shows_can_be_shown_again_without_change(text: str) -> None:
    from tui.dialogs.recipe import _shown

    assert _shown(_shown(text)) == _shown(text)
