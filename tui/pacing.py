"""How often the screen is drawn while the engine works.

Python runs one thread at a time, so what the screen computes the training has to wait for. The pacer looks at
how much processor time the screen's thread has used and spaces the frames so that it stays below a share.
"""

from __future__ import annotations

import time

SHARE = 0.05
"""Most of the processor's time that drawing may take while the engine works at full speed."""
QUICKEST, SLOWEST = 0.1, 1.0
"""Seconds between two frames, at least and at most."""
AT_REST = 0.05
"""Seconds between two looks while nothing runs, which cost nothing if nothing has changed."""


class Pacer:
    """Spaces frames; made and asked on the screen's thread."""

    def __init__(self) -> None:
        self._used = time.thread_time()

    def delay(self, running: bool) -> float:
        """Seconds to wait before the next frame, given what was used since the last question."""
        used = time.thread_time()
        spent, self._used = used - self._used, used
        if not running:
            return AT_REST
        return min(SLOWEST, max(QUICKEST, spent / SHARE))
