"""The loss against the learning rate, as lines of text: a pure function of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import floor, log10
from typing import NamedTuple

from textual.content import Content

from tui.drawing.braille import DOTS_X, DOTS_Y, Canvas
from tui.drawing.frame import labelled
from tui.drawing.page import Page
from tui.drawing.scale import ValueScale
from tui.drawing.series import ChartStyles

MIN_WIDTH, MIN_HEIGHT = 30, 6
"""Cells. A smaller chart is left blank."""
STYLES = ChartStyles()
SUGGESTED = "◆"
NOW = "△"
_LINE = "│"
_RANGE = "─"


class Tried(NamedTuple):
    """A rate, the loss of its batch, and the smoothed loss."""

    rate: float
    loss: float
    smoothed: float


class Marks(NamedTuple):
    """Rates that are marked; 0: not."""

    suggested: float = 0.0
    low: float = 0.0
    high: float = 0.0
    now: float = 0.0


class RateScale(NamedTuple):
    """Rates on a logarithmic axis over columns of dots."""

    lowest: float
    highest: float
    dots: int

    def at(self, rate: float) -> int:
        """The column of a rate, clipped to the chart."""
        fraction = log10(rate / self.lowest) / log10(self.highest / self.lowest)
        return floor(min(1.0, max(0.0, fraction)) * (self.dots - 1) + 0.5)


def draw_rates(
    tried: Sequence[Tried],
    marks: Marks,
    *,
    lowest: float,
    highest: float,
    width: int,
    height: int,
) -> list[Content]:
    """Draw the losses over the rates from `lowest` to `highest`: exactly `height` lines of `width`
    cells. Smoothed losses are a line, the others dots; a diamond on a line from top to bottom marks
    the suggested rate, a bar in the lowest row its range, a triangle the present rate."""
    if width < MIN_WIDTH or height < MIN_HEIGHT or not tried:
        return [Content(" " * max(0, width)) for _ in range(height)]
    values = _values(tried, height - 2)
    gutter = max(len(label) for label in values.ticks().values()) + 1
    plot = Page(width - gutter, height - 1)
    scale = RateScale(lowest, highest, plot.width * DOTS_X)
    if marks.suggested:
        cell = scale.at(marks.suggested) // DOTS_X
        for row in range(plot.height):
            plot.write(row, cell, _LINE, STYLES.reference)
    _draw_losses(plot, tried, scale, values)
    _draw_marks(plot, tried, scale, values, marks)
    labels = _labels(scale, plot.width)
    within = ((min(cell, plot.width - len(text)), text) for cell, text in labels)
    return labelled(plot, values, gutter, within, STYLES.label)


def _values(tried: Sequence[Tried], rows: int) -> ValueScale:
    """The scale of the smoothed losses: a batch may lie outside."""
    smoothed = [one.smoothed for one in tried]
    return ValueScale.covering(min(smoothed), max(smoothed), rows)


def _draw_losses(plot: Page, tried: Sequence[Tried], scale: RateScale, values: ValueScale) -> None:
    dots, line = Canvas(plot.width, values.rows), Canvas(plot.width, values.rows)
    for rate, loss, _ in tried:
        y = values.at(loss, DOTS_Y)
        dots.column(scale.at(rate), y, y)
    path = [(scale.at(one.rate), values.at(one.smoothed, DOTS_Y)) for one in tried]
    for (x0, y0), (x1, y1) in pairwise(path):
        line.line(x0, y0, x1, y1)
    for canvas, style in ((dots, STYLES.raw), (line, STYLES.train)):
        for row, cell, character in canvas.characters():
            plot.write(row, cell, character, style)


def _draw_marks(
    plot: Page,
    tried: Sequence[Tried],
    scale: RateScale,
    values: ValueScale,
    marks: Marks,
) -> None:
    """The range and the present rate in the row under the losses, the suggestion on its curve."""
    last = plot.height - 1
    if marks.low and marks.high:
        start, end = (scale.at(rate) // DOTS_X for rate in (marks.low, marks.high))
        plot.write(last, start, _RANGE * (end - start + 1), STYLES.validation)
    if marks.now:
        plot.write(last, scale.at(marks.now) // DOTS_X, NOW, STYLES.mark)
    if marks.suggested:
        nearest = min(tried, key=lambda one: abs(log10(one.rate / marks.suggested)))
        row = max(0, min(values.at(nearest.smoothed, 1), values.rows - 1))
        plot.write(row, scale.at(marks.suggested) // DOTS_X, SUGGESTED, STYLES.validation)


def _labels(scale: RateScale, cells: int) -> Iterator[tuple[int, str]]:
    """The powers of ten, each as (first cell, text)."""
    first, last = round(log10(scale.lowest)), round(log10(scale.highest))
    for power in range(first, last + 1):
        text = f"{10.0**power:.{max(0, -power)}f}"
        cell = scale.at(10.0**power) // DOTS_X - len(text) // 2
        yield max(0, min(cell, cells - len(text))), text
