"""Training steps with products cut (`engine/products.py`) and with whole ones, side by side in one run.

    python -m tests.benchmarks.products

Each way of multiplying has a process of its own. Which one the library chooses here depends on the kernels that its
BLAS runs; the environment variable OPENBLAS_CORETYPE names others to try, such as Haswell, those of AVX2.
"""

from __future__ import annotations

from functools import cache, partial

from engine import products
from tests.benchmarks import recurrent, transformer
from tests.benchmarks.contest import Maker, Work, contest, machine

STEPS: dict[str, Maker] = {
    "RNN, batch 32": partial(recurrent.ours, "RNN", 32),
    "LSTM, batch 32": partial(recurrent.ours, "LSTM", 32),
    "GRU, batch 32": partial(recurrent.ours, "GRU", 32),
    **{task.name: partial(transformer.our_step, task) for task in transformer.TASKS if task.batch},
}


def step(make: Maker, *, cut: bool) -> Work:
    """A training step that cuts its products, or does not."""
    products.cuts_pay = cache(lambda: cut)
    return make()


def main() -> None:
    """Time every step both ways and print whole over cut."""
    print(f"{machine()}, us, medians; chosen here: {'cut' if products.cuts_pay() else 'whole'}")
    print(f"{'':44} {'whole':>8} {'cut':>8} {'ratio':>8}")
    for name, make in STEPS.items():
        ways = {way: partial(step, make, cut=way == "cut") for way in ("whole", "cut")}
        standings = contest(ways)
        whole, cut = (standings[way].microseconds for way in ways)
        print(f"{name:44} {whole:8.0f} {cut:8.0f} {whole / cut:8.2f}")


if __name__ == "__main__":
    main()
