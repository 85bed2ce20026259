"""The loss chart as lines of text: a pure function of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from operator import add
from typing import NamedTuple

from textual.content import Content

from tui.drawing.axis import Scales, XAxis, x_labels
from tui.drawing.braille import DOTS_X
from tui.drawing.curve import LARGEST
from tui.drawing.page import Page
from tui.drawing.scale import ValueScale
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
_CURSOR = "│"
_FREE = f" {_REFERENCE}"


class _Reference(NamedTuple):
    """A constant loss to compare with: a horizontal line with a name, a short one in a narrow
    chart."""

    name: str
    short: str
    value: float


class Frame(NamedTuple):
    """Where steps and losses lie in a chart."""

    gutter: int
    """Cells left of the plot."""

    x: Scales
    values: ValueScale

    def cell(self, step: float) -> int:
        """The cell of the plot that a step is in."""
        return self.x.own.at(step) // DOTS_X


def frame(losses: Losses, *, width: int, height: int, x: XAxis, whole: bool) -> Frame | None:
    """The frame of the chart that `draw_chart` draws; None if it is blank."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return None
    low, high, _ = value_range(losses, whole)
    values = ValueScale.covering(low, high, height - 1)
    gutter = max(len(label) for label in values.ticks().values()) + 1
    return Frame(gutter, x.scales(losses.last_step, (width - gutter) * DOTS_X), values)


def draw_chart(
    losses: Losses,
    *,
    width: int,
    height: int,
    spikes: Sequence[tuple[int, float]],
    x: XAxis,
    whole: bool,
    styles: ChartStyles,
    marks: Sequence[tuple[int, str]] = (),
    cursor: int | None = None,
) -> list[Content]:
    """Draw the losses over the steps: exactly `height` lines of exactly `width` cells.

    `spikes` are the (step, loss) to mark, `marks` the (step, sign) of what else happened. `whole`
    shows every loss, also where the newest ones alone would show more of their fall. `cursor`: the
    step that is read. A chart smaller than `MIN_WIDTH` x `MIN_HEIGHT` is blank.
    """
    framed = frame(losses, width=width, height=height, x=x, whole=whole)
    if framed is None:
        return [Content(" " * max(0, width)) for _ in range(height)]
    gutter, scales, values = framed
    scale = scales.own

    plot = Page(width - gutter, height - 1)
    references = [
        one for one in _references(losses, height) if values.at(one.value, 1) in range(height - 1)
    ]
    for reference in references:
        plot.write(values.at(reference.value, 1), 0, _REFERENCE * plot.width, styles.reference)
    draw_compared(plot, losses.compared, scales.compared, values)
    draw_train(plot, losses.train.buckets, scale, values, styles)
    for step, value in spikes:
        plot.write(max(values.at(value, 1), 0), framed.cell(step), SPIKE, styles.spike)
    draw_validation(plot, losses.validation, scale, values, styles)
    for step, sign in marks:
        _write_mark(plot, framed.cell(step), sign, styles)
    if width >= _LABELLED_WIDTH:
        label_validation(plot, losses.validation, scale, values, styles)
    _write_names(plot, references, values, styles)
    if cursor is not None:
        _draw_cursor(plot, framed.cell(cursor), styles)

    axis = Page(gutter, height - 1)
    for row, label in values.ticks().items():
        axis.write(row, 0, label.rjust(gutter - 1), styles.label)
    foot = Page(width, 1)
    for cell, text in x_labels(scale, plot.width):
        foot.write(0, max(0, gutter + cell), text, styles.label)
    return [*map(add, axis.lines(), plot.lines()), *foot.lines()]


def _write_mark(plot: Page, cell: int, sign: str, styles: ChartStyles) -> None:
    """A sign in the lowest row where nothing is drawn yet."""
    free = (row for row in reversed(range(plot.height)) if plot.is_free(row, cell, _FREE, 1))
    plot.write(next(free, plot.height - 1), cell, sign, styles.mark)


def _draw_cursor(plot: Page, cell: int, styles: ChartStyles) -> None:
    """A line from top to bottom behind what is drawn there."""
    for row in range(plot.height):
        drawn = plot.characters[row][cell]
        plot.write(row, cell, _CURSOR if drawn in _FREE else drawn, styles.cursor)


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
