"""Mean curves with their spread as lines of text: a pure function of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from textual.content import Content
from textual.style import Style

from tui.drawing.axis import StepScale, XAxis, x_labels
from tui.drawing.braille import DOTS_X, DOTS_Y, Canvas
from tui.drawing.frame import labelled
from tui.drawing.page import Page
from tui.drawing.scale import ValueScale
from tui.drawing.series import ChartStyles
from tui.mean_curve import MeanPoint

MIN_WIDTH, MIN_HEIGHT = 30, 5
"""Cells. A smaller chart is left blank."""
FALL = 1 / 4
"""The part of the axis whose losses may lie above the chart: the fall that all curves share."""
STYLES = ChartStyles()
MARKS_APART = 12
"""Cells from one mark of a curve to the next, at least."""


class MeanLine(NamedTuple):
    """One curve."""

    points: Sequence[MeanPoint]
    mark: str
    """Written on the curve in places, and at its end; empty: the curve has none, and no spread."""
    style: Style | str


def draw_means(
    lines: Sequence[MeanLine], *, width: int, height: int, whole: bool = False
) -> list[Content]:
    """Draw the curves, the last one on top: exactly `height` lines of `width` cells. A bar at each
    marked place reaches one standard deviation up and down. Unless `whole`, the losses of the first
    quarter of the axis may lie above the chart."""
    known = [line for line in lines if line.points]
    if width < MIN_WIDTH or height < MIN_HEIGHT or not known:
        return [Content(" " * max(0, width)) for _ in range(height)]
    values = _values(known, height - 1, whole)
    gutter = max(len(label) for label in values.ticks().values()) + 1
    plot = Page(width - gutter, height - 1)
    last = max(line.points[-1].x for line in known)
    scale = XAxis(last).scales(int(last), plot.width * DOTS_X).own
    for line in known:
        _draw_line(plot, line, scale, values)
    for number, line in enumerate(known):
        _draw_marks(plot, line, scale, values, number)
    return labelled(plot, values, gutter, x_labels(scale, plot.width), STYLES.label)


def _values(lines: Sequence[MeanLine], rows: int, whole: bool) -> ValueScale:
    last = max(line.points[-1].x for line in lines)
    shown = [p for line in lines for p in line.points if whole or p.x >= FALL * last]
    low = min(point.mean - point.deviation for point in shown)
    return ValueScale.covering(low, max(point.mean + point.deviation for point in shown), rows)


def _draw_line(plot: Page, line: MeanLine, scale: StepScale, values: ValueScale) -> None:
    canvas = Canvas(plot.width, values.rows)
    path = [(scale.at(p.x), max(-1, values.at(p.mean, DOTS_Y))) for p in line.points]
    for (x0, y0), (x1, y1) in pairwise(path):
        canvas.line(x0, y0, x1, y1)
    for point in line.points if line.mark else ():
        high, low = (values.at(point.mean + sign * point.deviation, DOTS_Y) for sign in (1, -1))
        canvas.column(scale.at(point.x), max(-1, high), low)
    for row, cell, character in canvas.characters():
        plot.write(row, cell, character, line.style)


def _draw_marks(
    plot: Page, line: MeanLine, scale: StepScale, values: ValueScale, number: int
) -> None:
    """The mark in places, from the end on; those of the next curve stand between them."""
    free = plot.width if not number else plot.width - 1 - 3 * (number % 4)
    for point in reversed(line.points if line.mark else ()):
        row, cell = values.at(point.mean, 1), scale.at(point.x) // DOTS_X
        if cell <= free and 0 <= row < values.rows:
            plot.write(row, cell, line.mark, line.style)
            free = cell - MARKS_APART
