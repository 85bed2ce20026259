"""The losses in the chart, drawn as lines and marks.

From back to front: compared runs, the raw training losses as a faint band, the smoothed training
loss as a line, the validation losses as diamonds. Training and validation differ in shape, not only
in colour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from textual.style import Style

from tui.drawing.axis import StepScale
from tui.drawing.braille import DOTS_X, DOTS_Y, Canvas
from tui.drawing.curve import LARGEST, Bucket, Curve
from tui.drawing.page import Page
from tui.drawing.scale import ValueScale

COMPARED = (("○", "$success"), ("△", "$warning"), ("□", "$secondary"), ("×", "$accent"))
"""Mark and style of each compared run or side of a race, in their order."""

HELD_OUT = "◆"
CLIPPED = "▲"
SPIKE = "✶"

# Cells from one mark of a compared run to the next, and how much later the next run has its first.
_MARKS_APART = 15
_MARKS_SHIFTED = 5
# The smoothed line is a mean over this fraction of the width to either side.
_SMOOTHING_REACH = 1 / 50
# How far above the chart a training loss lies that is marked, as a fraction of the chart.
_MARKED_ABOVE = 0.25


class ChartStyles(Struct, frozen=True):
    """The Textual style of each part of the chart."""

    raw: Style | str = "$primary 45%"
    train: Style | str = "$primary"
    validation: Style | str = "$accent"
    spike: Style | str = "$error"
    mark: Style | str = "$foreground 80%"
    cursor: Style | str = "bold $foreground on $primary 40%"
    reference: Style | str = "$foreground 30%"
    label: Style | str = "$foreground 60%"


class _Column(Struct, frozen=True):
    """The training losses in one column of dots."""

    x: int
    low: float
    high: float
    mean: float


def draw_validation(
    plot: Page, validation: Curve, scale: StepScale, values: ValueScale, styles: ChartStyles
) -> None:
    """A mark for each evaluation, at the top edge where it lies above the chart."""
    for bucket in validation.buckets:
        row = values.at(bucket.mean, 1)
        mark = HELD_OUT if row >= 0 else CLIPPED
        plot.write(max(row, 0), scale.at(bucket.middle) // DOTS_X, mark, styles.validation)


def label_validation(
    plot: Page, validation: Curve, scale: StepScale, values: ValueScale, styles: ChartStyles
) -> None:
    """The value of each evaluation beside its mark, where nothing is drawn."""
    for bucket in reversed(validation.buckets):
        text = f" {bucket.mean:.2f} "
        row, cell = values.at(bucket.mean, 1), scale.at(bucket.middle) // DOTS_X
        for start in (cell + 1, cell - len(text)):
            if plot.is_free(row, start, " ", len(text)):
                plot.write(row, start, text, styles.label)
                break


def draw_train(
    plot: Page, buckets: Sequence[Bucket], scale: StepScale, values: ValueScale, styles: ChartStyles
) -> None:
    """The raw band, the smoothed line over it, and a mark for each loss above the chart."""
    columns = _columns(buckets, scale)
    if not columns:
        return
    band, line = Canvas(plot.width, values.rows), Canvas(plot.width, values.rows)
    for column in columns:
        band.column(column.x, values.at(column.high, DOTS_Y), values.at(column.low, DOTS_Y))
    # The first column may be a mean of many steps already: the line starts at the run's first loss.
    smooth = list(_smooth(columns, scale))
    curve = [(columns[0].x, buckets[0].mean), *smooth]
    path = [(x, max(-1, values.at(value, DOTS_Y))) for x, value in curve]
    for (x0, y0), (x1, y1) in pairwise(path):
        line.line(x0, y0, x1, y1)

    for canvas, style in ((band, styles.raw), (line, styles.train)):
        for row, cell, character in canvas.characters():
            plot.write(row, cell, character, style)
    far = values.top + _MARKED_ABOVE * values.rows * values.row
    above = {
        column.x // DOTS_X
        for column, (_, value) in zip(columns, smooth, strict=True)
        if value > values.top or column.high > far
    }
    for cell in above:
        if cell + 1 not in above:  # one mark where the curve comes back, not a row of them
            plot.write(0, cell, CLIPPED, styles.train)


def draw_compared(
    plot: Page,
    compared: Sequence[Sequence[tuple[int, float]]],
    scales: Sequence[StepScale],
    values: ValueScale,
) -> None:
    """The validation losses of other runs as lines, each with marks of its own in places."""
    drawn = zip(compared, scales, COMPARED, strict=False)
    for number, (losses, scale, (mark, style)) in enumerate(drawn):
        points = [(step, loss) for step, loss in losses if abs(loss) <= LARGEST]
        path = [(scale.at(step), max(-1, values.at(loss, DOTS_Y))) for step, loss in points]
        line = Canvas(plot.width, values.rows)
        for (x0, y0), (x1, y1) in pairwise(path):
            line.line(x0, y0, x1, y1)
        for row, cell, character in line.characters():
            plot.write(row, cell, character, style)
        next_mark = number * _MARKS_SHIFTED
        for step, loss in points:
            row, cell = values.at(loss, 1), scale.at(step) // DOTS_X
            if cell >= next_mark and 0 <= row < values.rows:
                plot.write(row, cell, mark, style)
                next_mark = cell + _MARKS_APART


def _columns(buckets: Sequence[Bucket], scale: StepScale) -> list[_Column]:
    """The training curve, thinned to the columns of dots that have any points, left to right."""
    places = scale.columns([(bucket.first + bucket.last) / 2 for bucket in buckets])
    columns = []
    begin = 0
    while begin < len(places):
        end = bisect_right(places, places[begin], begin)
        _, _, lows, highs, totals, points = zip(*buckets[begin:end], strict=True)
        columns.append(_Column(places[begin], min(lows), max(highs), sum(totals) / sum(points)))
        begin = end
    return columns


def _smooth(columns: list[_Column], scale: StepScale) -> Iterator[tuple[int, float]]:
    """The smoothed loss at each column, as (x, value): an interquartile mean of the columns nearby,
    so that one spike does not lift it.

    The window shrinks towards the first column, so that the steep start is not flattened, and at
    the newest one it only looks back, so that the end of the line is calm.
    """
    reach = max(2, round(scale.dots * _SMOOTHING_REACH))
    start = end = 0
    for column in columns:
        near = min(reach, column.x - columns[0].x)
        while end < len(columns) and columns[end].x <= column.x + near:
            end += 1
        while columns[start].x < column.x - near:
            start += 1
        window = sorted(other.mean for other in columns[start:end])
        quarter = len(window) // 4
        middle = window[quarter : len(window) - quarter]
        yield column.x, sum(middle) / len(middle)
