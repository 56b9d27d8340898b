"""The six panes. The app imports this file when its first frame is on the screen, so that nobody waits for them."""

from __future__ import annotations

from collections.abc import Mapping

from tui.panes.base import Pane
from tui.panes.console import ConsolePane
from tui.panes.corpus import CorpusPane
from tui.panes.distribution import DistributionPane
from tui.panes.loss import LossPane
from tui.panes.stepper import StepperPane
from tui.panes.training import TrainingPane

PANES = (CorpusPane, LossPane, DistributionPane, TrainingPane, StepperPane, ConsolePane)


class Furniture:
    """One pane of each kind."""

    def __init__(self) -> None:
        self.corpus = CorpusPane()
        self.loss = LossPane()
        self.distribution = DistributionPane()
        self.training = TrainingPane()
        self.stepper = StepperPane()
        self.console = ConsolePane()

    def by_number(self) -> Mapping[int, Pane]:
        """The panes under the keys that go to them."""
        panes = (self.corpus, self.loss, self.distribution, self.training, self.stepper, self.console)
        return dict(enumerate(panes, 1))
