"""What panes tell the app: they bubble up, so that a pane knows neither the app nor the engine thread."""

from __future__ import annotations

from textual.message import Message

from corpora.corpus import Corpus
from engine.commands import Command
from engine.sampling import Sampling


class EngineCommand(Message):
    """Something is asked of the engine."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self.command = command


class SamplingChanged(Message):
    """The person turned temperature, top-k or top-p."""

    def __init__(self, sampling: Sampling) -> None:
        super().__init__()
        self.sampling = sampling


class CorpusChosen(Message):
    """A text was picked in the catalog, by name, or opened: begin a run on it."""

    def __init__(self, choice: str | Corpus) -> None:
        super().__init__()
        self.choice = choice


class OpenRequested(Message):
    """The person wants the open dialog."""


class CopyRequested(Message):
    """Put `text` on the person's clipboard; `what` names it for the notice."""

    def __init__(self, text: str, what: str) -> None:
        super().__init__()
        self.text = text
        self.what = what
