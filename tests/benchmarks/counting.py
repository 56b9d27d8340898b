"""How long the counting models take to learn a text and to score its last tenth, and how much memory they need.

    python tests/benchmarks/counting.py TEXT [MODEL ...]

TEXT is a file of characters in UTF-8; of tinyshakespeare the 7-grams of kneser-ney are to be fitted and scored
within 4 seconds and 1 GB. Every model has a process of its own, whose peak resident size, interpreter and text
included, is printed beside the seconds of `fit` and of scoring, the nats a character, and the microseconds of one
`logits`.
"""

from __future__ import annotations

import multiprocessing
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from corpora.vocabulary import Vocabulary
from engine.models.counting.add_k import AddK
from engine.models.counting.counting_model import CountingModel
from engine.models.counting.jelinek_mercer import JelinekMercer
from engine.models.counting.katz import Katz
from engine.models.counting.kneser_ney import KneserNey
from engine.models.counting.maximum_likelihood import MaximumLikelihood, Uniform, Unigram
from engine.models.counting.witten_bell import WittenBell

MODELS: dict[str, tuple[Callable[[int, int], CountingModel], tuple[int, ...]]] = {
    "uniform": (lambda v, order: Uniform(v), (0,)),
    "unigram": (lambda v, order: Unigram(v), (1,)),
    "ngram": (MaximumLikelihood, (3,)),
    "add-k": (AddK, (2, 5)),
    "katz": (Katz, (3, 5, 7)),
    "jelinek-mercer": (JelinekMercer, (3, 5, 7)),
    "witten-bell": (WittenBell, (3, 5, 7)),
    "kneser-ney": (KneserNey, (4, 5, 6, 7, 12)),
}
"""What makes each model, and the orders it is tried with."""

CONTEXTS = 500
"""How many contexts are asked for their logits."""


def peak_mb() -> float:
    """The largest resident size this process has had, in MB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024 / 1e6


def measure(path: Path, name: str, order: int) -> str:
    """Fit, score, ask; a line of the table."""
    text = path.read_text("utf-8")
    vocabulary = Vocabulary(set(text))
    ids = vocabulary.encode(text)
    split = len(ids) * 9 // 10
    model = MODELS[name][0](len(vocabulary), order)
    begun = time.perf_counter()
    model.fit(ids[:split])
    fitted = time.perf_counter()
    nats = model.nll(ids, split)
    scored = time.perf_counter()
    peak = peak_mb()
    for t in range(split, split + CONTEXTS):
        model.logits(ids[:t])
    asked = (time.perf_counter() - scored) / CONTEXTS * 1e6
    return (
        f"{name:15} {order:5} {fitted - begun:7.2f} {scored - fitted:7.2f} {peak:9.0f} {asked:10.0f} "
        f"{model.size:10,} {nats.mean():8.4f}"
    )


def main() -> None:
    """Measure the models asked for and print a line for each order."""
    if len(sys.argv) < 2:
        sys.exit("give the file of a text: python tests/benchmarks/counting.py TEXT [MODEL ...]")
    path, names = Path(sys.argv[1]), sys.argv[2:] or list(MODELS)
    print("model           order   fit s score s   peak MB  logits us     counts     nats")
    for name in names:
        for order in MODELS[name][1]:
            with multiprocessing.get_context("spawn").Pool(1) as process:
                print(process.apply(measure, (path, name, order)), flush=True)


if __name__ == "__main__":
    main()
