"""How many threads the matrix products use: one for small ones, two for large ones.

The number follows from the size of the work alone, so that the same recipe takes the same path, and gives the
same bits, every time. A number that the person has set in the environment is left as it is.
"""

from __future__ import annotations

import os
from functools import cache

from threadpoolctl import LibController, ThreadpoolController

LARGE_WORK = 4_000_000
"""Multiply-adds of one forward pass from which two threads are faster than one: at 1.8 million they are even, at
15 million 1.7 times as fast (measured on a 2-core x86-64 machine)."""

SETTINGS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

_current: int | None = None


@cache
def _libraries() -> tuple[LibController, ...]:
    if any(name in os.environ for name in SETTINGS):
        return ()
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def use_threads_for(work: int) -> None:
    """Set the number of BLAS threads for products of `work` multiply-adds in all."""
    global _current  # noqa: PLW0603  mirrors a setting of the process, which there is one of
    threads = 2 if work >= LARGE_WORK and (os.cpu_count() or 1) > 1 else 1
    if threads != _current:
        for library in _libraries():
            library.set_num_threads(threads)
        _current = threads
