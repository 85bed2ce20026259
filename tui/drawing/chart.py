"""The loss chart as lines of text: a pure function of numbers.

From back to front: the reference lines, the raw training losses as a faint band, the smoothed
training loss as a line, the validation losses as diamonds. Training and validation differ in
shape, not only in colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import add
from typing import NamedTuple

from msgspec import Struct
from textual.content import Content
from textual.style import Style

from tui.drawing.braille import DOTS_X, DOTS_Y, Canvas
from tui.drawing.curve import LARGEST, Bucket, Curve
from tui.drawing.page import Page
from tui.drawing.scale import StepScale, ValueScale, step_labels

MIN_WIDTH = 20
"""Cells. A narrower chart is left blank."""

MIN_HEIGHT = 5
"""Cells. A chart with fewer lines is left blank."""

COMPARED = ("$success", "$warning", "$secondary")
"""Styles of the compared runs, in their order."""

MOST_COMPARED = len(COMPARED)

HELD_OUT = "◆"
CLIPPED = "▲"
SPIKE = "✶"
_MARGIN = 2  # cells left of the name of a reference, at least
_REFERENCE = "┈"
_TRAIN = "━"

# The smoothed line is a mean over this fraction of the width to either side.
_SMOOTHING_REACH = 1 / 50
# The highest twentieth of the losses counts as spikes if with it the range is this many times as
# large as without it.
_SPIKE_RATIO = 1.5
# Where the axis of a run ends whose length is not known yet.
_MIN_LAST_STEP = 10

_Losses = Sequence[Sequence[tuple[int, float]]]
"""The (step, loss) of several runs."""


class ChartStyles(Struct, frozen=True):
    """The Textual style of each part of the chart."""

    raw: Style | str = "$primary 45%"
    train: Style | str = "$primary"
    validation: Style | str = "$accent"
    spike: Style | str = "$error"
    reference: Style | str = "$foreground 30%"
    label: Style | str = "$foreground 60%"


class _Column(NamedTuple):
    """The training losses in one column of dots."""

    x: int
    low: float
    high: float
    mean: float


class _Reference(NamedTuple):
    """A constant loss to compare with: a horizontal line with a name, a short one in a narrow
    chart."""

    name: str
    short: str
    value: float


def draw_chart(
    *,
    width: int,
    height: int,
    train: Curve,
    validation: Curve,
    spikes: Sequence[tuple[int, float]],
    compared: Sequence[Sequence[tuple[int, float]]] = (),
    uniform: float | None,
    unigram: float | None,
    steps: int,
    log_x: bool,
    styles: ChartStyles,
) -> list[Content]:
    """Draw the losses over the steps: exactly `height` lines of exactly `width` cells.

    Losses are in nats per character: `uniform` is that of a uniform guess among all characters,
    `unigram` that of a guess by their frequencies. `spikes` are the (step, loss) to mark,
    `compared` the (step, validation loss) of other runs. `steps` is the planned length: the right
    end, unless the curves go beyond. A chart smaller than `MIN_WIDTH` x `MIN_HEIGHT` is blank.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return [Content(" " * max(0, width)) for _ in range(height)]
    references = _references(uniform, unigram)
    values = _value_scale(train, validation, compared, references, height - 1)
    labels = values.ticks()
    gutter = max(len(label) for label in labels.values()) + 1
    last = max(steps, _newest_step(train, validation, compared), _MIN_LAST_STEP)
    scale = StepScale(last, (width - gutter) * DOTS_X, log_x)

    plot = Page(width - gutter, height - 1)
    for reference in references:
        plot.write(values.at(reference.value, 1), 0, _REFERENCE * plot.width, styles.reference)
    for losses, style in zip(compared, COMPARED, strict=False):
        _draw_compared(plot, losses, scale, values, style)
    _draw_train(plot, train.buckets, scale, values, styles)
    for step, value in spikes:
        plot.write(max(values.at(value, 1), 0), scale.at(step) // DOTS_X, SPIKE, styles.spike)
    _draw_validation(plot, validation, scale, values, styles)
    for reference in references:
        _write_name(plot, reference, values.at(reference.value, 1), styles)

    axis = Page(gutter, height - 1)
    for row, label in labels.items():
        axis.write(row, 0, label.rjust(gutter - 1), styles.label)
    foot = Page(width, 1)
    for cell, text in step_labels(scale, plot.width):
        foot.write(0, max(0, gutter + cell), text, styles.label)
    return [*map(add, axis.lines(), plot.lines()), *foot.lines()]


def legend(styles: ChartStyles) -> Content:
    """What the shapes in the chart mean, in one line."""
    return Content.assemble(
        (_TRAIN, styles.train),
        (" train  ", styles.label),
        (HELD_OUT, styles.validation),
        (" held out", styles.label),
    )


def _references(uniform: float | None, unigram: float | None) -> list[_Reference]:
    named = (("a uniform guess", "uniform", uniform), ("letter frequencies", "letters", unigram))
    return [
        _Reference(name, short, value)
        for name, short, value in named
        if value is not None and abs(value) <= LARGEST
    ]


def _newest_step(train: Curve, validation: Curve, compared: _Losses) -> int:
    """The last step of any curve."""
    newest = [curve.last[0] for curve in (train, validation) if curve.last]
    return max([*newest, *(losses[-1][0] for losses in compared if losses)], default=0)


def _columns(buckets: Sequence[Bucket], scale: StepScale) -> list[_Column]:
    """The training curve, thinned to the columns of dots that have any points, left to right."""
    groups: dict[int, list[Bucket]] = {}
    for bucket in buckets:
        groups.setdefault(scale.at(bucket.middle), []).append(bucket)
    columns = []
    for x, group in sorted(groups.items()):
        _, _, lows, highs, totals, points = zip(*group, strict=True)
        columns.append(_Column(x, min(lows), max(highs), sum(totals) / sum(points)))
    return columns


def _value_scale(
    train: Curve,
    validation: Curve,
    compared: _Losses,
    references: Sequence[_Reference],
    rows: int,
) -> ValueScale:
    """A scale for all values except spikes, which must not flatten the rest."""
    known = [reference.value for reference in references]
    evaluated = [bucket.mean for bucket in validation.buckets]
    evaluated += [loss for losses in compared for _, loss in losses if abs(loss) <= LARGEST]
    buckets = train.buckets
    means = [bucket.mean for bucket in buckets]
    # Half of the lowest reference is shown from the beginning: the curve has room to fall, and the
    # axis seldom changes under it.
    room = [min(value, value / 2) for value in known]
    low = min([bucket.low for bucket in buckets] + evaluated + room, default=0.0)
    high = max([bucket.high for bucket in buckets] + evaluated + known, default=1.0)

    # A run begins near a uniform guess. Where that is not known, its first loss stands in for it.
    start = known or means[:1]
    spikes = max(len(means) // 20, 1 if known else 0)
    usual = max(start + sorted(means)[: len(means) - spikes] + sorted(evaluated)[:-1], default=high)
    if high - low > _SPIKE_RATIO * (usual - low):
        high = usual
    return ValueScale.covering(low, high, rows)


def _draw_validation(
    plot: Page, validation: Curve, scale: StepScale, values: ValueScale, styles: ChartStyles
) -> None:
    """A mark for each evaluation, at the top edge where it lies above the chart."""
    for bucket in validation.buckets:
        row = values.at(bucket.mean, 1)
        mark = HELD_OUT if row >= 0 else CLIPPED
        plot.write(max(row, 0), scale.at(bucket.middle) // DOTS_X, mark, styles.validation)


def _draw_train(
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
    curve = [(columns[0].x, buckets[0].mean), *_smooth(columns, scale)]
    path = [(x, max(-1, values.at(value, DOTS_Y))) for x, value in curve]
    for (x0, y0), (x1, y1) in pairwise(path):
        line.line(x0, y0, x1, y1)

    for canvas, style in ((band, styles.raw), (line, styles.train)):
        for row, cell, character in canvas.characters():
            plot.write(row, cell, character, style)
    for column in columns:
        if column.high > values.top:
            plot.write(0, column.x // DOTS_X, CLIPPED, styles.train)


def _draw_compared(
    plot: Page,
    losses: Sequence[tuple[int, float]],
    scale: StepScale,
    values: ValueScale,
    style: Style | str,
) -> None:
    """The validation losses of another run as a line."""
    path = [
        (scale.at(step), max(-1, values.at(loss, DOTS_Y)))
        for step, loss in losses
        if abs(loss) <= LARGEST
    ]
    line = Canvas(plot.width, values.rows)
    for (x0, y0), (x1, y1) in pairwise(path):
        line.line(x0, y0, x1, y1)
    for row, cell, character in line.characters():
        plot.write(row, cell, character, style)


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


def _write_name(plot: Page, reference: _Reference, row: int, styles: ChartStyles) -> None:
    """Name a reference at the right end of its line, or beside the line if a curve runs there."""
    number = f"{reference.value:.2f}"
    for text in (f"{reference.name} {number}", f"{reference.short} {number}", number):
        start = plot.width - len(text) - 1
        if start < _MARGIN:
            continue
        for place, blank in ((row, f" {_REFERENCE}"), (row - 1, " "), (row + 1, " ")):
            if plot.is_free(place, start, blank):
                plot.write(place, start, f" {text}", styles.label)
                return
