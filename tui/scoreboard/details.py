"""What is said of the entrant under the cursor, and of what the training part does not have."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.content import Content

from engine.models.counting.coverage import Unseen
from engine.scoreboard.view import Row, ScoreboardView
from tui.panes.units import MISSING, Unit
from tui.scoreboard.columns import loss
from tui.text import content

_MUTED = "$foreground 60%"
_BAR_CELLS = 16


def about(row: Row | None) -> Content:
    """An entrant: how it stands, its sample, its recipe."""
    if row is None:
        return Content.styled("nobody takes part yet", _MUTED)
    lines = [
        content(row.name, "bold") + content(f"  {row.state}" + (f": {row.why}" if row.why else ""), _MUTED)
    ]
    if row.headline is not None:
        judged = "test" if row.test is not None else "validation"
        nats, bits, perplexity = (loss(row.headline, unit) for unit in Unit)
        lines.append(content(f"{judged}: {nats} nats, {bits} bits, perplexity {perplexity}"))
    kind = "counts kept" if row.counting else "parameters"
    if row.size is not None:
        lines.append(content(f"{row.size:,} {kind}"))
    lines.append(Content())
    if row.sample is None:
        lines.append(Content.styled("no sample yet", _MUTED))
    else:
        lines.append(content(row.prompt, "$text-muted italic") + content(row.sample))
    lines += [Content(), content(row.recipe, _MUTED, newlines=False)]
    return Content("\n").join(lines)


def unseen(view: ScoreboardView) -> Content:
    """The wall that counting hits: shares of unseen contexts and n-grams, a line for each n."""
    if view.note:
        return content(view.note, "$text-error")
    if not view.unseen_in:
        return Content.styled("nothing is held out, so nothing can be new", _MUTED)
    if not view.unseen:
        return Content.styled("counted once the models that count are done", _MUTED)
    lines = [
        content(f"of the {view.unseen_in} part, never met in training:", _MUTED),
        Content.styled(" n  contexts   n-grams", _MUTED),
        *_shares(view.unseen),
    ]
    return Content("\n").join(lines)


def _shares(shares: Sequence[Unseen]) -> list[Content]:
    return [
        Content(f"{one.order:2}  {_percent(one.contexts)}   {_percent(one.ngrams)}  ")
        + Content.styled("█" * _bar(one.contexts), "$text-warning")
        for one in shares
    ]


def _bar(share: float) -> int:
    return 0 if math.isnan(share) else round(_BAR_CELLS * share)


def _percent(share: float) -> str:
    return (MISSING if math.isnan(share) else f"{share:.1%}").rjust(7)
