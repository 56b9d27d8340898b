"""A second thread: for products that nobody waits for at once, the gradients of weights, and for half of a batch.

The BLAS library itself is told to use one thread. Its second thread waits by spinning, and where other programs
want the processor a step that takes 1 ms can then take 100. Here a whole piece of work goes to a thread that sleeps
while there is nothing to do, and its owner goes on meanwhile: each piece is computed by one thread, so the bits do
not depend on how the two are scheduled, and on a busy machine little is lost.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np
from threadpoolctl import threadpool_limits

from engine.products import FloatArray, times_into

LARGE = 1 << 22
"""Multiply-adds from which a product is handed over: they take 90 us, the handing over 10 and, where the calling
thread makes many small calls meanwhile, some 30 for the interpreter's lock (on a 2-core x86-64 machine)."""

Work: TypeAlias = Callable[[], object]
"""A piece of work; and what is to be done when it is over, on the thread that asked for it."""


class _Helper(threading.local):
    """The calling thread's own helper, so that two engines never wait for each other."""

    def __init__(self) -> None:
        self.under_way: deque[Work | None] = deque()  # for each piece what is to be done after it
        self.divided = False  # the thread is at one half of a work, another at the other
        self._todo: SimpleQueue[Work | None] = SimpleQueue()
        self._done: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, work: Work, then: Work | None = None) -> None:
        """Hand a piece of work over; `then` is done by its owner once it is over."""
        if self._thread is None:
            lines = (self._todo, self._done)
            self._thread = threading.Thread(target=_help, args=lines, name="second half", daemon=True)
            self._thread.start()
            weakref.finalize(threading.current_thread(), self._todo.put, None)  # it ends with its owner
        self.under_way.append(then)
        self._todo.put(work)

    def finish(self) -> None:
        """Wait for all of it, in the order in which it was handed over; raise what a piece of it raised.

        What is done after a piece may itself wait for what is still under way, as adding to a gradient does.
        """
        errors = []
        while self.under_way:
            then = self.under_way.popleft()
            error = self._done.get()
            if error is not None:
                errors.append(error)
            elif then is not None:
                then()
        for error in errors:
            raise error


def _help(todo: SimpleQueue[Work | None], done: SimpleQueue[Exception | None]) -> None:
    _helper.divided = True  # or it would look for a helper of its own
    while (work := todo.get()) is not None:
        try:
            with np.errstate(all="ignore"):  # whoever takes the result looks for what is not finite
                work()
        except Exception as error:  # noqa: BLE001  it belongs to the caller, who raises it
            done.put(error)
        else:
            done.put(None)
        del work  # or its arrays would live until the next piece


_helper = _Helper()


@cache
def use_one_blas_thread() -> None:
    """Tell the BLAS library, for the rest of the process, to leave the second core alone."""
    threadpool_limits(limits=1, user_api="blas")


def product_into(out: FloatArray, left: FloatArray, right: FloatArray) -> None:
    """Write (M, K) @ (K, N) to `out`, (M, N): now or, if it is large, by the time `finish` returns.

    The operands must not be written to before that.
    """
    if _helper.divided or left.size * right.shape[1] < LARGE:
        times_into(out, left, right)
    else:
        _helper.start(partial(np.dot, left, right, out=out))


def divided() -> bool:
    """Whether this thread is at one of two pieces of work that are done at the same time."""
    return _helper.divided


def divide(one: Work, other: Work) -> None:
    """Do two pieces of work that know nothing of each other at the same time, and wait for both."""
    if _helper.divided:
        one()
        other()
        return
    _helper.start(other)
    _helper.divided = True
    try:
        one()
    finally:
        _helper.divided = False
        _helper.finish()


def product_then(left: FloatArray, right: FloatArray, use: Callable[[FloatArray], None]) -> None:
    """Compute (M, K) @ (K, N) and give it to `use`, (M, N): now or, if it is large, by the time `finish` returns.

    `use` is called on this thread. The operands must not be written to before that.
    """
    if _helper.divided or left.size * right.shape[1] < LARGE:
        use(np.dot(left, right))
    else:
        out = np.empty((len(left), right.shape[1]), dtype=left.dtype)
        _helper.start(partial(np.dot, left, right, out=out), partial(use, out))


def finish() -> None:
    """Wait until everything that this thread has handed over is done."""
    if _helper.under_way:
        _helper.finish()
