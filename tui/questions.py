"""The dialogs, by what they ask. Each is imported when it is first asked: together they would cost a tenth of the
start-up time, and most sittings ask only one or two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.dom import DOMNode
from textual.screen import ModalScreen

from corpora.corpus import Corpus
from engine.commands import Resume, Rival
from engine.snapshot import Remedy, RivalView, Trouble
from engine.training.recipe import Recipe
from tui.leaving import AtRisk
from tui.scoreboard.contest import Contest

if TYPE_CHECKING:
    from tui.dialogs.quit import QuitDialog


def which_text(context: int, path: str = "") -> ModalScreen[Corpus | None]:
    """A text long enough for `context` characters; `path` is tried at once."""
    from tui.dialogs.open import OpenDialog

    return OpenDialog(context=context, path=path)


def which_named_text(chosen: str | None) -> ModalScreen[str | None]:
    """A text of the catalog; the cursor begins on `chosen`."""
    from tui.dialogs.catalog import CatalogDialog

    return CatalogDialog(chosen)


def which_settings(recipe: Recipe, corpus: Corpus) -> ModalScreen[Recipe | None]:
    """A recipe for this text, in a form."""
    from tui.dialogs.settings import SettingsDialog

    return SettingsDialog(recipe, vocabulary=len(corpus.vocabulary), length=len(corpus))


def which_rivals(views: Sequence[RivalView]) -> ModalScreen[tuple[Rival, ...] | None]:
    """The counting models to compare with; those chosen so far are checked."""
    from tui.dialogs.compare import CompareDialog

    return CompareDialog(views)


def which_rate(recipe: Recipe, corpus: Corpus) -> ModalScreen[float | None]:
    """A learning rate for this recipe on this text."""
    from tui.dialogs.rate_finder import RateFinderDialog

    return RateFinderDialog(recipe, corpus)


def which_recipe(recipe: Recipe) -> ModalScreen[Recipe | None]:
    """A recipe, as one line."""
    from tui.dialogs.recipe import RecipeDialog

    return RecipeDialog(recipe)


def which_remedy(trouble: Trouble) -> ModalScreen[Remedy | None]:
    """A way out of a trouble."""
    from tui.dialogs.trouble import TroubleDialog

    return TroubleDialog(trouble)


def which_run(on_screen: Path | None, run: Path | None = None) -> ModalScreen[Resume | None]:
    """A run that is kept, to be gone on with; `run` is tried at once."""
    from tui.dialogs.runs import RunsDialog

    return RunsDialog(on_screen, run)


def whether_to_leave(risk: AtRisk, recipe: str) -> QuitDialog:
    """Whether to quit although something would be lost; the dialog wants to be shown how much that is by now."""
    from tui.dialogs.quit import QuitDialog

    return QuitDialog(risk, recipe)


def which_model_is_best(contest: Contest, corpus: Corpus, recipe: Recipe) -> ModalScreen[None]:
    """Nothing: it shows the comparison of this sitting, or asks for one."""
    from tui.scoreboard.screen import ScoreboardScreen

    return ScoreboardScreen(contest, corpus, recipe)


def all_keys(keymap: Mapping[str, str], panes: Iterable[type[DOMNode]]) -> ModalScreen[None]:
    """Nothing: it shows the keys, those of the panes and the scoreboard too, remapped or not."""
    from tui.dialogs.help import HelpDialog
    from tui.scoreboard.screen import ScoreboardScreen

    return HelpDialog(keymap, (*panes, ScoreboardScreen))
