"""A second thread for products that nobody waits for at once: the gradients of weights.

The BLAS library itself is told to use one thread. Its second thread waits by spinning, and where other programs
want the processor a step that takes 1 ms can then take 100. Here a whole product goes to a thread that sleeps while
there is nothing to do, and the pass backward goes on meanwhile: each product is computed by one thread, so the bits
do not depend on how the two are scheduled, and on a busy machine nothing is lost.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

FloatArray: TypeAlias = NDArray[np.floating[Any]]  # Any: float32 or float64

LARGE = 1 << 21
"""Multiply-adds from which a product is handed over: they take 45 us, the handing over 10 (on a 2-core x86-64
machine)."""

Product = tuple[FloatArray, FloatArray, FloatArray]
"""left (M, K), right (K, N), and where the result goes, (M, N)."""

Use: TypeAlias = Callable[[FloatArray], None]
"""What is to be done with a product, on the thread that asked for it."""


class _Helper(threading.local):
    """The calling thread's own helper, so that two engines never wait for each other."""

    def __init__(self) -> None:
        self.under_way: deque[tuple[FloatArray, Use | None]] = deque()
        self._todo: SimpleQueue[Product | None] = SimpleQueue()
        self._done: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, product: Product, use: Use | None = None) -> None:
        """Hand a product over."""
        if self._thread is None:
            work = (self._todo, self._done)
            self._thread = threading.Thread(target=_help, args=work, name="weight gradients", daemon=True)
            self._thread.start()
            weakref.finalize(threading.current_thread(), self._todo.put, None)  # it ends with its owner
        self.under_way.append((product[2], use))
        self._todo.put(product)

    def finish(self) -> None:
        """Wait for all products, in the order in which they were asked for, and use them; raise what one raised.

        A use may itself wait for what is still under way, as adding to a gradient does.
        """
        errors = []
        while self.under_way:
            out, use = self.under_way.popleft()
            error = self._done.get()
            if error is not None:
                errors.append(error)
            elif use is not None:
                use(out)
        for error in errors:
            raise error


def _help(todo: SimpleQueue[Product | None], done: SimpleQueue[Exception | None]) -> None:
    while (product := todo.get()) is not None:
        left, right, out = product
        try:
            with np.errstate(all="ignore"):  # whoever takes the gradient looks for what is not finite
                np.dot(left, right, out=out)
        except Exception as error:  # noqa: BLE001  it belongs to the caller, who raises it
            done.put(error)
        else:
            done.put(None)
        del product, left, right, out  # or they would live until the next product


_helper = _Helper()


@cache
def use_one_blas_thread() -> None:
    """Tell the BLAS library, for the rest of the process, to leave the second core alone."""
    threadpool_limits(limits=1, user_api="blas")


def product_into(out: FloatArray, left: FloatArray, right: FloatArray) -> None:
    """Write (M, K) @ (K, N) to `out`, (M, N): now or, if it is large, by the time `finish` returns.

    The operands must not be written to before that.
    """
    if left.size * right.shape[1] < LARGE:
        np.dot(left, right, out=out)
    else:
        _helper.start((left, right, out))


def product_then(left: FloatArray, right: FloatArray, use: Use) -> None:
    """Compute (M, K) @ (K, N) and give it to `use`, (M, N): now or, if it is large, by the time `finish` returns.

    `use` is called on this thread. The operands must not be written to before that.
    """
    if left.size * right.shape[1] < LARGE:
        use(np.dot(left, right))
    else:
        out = np.empty((len(left), right.shape[1]), dtype=left.dtype)
        _helper.start((left, right, out), use)


def finish() -> None:
    """Wait until every product that this thread asked for has been written."""
    if _helper.under_way:
        _helper.finish()
