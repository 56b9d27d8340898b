"""ConsolePane: let the model write, and read what it wrote.

What it promises: any turn of temperature, top-k or top-p is told at once; what is asked for is always
valid, since the fields take nothing else; the seed that a text will be written with is on the screen. What
it does not know: the engine. It sends a wish and shows the texts that snapshots bring.
"""

import re
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

from engine.commands import Generate
from engine.sampling import MAX_TEMPERATURE, Sampling, UnknownPolicy
from engine.snapshot import Sample, SampleState, Snapshot
from tui.keys import active_key
from tui.messages import EngineCommand, SamplingChanged
from tui.panes.base import Pane
from tui.panes.sample_list import SampleList
from tui.text import content
from tui.widgets.slider import Slider
from tui.widgets.tick import Tick

DEFAULT_LENGTH = 300
TEMPERATURE_STEP = 0.05
TOP_P_STEP = 0.05
TOP_K_CEILING = 100
"""The slider's end, or the vocabulary's if that is smaller."""

_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


class ConsolePane(Pane):
    """The texts, and under them what the next one is written with."""

    BINDING_GROUP_TITLE = "Generation"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "edit_prompt", "prompt", show=False, id="console.prompt", tooltip="Type a prompt"),
        Binding(
            "S", "turn_seed", "seed", show=False, id="console.seed", tooltip="A new seed each time, or not"
        ),
        Binding(
            "u",
            "turn_unknown",
            "unknown",
            show=False,
            id="console.unknown",
            tooltip="Replace unknown, or refuse",
        ),
        Binding(
            "escape",
            "leave",
            "to the texts",
            show=False,
            id="console.leave",
            tooltip="From a field to the texts",
        ),
    ]

    def __init__(
        self,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
    ) -> None:
        """A pane with nothing written yet."""
        super().__init__(id=id)
        self.border_title = "6 Generation"
        self._samples: tuple[Sample, ...] | None = None
        self._vocabulary = 0
        self._has_text: bool | None = None
        start = Sampling()
        self._temperature = Slider(
            "temperature", 0, MAX_TEMPERATURE, TEMPERATURE_STEP, start.temperature, off_at_minimum="greedy"
        )
        self._top_k = Slider(
            "top-k", 0, TOP_K_CEILING, 1, start.top_k, format=lambda k: f"{k:.0f}", off_at_minimum="off"
        )
        self._top_p = Slider(
            "top-p", TOP_P_STEP, 1, TOP_P_STEP, start.top_p, format=_share, classes="-second"
        )
        self._list = SampleList()
        self._prompt = Input(placeholder=r"optional, \n: new line", compact=True, id="console-prompt")
        self._length = Input(
            str(DEFAULT_LENGTH),
            placeholder=str(DEFAULT_LENGTH),
            restrict=r"([1-9]\d{0,4})?",
            compact=True,
            id="console-length",
        )
        self._seed = Input("0", placeholder="0", restrict=r"\d{0,18}", compact=True, id="console-seed")
        self._advance = Tick("seed +1", value=True, tooltip="Each text has the next seed; else all the same")
        self._replace = Tick(
            "replace unknown", tooltip="Replace prompt characters the text never had; else refuse"
        )

    def compose(self) -> ComposeResult:
        """The texts on top, the controls in five rows below."""
        yield self._list
        with Horizontal():
            yield Label("prompt ")
            yield self._prompt
        yield self._temperature
        with Horizontal():
            yield self._top_k
            yield self._top_p
        with Horizontal():
            yield Label("length ")
            yield self._length
            yield Label(" seed ")
            yield self._seed
        with Horizontal():
            yield self._advance
            yield self._replace

    @property
    def sampling(self) -> Sampling:
        """Temperature, top-k and top-p as they are set."""
        return Sampling(
            temperature=self._temperature.value, top_k=round(self._top_k.value), top_p=self._top_p.value
        )

    def show(self, snapshot: Snapshot) -> None:
        """Draw the texts; a text that did not change costs nothing."""
        corpus = snapshot.corpus
        vocabulary = 0 if corpus is None else len(corpus.vocabulary)
        if vocabulary != self._vocabulary:
            self._vocabulary = vocabulary
            self._limit_top_k()
        has_text = corpus is not None
        if has_text is self._has_text and snapshot.samples == self._samples:
            return
        self._samples, self._has_text = snapshot.samples, has_text
        self._list.show(snapshot.samples, () if snapshot.samples else self._hint())
        self.border_subtitle = content(_progress(snapshot.samples))

    def show_sampling(self, sampling: Sampling) -> None:
        """Follow a sampling that was set elsewhere, and say nothing about it."""
        with self.prevent(Slider.Changed):
            self._temperature.value = sampling.temperature
            self._top_k.value = sampling.top_k
            self._top_p.value = sampling.top_p

    def generate(self) -> None:
        """Ask for a text, as the controls stand."""
        if not self._has_text:
            self.notify(
                "Open a text first: there is no model to write with.", severity="warning", markup=False
            )
            return
        seed = int(self._seed.value or 0)
        command = Generate(
            prompt=unescaped(self._prompt.value),
            length=int(self._length.value or DEFAULT_LENGTH),
            sampling=self.sampling,
            seed=seed,
            unknown=UnknownPolicy.REPLACE if self._replace.value else UnknownPolicy.REFUSE,
        )
        if self._advance.value:
            self._seed.value = str(seed + 1)
        self._list.follow()
        self.post_message(EngineCommand(command))

    def nudge_temperature(self, delta: float) -> None:
        """Turn the temperature by `delta`."""
        self._temperature.value += delta

    def selected_text(self) -> str | None:
        """Prompt and text of the selected sample, of the newest if none is; None if there is none."""
        sample = self._list.selected
        return None if sample is None else sample.request.prompt + sample.text

    def action_edit_prompt(self) -> None:
        """Go to the prompt."""
        self._prompt.focus()

    def action_turn_seed(self) -> None:
        """The next seed for each text, or always the same."""
        self._advance.action_turn()

    def action_turn_unknown(self) -> None:
        """Replace unknown characters, or refuse the prompt."""
        self._replace.action_turn()

    def action_leave(self) -> None:
        """From wherever the focus is to the texts, where the single keys work."""
        self._list.focus()

    def on_slider_changed(self, event: Slider.Changed) -> None:
        """Tell everyone about the new sampling."""
        event.stop()
        self.post_message(SamplingChanged(self.sampling))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the prompt writes; in the other fields it is done with them."""
        event.stop()
        if event.input is self._prompt:
            self.generate()
        else:
            self._list.focus()

    def _limit_top_k(self) -> None:
        """No more choices than there are characters."""
        self._top_k.maximum = min(self._vocabulary or TOP_K_CEILING, TOP_K_CEILING)
        self._top_k.value = min(self._top_k.value, self._top_k.maximum)
        self._top_k.refresh()

    def _hint(self) -> tuple[str, ...]:
        """What to do before there is a text to read."""
        if not self._has_text:
            return (f"Nothing to write with yet: {active_key(self.app, 'text.open')} opens a text.",)
        write, stop = active_key(self.app, "generate.start"), active_key(self.app, "generate.stop")
        return (
            f"{write} lets the model write, also while it trains; {stop} stops it.",
            f"{active_key(self.app, 'pane.6')} and then i lead to the prompt.",
            "The hotter a character's ground, the less the model expected it.",
            "Write before the first step and again later: that is how far it has come.",
        )


def unescaped(prompt: str) -> str:
    r"""What a one-line field says: `\n` is a new line, `\t` a tab, `\\` a backslash, the rest is itself."""
    return re.sub(r"\\[nt\\]", lambda match: _ESCAPES[match[0]], prompt)


def _share(top_p: float) -> str:
    return "off" if top_p >= 1 else f"{top_p:.2f}"


def _progress(samples: tuple[Sample, ...]) -> str:
    """How far the newest text is, else how many there are."""
    if not samples:
        return ""
    newest = samples[-1]
    if newest.state is SampleState.WRITING:
        return f"writing {len(newest.text):,} of {newest.request.length:,}"
    return f"{len(samples):,} text" + "s" * (len(samples) != 1)
