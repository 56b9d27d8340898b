"""DistributionPane: what the model expects after a context, a bar a character.

What it promises: turning temperature, top-k or top-p moves the bars at once, from the scores at hand, without
asking the engine; a typed context is asked about as it is typed, and leaving it follows the training example
again; what had to be done to a typed context is said in words.
What it does not know: models, and where the sampling is chosen.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from engine.commands import Ask
from engine.sampling import Sampling
from engine.snapshot import NextCharacter, RivalView, Snapshot
from tui.keys import active_key
from tui.messages import EngineCommand
from tui.panes.base import Pane
from tui.panes.expectation import Expectation, bits, context_tail
from tui.panes.question import Question
from tui.text import content
from tui.widgets.bars import FULL, THIN, Bars

MUTED = "$foreground 60%"
NO_TEXT = "no expectation yet: o opens a text"


class DistributionPane(Pane):
    """The distribution over the next character, raw and as it is sampled from."""

    BINDING_GROUP_TITLE = "Next character"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "a",
            "order",
            "Order",
            id="distribution.order",
            tooltip="Most likely first, or in the order of the alphabet",
        ),
        Binding(
            "v",
            "rival",
            "Versus",
            show=False,
            id="distribution.rival",
            tooltip="Beside which of the models one compares with, or alone",
        ),
        Binding(
            "escape",
            "follow",
            "Follow",
            id="distribution.follow",
            tooltip="Forget the question and follow the training example again",
        ),
    ]

    def __init__(self, *, id: str | None = "distribution") -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._noted: str | None = None
        self.border_title = "3 Next character"
        self._snapshot = Snapshot()
        self._sampling = Sampling()
        self._alphabetical = False
        self._asked: str | None = None
        self._rival = 0
        """Which of the snapshot's rivals stands beside, from 0; as many as there are: none."""
        self._expectation: Expectation | None = None

    def compose(self) -> ComposeResult:
        """Context, who is who, bars, numbers, note, question: from top to bottom."""
        yield Static(id="distribution-context", markup=False)
        yield Static(id="distribution-rival", markup=False)
        yield Bars(empty=NO_TEXT)
        yield Static(id="distribution-facts", markup=False)
        yield Static(id="distribution-note", markup=False)
        question = Question(placeholder="what comes after …?", compact=True)
        question.tooltip = "type a context; ctrl+j writes a line feed, Escape follows the example again"
        yield question

    def on_mount(self) -> None:
        """Draw what there is, so that no part is ever empty."""
        self._draw()

    def on_resize(self) -> None:
        """The end of the context that fits depends on the width."""
        self._write_context()
        self._write_rival()

    def show(self, snapshot: Snapshot) -> None:
        """Draw `snapshot` if what it says of the next character is new."""
        then, self._snapshot = self._snapshot, snapshot
        old, new = then.next_character, snapshot.next_character
        answered = old is not None and old.target is None
        if self._asked is not None and answered and new is not None and new.target is not None:
            self._ask()  # a new run has forgotten the question, which still stands
        rivals = [view.rival for view in snapshot.rivals]
        if rivals != [view.rival for view in then.rivals]:
            self._rival = 0
        same_rivals = len(rivals) == len(then.rivals) and all(map(_alike, then.rivals, snapshot.rivals))
        if snapshot.corpus is not then.corpus or not _same(old, new) or not same_rivals:
            self._draw()

    def show_sampling(self, sampling: Sampling) -> None:
        """Bend the bars to this sampling, from the scores at hand."""
        if sampling != self._sampling:
            self._sampling = sampling
            self._draw()

    def focus_question(self) -> None:
        """Put the focus where a context is typed."""
        self.query_one(Question).focus()

    def action_order(self) -> None:
        """Most likely first, or in the order of the alphabet."""
        self._alphabetical = not self._alphabetical
        self._draw()

    def action_rival(self) -> None:
        """Beside the next of the models one compares with, or alone after the last."""
        rivals = self._snapshot.rivals
        if not rivals:
            key = active_key(self.app, "model.compare")
            self.notify(f"{key} chooses models to compare with", markup=False)
            return
        self._rival = (self._rival + 1) % (len(rivals) + 1)
        self._draw()

    def action_follow(self) -> None:
        """Forget the question and follow the training example again."""
        self.query_one(Question).value = ""
        self._ask()
        self.query_one(Bars).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is the pane's only while a question stands or is being typed."""
        return action != "follow" or self._asked is not None or self.query_one(Question).has_focus

    def on_input_changed(self, event: Input.Changed) -> None:
        """Ask while the person types."""
        event.stop()
        self._ask()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter leaves the line, and the question stands."""
        event.stop()
        self.query_one(Bars).focus()

    def _ask(self) -> None:
        """Send the question as it stands; an empty one follows the example."""
        corpus = self._snapshot.corpus
        context = self.query_one(Question).context(() if corpus is None else corpus.vocabulary) or None
        if context is not None or self._asked is not None:
            self._asked = context
            self.post_message(EngineCommand(Ask(context)))

    def _draw(self) -> None:
        """Bring everything up to date."""
        corpus, said = self._snapshot.corpus, self._snapshot.next_character
        self._expectation = None
        if corpus is not None and said is not None:
            self._expectation = Expectation.of(said, corpus.vocabulary, self._sampling)
        known = self._expectation
        bars = [] if known is None else known.bars(alphabetical=self._alphabetical, rival=self._beside)
        self.query_one(Bars).show(bars)
        self._write_rival()
        self._write_context()
        self._write_facts()
        self._write_note("" if said is None else said.note)
        self.border_subtitle = _in_words(self._sampling)

    @property
    def _beside(self) -> RivalView | None:
        """The rival that is compared with now."""
        rivals = self._snapshot.rivals
        return rivals[self._rival] if self._rival < len(rivals) else None

    def _write_rival(self) -> None:
        """Whose the two sets of bars are, and what the truth costs the rival."""
        line, rival, recipe = (
            self.query_one("#distribution-rival", Static),
            self._beside,
            self._snapshot.recipe,
        )
        line.display = rival is not None
        if rival is None:
            return
        model = "model" if recipe is None else recipe.model
        cost = None if self._expectation is None else self._expectation.surprise_of(rival)
        told = f" {bits(cost).strip()} bits" if cost is not None else ""
        if rival.log_probabilities is None:
            told = " reading …"
        who = Content.assemble(
            (f"{FULL} ", "$primary-lighten-1"),
            model,
            (f"  {THIN} ", "$text-secondary"),
            str(rival.rival),
            (told, MUTED),
        )
        hint = Content.styled("   v: the next", MUTED)
        fits = who.cell_length + hint.cell_length <= line.size.width
        line.update(Content.assemble(who, hint) if fits else who, layout=False)

    def _write_note(self, words: str) -> None:
        """What had to be done to a typed context, or why it was refused."""
        if words != self._noted:  # a change lays the whole screen out anew
            self._noted = words
            note = self.query_one("#distribution-note", Static)
            note.display = bool(words)
            note.update(content(words, "$text-warning", newlines=False))

    def _write_context(self) -> None:
        """The context, its end if there is no room for all, and the truth if it is known."""
        line = self.query_one("#distribution-context", Static)
        known, said = self._expectation, self._snapshot.next_character
        if known is None or said is None:
            line.update("", layout=False)
            return
        truth = (known.truth, "bold $text-success") if known.truth else ("?", "bold")
        room = line.size.width - len("after  comes ") - cell_len(truth[0])
        context = context_tail(known.vocabulary.decode(said.context), room)
        parts = (("after ", MUTED), (context, "$text-primary"), (" comes ", MUTED), truth)
        line.update(Content.assemble(*parts), layout=False)

    def _write_facts(self) -> None:
        """Entropies, surprise and rank; a dash for what is not known."""
        known = self._expectation
        raw, sampled, surprise = (None,) * 3 if known is None else (*known.entropies, known.surprise)
        rank = "" if known is None or known.rank is None else f", rank {known.rank}"
        facts = self.query_one("#distribution-facts", Static)
        entropy = Content.assemble(("entropy  ", MUTED), bits(raw))
        if sampled != raw:
            entropy = Content.assemble(entropy, (", sampled ", MUTED), bits(sampled).strip())
        if entropy.cell_length + len(" bits") <= facts.size.width:
            entropy = Content.assemble(entropy, (" bits", MUTED))  # the line below says so, too
        surprised = Content.assemble(("surprise ", MUTED), bits(surprise), (" bits" + rank, MUTED))
        facts.update(Content("\n").join((entropy, surprised)), layout=False)


def _same(old: NextCharacter | None, new: NextCharacter | None) -> bool:
    """Whether two answers are the same to the eye."""
    if old is None or new is None:
        return old is new
    words = (old.context, old.target, old.note) == (new.context, new.target, new.note)
    return words and np.array_equal(old.logits, new.logits)


def _alike(old: RivalView, new: RivalView) -> bool:
    """Whether two rivals say the same to the eye."""
    then, now = old.log_probabilities, new.log_probabilities
    if old.rival != new.rival or then is None or now is None:
        return old.rival == new.rival and then is now
    return np.array_equal(then, now)


def _in_words(sampling: Sampling) -> str:
    """The settings that bend the distribution."""
    words = [f"temperature {sampling.temperature:.2f}"]
    if sampling.top_k:
        words.append(f"top-k {sampling.top_k}")
    if sampling.top_p < 1:
        words.append(f"top-p {sampling.top_p:.2f}")
    return " · ".join(words)
