"""`charlm-tui`, and `python -m tui`."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

TERMINAL = "/dev/tty"


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the playground; returns the exit code."""
    gc.disable()  # what is imported stays: looking for garbage in it would take a fifth of the start-up time
    from tui.command_line import BAD_INPUT, wishes_from

    wishes = wishes_from(arguments)
    if isinstance(wishes, int):
        return wishes
    if not _take_the_terminal():
        sys.stderr.write("charlm-tui: there is no terminal to open the screen in; run it inside one\n")
        return BAD_INPUT
    # Textual takes a third of a second to import: only those wait for it who will see it.
    from tui.app import CharlmApp
    from tui.keys import KeymapError

    try:
        app = CharlmApp(wishes, painted=_collect_from_now_on)
    except KeymapError as error:
        sys.stderr.write(f"charlm-tui: {error}\n")
        return BAD_INPUT
    app.run()
    app.leaving.over()
    code = app.return_code or 0
    with contextlib.suppress(OSError):  # the terminal may be gone
        sys.stderr.write(app.farewell)
        sys.stderr.flush()
    if not app.engine_ended:  # nobody waits for a step that takes long, nor for its graph to be taken apart
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _collect_from_now_on() -> None:
    """Look for garbage again, but not in what the start has left."""
    gc.freeze()
    gc.enable()


def _take_the_terminal() -> bool:
    """Read keys from the terminal and draw on it, whatever standard input and error were; whether there is one.

    Textual draws on standard error. Where standard input is a text, or errors go to a file, both lead to the
    terminal from now on.
    """
    elsewhere = [number for number in (0, 2) if not os.isatty(number)]
    if not elsewhere or os.environ.get("TEXTUAL_DRIVER"):  # a driver without a terminal
        return True
    try:
        terminal = os.open(TERMINAL, os.O_RDWR)
    except OSError:
        return False
    for number in elsewhere:
        os.dup2(terminal, number)
    os.close(terminal)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
