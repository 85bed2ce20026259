"""Our chart against textual-plot, in alternating pairs: what each adds to the start, and a redraw.

    pip install textual-plot==0.10.1
    python tests/bench/chart.py

Nothing else may run meanwhile.
"""

import asyncio
import math
import random
import subprocess
import sys
from statistics import median
from time import perf_counter

from textual.app import App, ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static
from textual_plot import HiResMode, PlotWidget  # type: ignore[import-not-found]

from tui.drawing.chart import draw_chart
from tui.drawing.curve import Curve
from tui.drawing.series import ChartStyles
from tui.drawing.value_range import Losses

PAIRS = 25
STEPS = 2_400
UNIFORM, UNIGRAM = 4.17, 3.32
IMPORTS = {
    "textual": "import textual.app, textual.widgets",
    "and our chart": "import textual.app, textual.widgets, tui.drawing.chart",
    "and textual-plot": "import textual.app, textual.widgets, textual_plot",
}

noise = random.Random(1)
TRAIN = [
    (step, 1.5 + 2.67 * math.exp(-step / 300) + noise.gauss(0, 0.04)) for step in range(0, STEPS, 5)
]
HELD_OUT = [(step, 1.56 + 2.6 * math.exp(-step / 300)) for step in range(0, STEPS, 240)]


def main() -> None:
    measure_imports()
    asyncio.run(measure_redraws())


def measure_imports() -> None:
    """Milliseconds of a fresh process."""
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for number in range(PAIRS + 1):
        for name, code in IMPORTS.items():
            began = perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if number:  # the first one fills the caches
                times[name].append(1e3 * (perf_counter() - began))
    for name, series in times.items():
        print(f"import {name}: median {median(series):.0f} ms")


class Bench(App[None]):
    CSS = "Static, PlotWidget { width: 80; height: 20; text-wrap: nowrap; }"

    def compose(self) -> ComposeResult:
        yield Static()
        yield PlotWidget()


async def measure_redraws() -> None:
    """Milliseconds from new numbers to rendered lines, at 80 x 20."""
    app = Bench()
    ours, theirs = [], []
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.pause()
        static, plot = app.query_one(Static), app.query_one(PlotWidget)
        for number in range(8 * PAIRS):
            pair = timed(lambda: draw_ours(static)), timed(lambda: draw_theirs(plot))
            if number >= 5:  # until caches are filled
                ours.append(pair[0])
                theirs.append(pair[1])
            await pilot.pause()
    ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
    print(f"redraw: ours {median(ours):.1f} ms, textual-plot {median(theirs):.1f} ms, {ratio:.1f}x")


def timed(draw: object) -> float:
    assert callable(draw)
    began = perf_counter()
    draw()
    return 1e3 * (perf_counter() - began)


def draw_ours(static: Static) -> None:
    losses = Losses(Curve.of(TRAIN), Curve.of(HELD_OUT), uniform=UNIFORM, unigram=UNIGRAM)
    lines = draw_chart(
        losses,
        width=80,
        height=20,
        spikes=(),
        steps=STEPS,
        log_x=False,
        whole=False,
        styles=ChartStyles(),
    )
    static.update(Content("\n").join(lines), layout=False)
    render(static)


def draw_theirs(plot: PlotWidget) -> None:
    plot.clear()
    steps, losses = zip(*TRAIN, strict=True)
    plot.plot(steps, losses, line_style="blue", hires_mode=HiResMode.BRAILLE)
    steps, losses = zip(*HELD_OUT, strict=True)
    plot.scatter(steps, losses, marker="◆", marker_style="yellow")
    for loss in (UNIFORM, UNIGRAM):
        ends = ([0, STEPS], [loss, loss])
        plot.plot(*ends, line_style="grey50", hires_mode=HiResMode.BRAILLE)
    plot._render_plot()
    for child in plot.query("*"):
        if child.size.width:
            render(child)


def render(widget: Widget) -> None:
    widget.render_lines(widget.size.region)


if __name__ == "__main__":
    main()
