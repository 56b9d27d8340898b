"""What a redraw of the plot costs beside plotext drawing every point: `python -m tests.benchmarks.plot`.

Both draw the same three curves at 100 by 25 cells in the same run, interleaved; the best of several is taken.
The ratio is what lasts. The repaint, Textual's share included, is measured apart: all rows of a widget in a
running app.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from textual.app import App, ComposeResult
from textual_plotext import Plot

from tui.widgets.figure import Figure, Series
from tui.widgets.plot import LinePlot

WIDTH, HEIGHT = 100, 25
ROUNDS = 15


def curves(points: int) -> list[Series]:
    """A noisy loss, its smoothed course, and twenty-five validation points."""
    steps = np.arange(points)
    course = 1.5 + 2.7 * np.exp(-3 * steps / points)
    noise = np.random.default_rng(0).normal(0, 0.3, points)
    every = max(1, points // 25)
    return [
        Series("raw", steps, course + noise, "raw"),
        Series("smooth", steps, course, "smooth"),
        Series("validation", steps[::every], course[::every] + 0.1, "validation"),
    ]


def naive(series: list[Series]) -> None:
    """Every point handed to plotext."""
    plot = Plot().subplots(1, 1).subplot(1, 1)  # a subplot may be larger than the terminal
    plot.plotsize(WIDTH, HEIGHT)
    for one in series:
        plot.plot(one.x.tolist(), one.y.tolist(), marker="braille")
    plot.build()


def milliseconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


class PlotApp(App[None]):
    """Nothing but a plot."""

    def compose(self) -> ComposeResult:
        """One plot."""
        yield LinePlot()


async def repaint(series: list[Series]) -> tuple[float, float]:
    """The median cost of all rows after new data, and after the cursor alone moved, in milliseconds."""
    app = PlotApp()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        plot = app.query_one(LinePlot)
        fresh: list[float] = []
        cursor: list[float] = []
        for i in range(ROUNDS):
            copies = [Series(one.name, one.x, one.y, one.role) for one in series]
            for times, x in ((fresh, None), (cursor, float(i))):
                plot.show(copies, cursor=x)
                times.append(milliseconds(lambda: plot.render_lines(plot.size.region)))
        await pilot.pause()
    return statistics.median(fresh), statistics.median(cursor)


def main() -> None:
    """Print one line for each number of points."""
    figure = Figure()
    print(
        f"{'points':>8} {'naive ms':>9} {'thinned ms':>11} {'ratio':>7} {'repaint ms':>11} {'cursor ms':>10}"
    )
    for points in (500, 5_000, 50_000):
        series = curves(points)
        slow, quick = [], []
        for _ in range(3 if points > 10_000 else ROUNDS):
            slow.append(milliseconds(partial(naive, series)))
            draw = partial(figure.draw, series, [], WIDTH, HEIGHT, logarithmic=False)
            quick += [milliseconds(draw) for _ in range(5)]
        fresh, cursor = asyncio.run(repaint(series))
        ratio = min(slow) / min(quick)
        print(
            f"{points:>8} {min(slow):>9.1f} {min(quick):>11.1f} {ratio:>7.1f} {fresh:>11.1f} {cursor:>10.1f}"
        )


if __name__ == "__main__":
    main()
