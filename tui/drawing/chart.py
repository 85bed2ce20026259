"""The loss chart as lines of text: a pure function of numbers.

From back to front: the reference lines, the raw training losses as a faint band, the smoothed
training loss as a line, the held-out losses as diamonds. Train and held out differ in shape, not
only in colour.
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
from tui.drawing.scale import StepScale, ValueScale

MIN_WIDTH = 20
"""Cells. A narrower chart is left blank."""

MIN_HEIGHT = 5
"""Cells. A lower chart is left blank."""

COMPARED = ("$success", "$warning", "$secondary")
"""Styles of the runs that are compared, in their order."""

MOST_COMPARED = len(COMPARED)

HELD_OUT = "◆"
CLIPPED = "▲"
SPIKE = "✶"
# Cells between two labels.
_GAP = 2
_REFERENCE = "┈"
_TRAIN = "━"

# The smoothed line is a mean over this share of the width, to either side.
_SMOOTH_SHARE = 1 / 50
# The highest twentieth of the losses are spikes if they rise by so much above the others.
_SPIKE = 1.5
# The axis of a run whose length is not known yet ends here.
_FEWEST_STEPS = 10


class ChartStyles(Struct, frozen=True):
    """How each part of the chart looks: a Textual style, or the text of one."""

    raw: Style | str = "$primary 45%"
    train: Style | str = "$primary"
    validation: Style | str = "$accent"
    spike: Style | str = "$error"
    reference: Style | str = "$foreground 30%"
    label: Style | str = "$foreground 60%"


class _Column(NamedTuple):
    """The training losses that fall on one column of dots."""

    x: int
    low: float
    high: float
    mean: float


class _Reference(NamedTuple):
    """A loss that stays: a horizontal line, its name and a short one for a narrow chart."""

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

    Losses are in nats per character: `uniform` is that of a guess among all characters alike,
    `unigram` that of a guess by their frequencies; `spikes` are the steps and losses to mark,
    `compared` those of other runs' exams. `steps` is how many are planned: the right end, unless
    the curves go beyond. A chart smaller than `MIN_WIDTH` x `MIN_HEIGHT` is blank.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return [Content(" " * max(0, width)) for _ in range(height)]
    ends = [curve.last[0] for curve in (train, validation) if curve.last]
    newest = max([*ends, *(losses[-1][0] for losses in compared if losses)], default=0)
    named = (("a uniform guess", "uniform", uniform), ("letter frequencies", "letters", unigram))
    references = [
        _Reference(name, short, value)
        for name, short, value in named
        if value is not None and abs(value) <= LARGEST
    ]
    losses, held_out = train.buckets, validation.buckets
    known = [reference.value for reference in references]
    examined = [bucket.mean for bucket in held_out]
    examined += [loss for other in compared for _, loss in other if abs(loss) <= LARGEST]
    values = _value_scale(losses, examined, known, height - 1)
    labels = values.ticks()
    gutter = max(len(label) for label in labels.values()) + 1
    scale = StepScale(max(steps, newest, _FEWEST_STEPS), (width - gutter) * DOTS_X, log_x)

    plot = Page(width - gutter, height - 1)
    for reference in references:
        plot.write(values.at(reference.value, 1), 0, _REFERENCE * plot.width, styles.reference)
    for other, style in zip(compared, COMPARED, strict=False):
        _draw_compared(plot, other, scale, values, style)
    _draw_train(plot, losses, scale, values, styles)
    for step, value in spikes:
        plot.write(max(values.at(value, 1), 0), scale.at(step) // DOTS_X, SPIKE, styles.spike)
    for bucket in held_out:
        row = values.at(bucket.mean, 1)
        mark = HELD_OUT if row >= 0 else CLIPPED
        plot.write(max(row, 0), scale.at(bucket.middle) // DOTS_X, mark, styles.validation)
    for reference in references:
        _write_name(plot, reference, values.at(reference.value, 1), styles)

    axis = Page(gutter, height - 1)
    for row, label in labels.items():
        axis.write(row, 0, label.rjust(gutter - 1), styles.label)
    foot = Page(width, 1)
    for cell, text in _step_labels(scale, plot.width):
        foot.write(0, max(0, gutter + cell), text, styles.label)
    return [*map(add, axis.lines(), plot.lines()), *foot.lines()]


def legend(styles: ChartStyles) -> Content:
    """What the shapes of the chart mean, in one line."""
    return Content.assemble(
        (_TRAIN, styles.train),
        (" train  ", styles.label),
        (HELD_OUT, styles.validation),
        (" held out", styles.label),
    )


def _columns(buckets: Sequence[Bucket], scale: StepScale) -> list[_Column]:
    """The training curve thinned to the columns of dots that have any points, left to right."""
    groups: dict[int, list[Bucket]] = {}
    for bucket in buckets:
        groups.setdefault(scale.at(bucket.middle), []).append(bucket)
    columns = []
    for x, group in sorted(groups.items()):
        _, _, lows, highs, totals, points = zip(*group, strict=True)
        columns.append(_Column(x, min(lows), max(highs), sum(totals) / sum(points)))
    return columns


def _value_scale(
    train: Sequence[Bucket], held_out: list[float], known: list[float], rows: int
) -> ValueScale:
    """A scale for all values but spikes, which may not flatten the rest."""
    means = [bucket.mean for bucket in train]
    # Half of the lowest reference is shown from the beginning: so the curve has room to fall, and
    # the axis seldom changes under it.
    room = [min(value, value / 2) for value in known]
    low = min([bucket.low for bucket in train] + held_out + room, default=0.0)
    high = max([bucket.high for bucket in train] + held_out + known, default=1.0)

    # A run begins near a uniform guess. Where that is not known, its first loss is the measure.
    measure = known or means[:1]
    spikes = max(len(means) // 20, 1 if known else 0)
    usual = max(
        measure + sorted(means)[: len(means) - spikes] + sorted(held_out)[:-1], default=high
    )
    if high - low > _SPIKE * (usual - low):
        high = usual
    return ValueScale.covering(low, high, rows)


def _draw_train(
    plot: Page, buckets: Sequence[Bucket], scale: StepScale, values: ValueScale, styles: ChartStyles
) -> None:
    """The raw band, the smoothed line over it, and a mark for each spike that leaves the chart."""
    columns = _columns(buckets, scale)
    if not columns:
        return
    band, line = Canvas(plot.width, values.rows), Canvas(plot.width, values.rows)
    for column in columns:
        band.column(column.x, values.at(column.high, DOTS_Y), values.at(column.low, DOTS_Y))
    # The first column may already be a mean of many steps: the line begins where the run did.
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
    """The exams of another run as a line."""
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
    """The usual loss near each column, as (x, value).

    It is the mean of the middle half of the columns nearby, so that one spike does not lift it.
    The window shrinks towards the first column, so that the steep start is not flattened, and at
    the newest one it only looks back, so that the end of the line is calm.
    """
    reach = max(2, round(scale.dots * _SMOOTH_SHARE))
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


def _step_labels(scale: StepScale, cells: int) -> Iterator[tuple[int, str]]:
    """Labels of the x axis as (first cell, text): the right end, then what finds room before it."""
    final = f"{scale.last:,} steps"
    labels = [(scale.at(step) // DOTS_X, f"{step:,}") for step in scale.ticks(len(final) * DOTS_X)]
    starts = [(max(0, cell - len(text) // 2), text) for cell, text in labels]
    if scale.log:
        # The last power of ten says more than the number of steps, which the words beside tell.
        short, newest = "steps", starts[-1][0] + len(starts[-1][1])
        if cells - len(final) < newest + _GAP <= cells - len(short) + 1:
            final = short
    end = cells - len(final)
    yield end, final
    free = 0
    for start, text in starts:
        if free <= start and start + len(text) < end:
            yield start, text
            free = start + len(text) + _GAP


def _write_name(plot: Page, reference: _Reference, row: int, styles: ChartStyles) -> None:
    """Name a reference at the right end of its line, or beside the line if a curve runs there."""
    number = f"{reference.value:.2f}"
    for text in (f"{reference.name} {number}", f"{reference.short} {number}", number):
        start = plot.width - len(text) - 1
        if start < _GAP:
            continue
        for place, blank in ((row, f" {_REFERENCE}"), (row - 1, " "), (row + 1, " ")):
            if plot.is_free(place, start, blank):
                plot.write(place, start, f" {text}", styles.label)
                return
