"""ChoiceDialog: who takes part, on which split, with which budget?

What it promises: only a comparison that can begin comes out; what is wrong is said while it is typed. What it does
not know: where the comparison works.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from corpora.corpus import Corpus, CorpusError
from engine.models.catalog import MODELS
from engine.models.presets import STANDARD, TINY
from engine.scoreboard.scoreboard import Scoreboard
from engine.scoreboard.terms import BAR_MODEL, Entrant, Terms, entrant
from engine.training.recipe import Recipe
from engine.training.rules import COUNTING, RecipeError
from tui.screens import Dialog
from tui.text import content, single_line
from tui.widgets.tick import Tick

BUDGET = "60 seconds"
_UNITS = {"": 1, "s": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "minute": 60, "minutes": 60}
_NAME = 40  # cells of the text's name


def budget_of(text: str) -> tuple[int, float]:
    """Steps and seconds, one of which is 0, of "2000 steps", "90 s" or "5 minutes".

    Raises:
        RecipeError: if it is none of these.
    """
    match = re.fullmatch(r"([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([a-z]*)", text.strip().lower())
    number = float(re.sub("[_,]", "", match[1])) if match else 0.0
    if match and match[2] in ("step", "steps") and number == int(number) > 0:
        return int(number), 0.0
    if match and match[2] in _UNITS and number > 0:
        return 0, number * _UNITS[match[2]]
    raise RecipeError(f"budget = {text}: write such as 60 seconds, 5 minutes or 2000 steps")


class ChoiceDialog(Dialog[Scoreboard | None]):
    """Who takes part?

    Arguments:
        corpus: the text.
        recipe: of the run on the screen, which gives text, split and seed, and may take part itself.
    """

    CSS_PATH = "choice.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="choice.cancel", tooltip="Compare nothing"),
        Binding("ctrl+s", "begin", "begin", id="choice.begin", tooltip="Begin the comparison", priority=True),
        Binding("space", "turn", "switch", id="choice.turn", tooltip="Switch the model on or off"),
        Binding("down", "app.focus_next", "next", show=False, id="choice.next"),
        Binding("up", "app.focus_previous", "before", show=False, id="choice.before"),
    ]

    def __init__(self, corpus: Corpus, recipe: Recipe) -> None:
        super().__init__()
        self._corpus, self._recipe = corpus, recipe

    def compose(self) -> ComposeResult:
        """Neural models on the left, counting ones on the right, then the terms."""
        recipe = self._recipe
        test = max(0.0, 1 - recipe.train_share - recipe.validation_share)
        with Vertical(id="choice-box") as box:
            box.border_title = "Compare models"
            yield Static(content(f"on {single_line(self._corpus.name, _NAME)}, seed {recipe.seed}"))
            with Horizontal(id="choice-models"):
                with VerticalScroll(can_focus=False):
                    yield Static("Neural, one after another", classes="choice-head", markup=False)
                    yield from self._ticks(counting=False)
                    yield Tick("this run's own recipe", id="choice-own")
                with VerticalScroll(can_focus=False):
                    yield Static("Counting, at once", classes="choice-head", markup=False)
                    yield from self._ticks(counting=True)
            with Horizontal(classes="choice-line"):
                yield Static("presets", markup=False)
                yield Tick("tiny ones, whose steps are instant", id="choice-tiny")
            with Horizontal(classes="choice-line"):
                yield Static("budget", markup=False)
                yield Input(BUDGET, id="choice-budget", compact=True)
                yield Static("for each neural model", classes="choice-note", markup=False)
            with Horizontal(classes="choice-line"):
                yield Static("split", markup=False)
                split = f"{recipe.train_share:g}/{recipe.validation_share:g}/{test:g}"
                yield Input(split, id="choice-split", compact=True)
                yield Static("training / validation / test", classes="choice-note", markup=False)
            yield Static(id="choice-said", markup=False)
            with Horizontal(id="choice-buttons"):
                yield Button("Begin (ctrl+s)", id="choice-begin", variant="primary", compact=True)
                yield Button("Cancel (esc)", id="choice-cancel", compact=True)

    def on_mount(self) -> None:
        """The first model takes the keys."""
        self.query(Tick).first().focus()
        self._judge()

    @property
    def board(self) -> Scoreboard:
        """The comparison that is chosen.

        Raises:
            RecipeError: if it cannot be made.
            CorpusError: if nothing can be learned from the text.
        """
        steps, seconds = budget_of(self.query_one("#choice-budget", Input).value)
        split = Recipe.parse(shlex.quote(f"split={self.query_one('#choice-split', Input).value.strip()}"))
        terms = Terms(
            train_share=split.train_share,
            validation_share=split.validation_share,
            steps=steps,
            seconds=seconds,
            seed=self._recipe.seed,
            text=self._recipe.corpus,
        )
        bar = self.query_one(f"#choice-{BAR_MODEL}", Tick).value
        return Scoreboard(self._corpus, list(self._entrants()), terms, kneser_ney=bar)

    def _entrants(self) -> Iterator[Entrant]:
        preset = TINY if self.query_one("#choice-tiny", Tick).value else STANDARD
        if self.query_one("#choice-own", Tick).value:
            yield Entrant(self._recipe.with_values(changes=(), stop_steps=0, stop_seconds=0.0))
        for name in MODELS:
            # The strongest counting model is the bar: it takes part in full strength, whatever the presets.
            if name != BAR_MODEL and self.query_one(f"#choice-{name}", Tick).value:
                yield entrant(name, preset)

    def action_begin(self) -> None:
        """Hand the comparison out, or say what is in its way."""
        try:
            self.dismiss(self.board)
        except (RecipeError, CorpusError):
            self._judge()  # says why

    def action_turn(self) -> None:
        """Switch the tick that has the keys; over a dialog space neither runs nor pauses the training."""
        if isinstance(self.focused, Tick):
            self.focused.action_turn()

    def on_tick_changed(self, event: Tick.Changed) -> None:
        """Judge the choice."""
        event.stop()
        self._judge()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The same while the person types."""
        event.stop()
        self._judge()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field begins."""
        event.stop()
        self.action_begin()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The buttons."""
        event.stop()
        if event.button.id == "choice-begin":
            self.action_begin()
        else:
            self.dismiss(None)

    def _ticks(self, *, counting: bool) -> Iterator[Tick]:
        on = ("mlp", BAR_MODEL)
        for name in MODELS:
            if (name in COUNTING) is counting:
                tip = MODELS[name].description
                yield Tick(name, value=name in on, tooltip=tip, id=f"choice-{name}")

    def _judge(self) -> None:
        said = self.query_one("#choice-said", Static)
        try:
            view = self.board.picture()
        except (RecipeError, CorpusError) as refused:
            said.update(content(str(refused), "$text-error"))
            return
        neural = sum(not row.counting for row in view.rows)
        models = f"{neural} neural model{'s' * (neural != 1)}, {view.terms.budget} each"
        said.update(Content.styled(f"{models}; {len(view.rows) - neural} counting", "$foreground 60%"))
