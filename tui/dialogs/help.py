"""HelpDialog: how to begin, and every key by what it is for, as it is mapped now.

What it promises: the table is made from the same bindings the keys come from, so it cannot fall behind them. What
it does not know: what the actions do beyond their tooltips.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.widgets import Static

from tui.keys import BINDINGS, GROUPS, collect_ids, keymap_path, shown_keys
from tui.screens import Dialog
from tui.text import content

_ID = "$foreground 60%"


class HelpDialog(Dialog[None]):
    """All keys on one page that scrolls."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,question_mark,f1,q", "dismiss", "close", id="help.close", tooltip="Back to the panes"
        ),
        Binding("j", "scroll(1)", "down", show=False, id="help.down"),
        Binding("k", "scroll(-1)", "up", show=False, id="help.up"),
    ]

    def __init__(self, keymap: Mapping[str, str], classes: Iterable[type[DOMNode]] = ()) -> None:
        """The page.

        Arguments:
            keymap: what the person remapped, as `tui.keys.load_keymap` returned it.
            classes: panes and widgets with keys of their own, each a group under its BINDING_GROUP_TITLE.
        """
        super().__init__()
        self._keymap = keymap
        self._groups = tuple(_groups(classes))

    def compose(self) -> ComposeResult:
        """Two sentences, then a table a group, all with the same columns."""
        with VerticalScroll(id="help-page") as page:
            page.border_title = "Keys"
            page.border_subtitle = "Escape closes"
            yield Static(content(self._beginning()), classes="help-text")
            width = max(cell_len(shown_keys(b, self._keymap)) for _, group in self._groups for b in group)
            for title, group in self._groups:
                yield Static(content(title), classes="help-title")
                yield Static(Content("\n").join(self._row(binding, width) for binding in group))
            yield Static("Your own keys", classes="help-title")
            yield Static(
                content(
                    f'The small words are ids: put lines such as "run.toggle" = "f5" into {keymap_path()}'
                ),
                classes="help-text",
            )

    def on_mount(self) -> None:
        """Let the arrows scroll at once."""
        self.query_one("#help-page", VerticalScroll).focus()

    def action_scroll(self, rows: int) -> None:
        """Scroll so many rows down."""
        self.query_one("#help-page", VerticalScroll).scroll_relative(y=rows, animate=False)

    def _row(self, binding: Binding, width: int) -> Content:
        """Keys, what they do, and the id by which they can be remapped."""
        keys = content(shown_keys(binding, self._keymap).rjust(width), "bold $text-accent")
        meaning = content(f"  {binding.tooltip or binding.description}  ")
        return keys + meaning + content(binding.id or "", _ID)

    def _beginning(self) -> str:
        run, write, phase = (
            next(shown_keys(b, self._keymap) for b in BINDINGS if b.id == name)
            for name in ("run.toggle", "generate.start", "run.phase")
        )
        return (
            f"A model is learning to guess the next character of a text: {run} trains it at full speed, "
            f"{phase} does one phase of a step and shows its numbers. Press {write} now and again later to read "
            "how well it writes."
        )


def _groups(classes: Iterable[type[DOMNode]]) -> Iterator[tuple[str, tuple[Binding, ...]]]:
    yield from GROUPS.items()
    told: set[str] = set()
    for cls in classes:
        bindings = tuple(b for name, b in collect_ids(cls).items() if name not in told)
        told.update(collect_ids(cls))
        if bindings:
            yield f"In {cls.BINDING_GROUP_TITLE or cls.__name__}", bindings
