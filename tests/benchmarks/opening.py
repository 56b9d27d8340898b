"""How long a 100 MB text takes to open, and how much memory: `python tests/benchmarks/opening.py`.

Each text is opened in an interpreter of its own. Memory is the peak resident size above the same interpreter
with everything imported and nothing opened, as a multiple of the file's size: the promise is 3 at most. The
seconds are also given as a multiple of what Python takes to read and decode the same file at once.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SIZE = 100_000_000  # bytes
MANY = "".join(map(chr, range(500, 1500)))  # at the end, so that all before has to be widened
ROOT = Path(__file__).resolve().parents[2]

MEASURE = """
import resource, sys, time
from pathlib import Path
from corpora.corpus import open_corpus

def peak():
    try:  # ru_maxrss of a child begins at its parent's, the kernel's own record does not
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

path = Path(sys.argv[1])
idle, start = peak(), time.perf_counter()
corpus = open_corpus(path)
seconds, memory = time.perf_counter() - start, peak() - idle
start = time.perf_counter()
path.read_bytes().decode()
plain = time.perf_counter() - start
print(seconds, memory / path.stat().st_size, plain, len(corpus), len(corpus.vocabulary), corpus.ids.itemsize)
"""


def ascii_lines() -> str:
    """One MB of printable ASCII in lines."""
    line = "".join(map(chr, range(32, 127))) + "\n"
    return line * (1_000_000 // len(line))


def cyrillic() -> str:
    """One MB of two-byte characters, with CRLF."""
    line = "".join(map(chr, range(0x410, 0x450))) + "\r\n"
    return line * (1_000_000 // len(line.encode()))


def write(path: Path, unit: str, last: str = "") -> None:
    """Fill `path` with `unit` up to about SIZE bytes, then `last`."""
    with path.open("wb") as stream:
        for _ in range(SIZE // len(unit.encode())):
            stream.write(unit.encode())
        stream.write(last.encode())


def main() -> None:
    """Print a line a text."""
    cases: dict[str, Callable[[Path], None]] = {
        "ASCII": lambda path: write(path, ascii_lines()),
        "Cyrillic, CRLF": lambda path: write(path, cyrillic()),
        "ASCII, then 1,000 more": lambda path: write(
            path, ascii_lines(), "".join(map(chr, range(500, 1500)))
        ),
    }
    print(
        f"{'100 MB of':28} {'seconds':>8} {'x plain read':>13} {'memory / file':>14} {'V':>6} {'bytes/id':>9}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, fill in cases.items():
            path = Path(folder, "text.txt")
            fill(path)
            run = subprocess.run(
                [sys.executable, "-c", MEASURE, str(path)],
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            seconds, memory, plain, _, distinct, width = map(float, run.stdout.split())
            print(
                f"{name:28} {seconds:8.2f} {seconds / plain:13.1f} {memory:14.2f} {distinct:6.0f} {width:9.0f}"
            )


if __name__ == "__main__":
    main()
