"""StepperPane: one example on its way through the phases of a training step.

What it promises: the phases that are done stand below one another, the newest in view; each can be gone back
to and read again; and it is always said which key does what comes next.
What it does not know: the mathematics; `step_text` writes out what the trace brings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine.snapshot import Phase, Snapshot, Status
from tui.keys import active_key
from tui.panes.base import Pane
from tui.panes.formulas import formula_lines, rule
from tui.panes.step_lines import MUTED
from tui.panes.step_story import Story
from tui.panes.step_text import account
from tui.text import content

PRIMER_NAME = 10
"""Cells of the names of the phases before what they will do."""


class Sections(VerticalScroll, inherit_bindings=False):
    """The phases' accounts; the pane has the keys."""

    def __init__(self, *accounts: Static) -> None:
        super().__init__(*accounts)
        self._wanted: Static | None = None

    def reveal(self, account: Static) -> None:
        """Bring the beginning of `account` into view, now and when its place has changed."""
        self._wanted = account
        self.call_after_refresh(self._scroll_to_wanted)

    def let_go(self) -> None:
        """The person scrolls: nothing else is to be brought into view."""
        self._wanted = None

    def watch_virtual_size(self) -> None:
        """The accounts have found their places."""
        self._scroll_to_wanted()

    def watch_show_vertical_scrollbar(self) -> None:
        """Nothing scrolls before the scrollbar is shown."""
        self._scroll_to_wanted()

    def _scroll_to_wanted(self) -> None:
        if self._wanted is not None:
            self.scroll_to(y=self._wanted.virtual_region.y, animate=False, immediate=True)


class StepperPane(Pane):
    """The phases in a row, and an account of each that is done."""

    BINDING_GROUP_TITLE = "Step by step"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "h,left",
            "select(-1)",
            "phase before",
            show=False,
            id="stepper.before",
            tooltip="Read the phase before",
        ),
        Binding(
            "l,right",
            "select(1)",
            "phase after",
            show=False,
            id="stepper.after",
            tooltip="Read the phase after",
        ),
        Binding("j,down", "scroll(1)", "down", show=False, id="stepper.down", tooltip="One row down"),
        Binding("k,up", "scroll(-1)", "up", show=False, id="stepper.up", tooltip="One row up"),
        Binding(
            "pagedown", "page(1)", "page down", show=False, id="stepper.page_down", tooltip="A page down"
        ),
        Binding("pageup", "page(-1)", "page up", show=False, id="stepper.page_up", tooltip="A page up"),
        Binding("home", "end(False)", "top", show=False, id="stepper.top", tooltip="To the first row"),
        Binding("end", "end(True)", "bottom", show=False, id="stepper.bottom", tooltip="To the last row"),
    ]

    def __init__(self, *, id: str | None = "stepper") -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self.border_title = "5 Step by step"
        self._snapshot = Snapshot()
        self._selected = 0
        self._width = 0
        self._accounts = {phase: Static(id=f"stepper-{phase}", markup=False) for phase in Phase}

    def compose(self) -> ComposeResult:
        """The row of phases, a note if something is wrong, the accounts."""
        yield Static(id="stepper-phases", markup=False)
        yield Static(id="stepper-note", markup=False)
        yield Sections(Static(id="stepper-primer", markup=False), *self._accounts.values())

    def on_mount(self) -> None:
        """Draw what there is, so that no part is ever empty."""
        self._draw()

    def on_resize(self) -> None:
        """Lines are as long as the pane is wide."""
        if self._width != self.query_one(Sections).scrollable_content_region.width:
            self._draw()
            self._reveal()

    def show(self, snapshot: Snapshot) -> None:
        """Draw `snapshot` if the step it shows went on."""
        then, self._snapshot = self._snapshot, snapshot
        stepped = snapshot.trace is not then.trace
        if stepped:
            self._selected = self._done - 1
        stands = snapshot.status is then.status and snapshot.trouble is then.trouble
        if stepped or not stands or snapshot.recipe is not then.recipe:
            self._draw()
        if stepped:
            self._reveal()

    def action_select(self, places: int) -> None:
        """Go to the account of another phase that is done."""
        if self._done:
            self._selected = min(max(self._selected + places, 0), self._done - 1)
            self._draw()
            self._reveal()

    def action_scroll(self, rows: int) -> None:
        """Scroll by rows."""
        self._freely.scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by what is in view."""
        self._freely.scroll_relative(y=pages * max(self._freely.size.height - 1, 1), animate=False)

    def action_end(self, bottom: bool) -> None:
        """Scroll to the first or the last row."""
        self._freely.scroll_to(y=self._freely.max_scroll_y if bottom else 0, animate=False)

    @property
    def _freely(self) -> Sections:
        """The accounts, to be scrolled by the person."""
        sections = self.query_one(Sections)
        sections.let_go()
        return sections

    @property
    def _done(self) -> int:
        """How many phases are done."""
        trace = self._snapshot.trace
        return 0 if trace is None else self._phases.index(trace.done) + 1

    @property
    def _phases(self) -> tuple[Phase, ...]:
        """The phases that a step of this model has."""
        return self._snapshot.phases

    @property
    def _stopped(self) -> bool:
        return self._snapshot.status is Status.STOPPED

    def _draw(self) -> None:
        """Bring everything up to date."""
        snapshot, done = self._snapshot, self._done
        self._width = self.query_one(Sections).scrollable_content_region.width
        self.query_one("#stepper-phases", Static).update(self._row(), layout=False)
        note = self.query_one("#stepper-note", Static)
        note.display = self._stopped and snapshot.trouble is not None
        if snapshot.trouble is not None:
            note.update(content(f"{snapshot.trouble.title}: {snapshot.trouble.message}", newlines=False))
        primer = self.query_one("#stepper-primer", Static)
        primer.display = not done
        if not done:
            primer.update(self._primer())
        story = self._story()
        told = self._phases[:done]
        for phase, section in self._accounts.items():
            section.display = phase in told
            if story is not None and section.display:
                rows = [self._heading(told.index(phase)), *account(phase, story)]
                section.update(Content("\n").join(rows if phase is told[-1] else [*rows, Content("")]))
        self.border_subtitle = Content(f"step {snapshot.trace.step:,}" if snapshot.trace else "")

    def _story(self) -> Story | None:
        snapshot = self._snapshot
        if snapshot.trace is None or snapshot.corpus is None or snapshot.recipe is None:
            return None
        recipe = snapshot.recipe.at(snapshot.trace.step - 1)
        corpus = snapshot.corpus
        return Story(snapshot.trace, corpus.vocabulary, recipe, len(corpus), self._width)

    def _row(self) -> Content:
        """The phases: done ones filled, the next one with its key."""
        done, key = self._done, active_key(self.app, "run.phase")
        following = None if self._stopped else done % len(self._phases)
        whole = sum(len(f"● {phase} ▸ ") for phase in self._phases) + len(key)
        between = " ▸ " if whole <= self.query_one("#stepper-phases").size.width else " "
        parts: list[tuple[str, str]] = []
        for index, phase in enumerate(self._phases):
            parts.append((between, MUTED) if index else ("", ""))
            if index < done:
                parts.append((f"● {phase}", "bold $text-success" + " underline" * (index == self._selected)))
            elif index == following:
                parts += [("○ ", "$text-accent"), (phase, "bold $text-accent")]
            else:
                parts.append((f"○ {phase}", MUTED))
            if index == following:
                parts += [(" ", ""), (key, "bold reverse")]
        return Content.assemble(*parts)

    def _heading(self, index: int) -> Content:
        chosen = index == self._selected
        title = f"{'▸' if chosen else ' '} {index + 1} {self._phases[index]}"
        return Content.styled(title, "bold $text-accent" if chosen else "bold")

    def _primer(self) -> Content:
        """Which keys there are, and what the phases will do."""
        phase, step, run, text = (
            active_key(self.app, name) for name in ("run.phase", "run.step", "run.toggle", "text.open")
        )
        hint = {
            Status.EMPTY: f"No text yet: {text} opens one.",
            Status.RUNNING: f"At full speed.\n{run} stops it; {phase} then does one phase, {step} a step.",
        }.get(self._snapshot.status, f"{phase} does one phase, {step} a whole step.")
        return Content("\n").join([Content(hint), Content(""), *self._outlook()])

    def _outlook(self) -> Iterator[Content]:
        """What the phases will do with this model."""
        recipe = self._snapshot.recipe
        if recipe is None:
            return
        learns = recipe.means("rate")
        told = {
            Phase.DRAW: [
                "take the next examples: context and target" if learns else "read on: as much again"
            ],
            Phase.FORWARD: self._formulas() or ["P(c) for every character c, from what was counted so far"],
            Phase.LOSS: ["L = -log P(target)" + ", P = softmax(z)" * learns],
            Phase.BACKWARD: ["g = dL/dθ, by the chain rule"],
            Phase.UPDATE: [formula for _, formula in rule(recipe, "rate")],
        }
        for phase in self._phases:
            for index, line in enumerate(told[phase]):
                name = str(phase) if index == 0 else ""
                yield Content.assemble((name.ljust(PRIMER_NAME), "bold"), (line, MUTED))

    def _formulas(self) -> list[str]:
        """What the stages compute, each formula once, broken to the width."""
        room = max(self._width - PRIMER_NAME, 1)
        formulas = dict.fromkeys(formula for _, formula in self._snapshot.formulas)
        return [line.plain for formula in formulas for line in formula_lines(formula, room)]

    def _reveal(self) -> None:
        """Bring the chosen account into view, or what stands there instead."""
        chosen = (
            self._accounts[self._phases[self._selected]]
            if self._done
            else self.query_one("#stepper-primer", Static)
        )
        self.query_one(Sections).reveal(chosen)
