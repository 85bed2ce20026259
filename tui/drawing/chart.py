"""The loss chart as lines of text: a pure function of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from operator import add
from typing import NamedTuple

from textual.content import Content

from tui.drawing.braille import DOTS_X
from tui.drawing.curve import LARGEST
from tui.drawing.page import Page
from tui.drawing.scale import StepScale, ValueScale, step_labels
from tui.drawing.series import (
    HELD_OUT,
    SPIKE,
    ChartStyles,
    draw_compared,
    draw_train,
    draw_validation,
    label_validation,
)
from tui.drawing.value_range import Losses, value_range

MIN_WIDTH = 20
"""Cells. A narrower chart is left blank."""

MIN_HEIGHT = 4
"""Cells. A chart with fewer lines is left blank."""

_LABELLED_WIDTH = 120  # cells from which on the value of each evaluation is written beside its mark
_TALL = 16  # lines from which on there is room for the third reference
_MARGIN = 2  # cells left of the name of a reference, at least
_REFERENCE = "┈"
_TRAIN = "━"
# Where the axis of a run ends whose length is not known yet.
_MIN_LAST_STEP = 10


class _Reference(NamedTuple):
    """A constant loss to compare with: a horizontal line with a name, a short one in a narrow
    chart."""

    name: str
    short: str
    value: float


def draw_chart(
    losses: Losses,
    *,
    width: int,
    height: int,
    spikes: Sequence[tuple[int, float]],
    steps: int,
    log_x: bool,
    whole: bool,
    styles: ChartStyles,
) -> list[Content]:
    """Draw the losses over the steps: exactly `height` lines of exactly `width` cells.

    `spikes` are the (step, loss) to mark. `steps` is the planned length: the right end, unless the
    curves go beyond. `whole` shows every loss, also where the newest ones alone would show more of
    their fall. A chart smaller than `MIN_WIDTH` x `MIN_HEIGHT` is blank.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return [Content(" " * max(0, width)) for _ in range(height)]
    low, high, _ = value_range(losses, whole)
    values = ValueScale.covering(low, high, height - 1)
    labels = values.ticks()
    gutter = max(len(label) for label in labels.values()) + 1
    last = max(steps, losses.last_step, _MIN_LAST_STEP)
    scale = StepScale(last, (width - gutter) * DOTS_X, log_x)

    plot = Page(width - gutter, height - 1)
    references = [
        one for one in _references(losses, height) if values.at(one.value, 1) in range(height - 1)
    ]
    for reference in references:
        plot.write(values.at(reference.value, 1), 0, _REFERENCE * plot.width, styles.reference)
    draw_compared(plot, losses.compared, scale, values)
    draw_train(plot, losses.train.buckets, scale, values, styles)
    for step, value in spikes:
        plot.write(max(values.at(value, 1), 0), scale.at(step) // DOTS_X, SPIKE, styles.spike)
    draw_validation(plot, losses.validation, scale, values, styles)
    if width >= _LABELLED_WIDTH:
        label_validation(plot, losses.validation, scale, values, styles)
    _write_names(plot, references, values, styles)

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
        (" training  ", styles.label),
        (HELD_OUT, styles.validation),
        (" held-out", styles.label),
    )


def _references(losses: Losses, height: int) -> list[_Reference]:
    named = (
        ("a uniform guess", "uniform", losses.uniform),
        ("letter frequencies", "letters", losses.unigram),
        ("letter pairs", "pairs", losses.bigram if height >= _TALL else None),
    )
    return [
        _Reference(name, short, value)
        for name, short, value in named
        if value is not None and abs(value) <= LARGEST
    ]


def _write_names(
    plot: Page, references: Sequence[_Reference], values: ValueScale, styles: ChartStyles
) -> None:
    """Name each reference, from the highest on, at the right end of its line, or beside the line if a
    curve or another name is there; never above the name of a higher one."""
    highest = 0
    for reference in references:
        row = values.at(reference.value, 1)
        number = f"{reference.value:.2f}"
        texts = (f"{reference.name} {number}", f"{reference.short} {number}", number)
        places = ((row, f" {_REFERENCE}"), (row + 1, " "), (row - 1, " "))
        for text, (place, blank) in product(texts, places):
            start = plot.width - len(text) - 1
            if place >= highest and start >= _MARGIN and plot.is_free(place, start, blank):
                plot.write(place, start, f" {text}", styles.label)
                highest = place
                break
