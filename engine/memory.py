"""Keep freed memory with the process.

By default glibc hands large blocks back to the system as soon as they are freed, and every training step then
pays for having them mapped again: 2.7 ms a step against 1.5 ms (batch 256, V 65, C 8, E 32, H 128, one BLAS
thread of a 2-core x86-64 machine; `tests/benchmarks/training.py` shows it).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
KEPT_BYTES = 256 << 20
"""Freed memory up to this size stays with the process."""


@cache
def keep_freed_memory() -> bool:
    """Ask the C library to keep freed memory for the next step; False where it has no such setting."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)  # absent in musl
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
