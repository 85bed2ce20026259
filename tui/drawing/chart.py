"""The loss chart as lines of text: a pure function of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from tui.drawing.axis import Scales, XAxis, x_labels
from tui.drawing.braille import DOTS_X
from tui.drawing.frame import labelled
from tui.drawing.page import Page
from tui.drawing.references import LINE, draw_lines, references, write_names
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
_TRAIN = "━"
_CURSOR = "│"
_FREE = f" {LINE}"


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

    train, validation = (one.since(losses.branches_at) for one in (losses.train, losses.validation))
    plot = Page(width - gutter, height - 1)
    compared_with = references(losses, values, height)
    draw_lines(plot, compared_with, values, styles)
    draw_compared(plot, losses.compared, scales.compared, values)
    draw_train(plot, train.buckets, scale, values, styles)
    for step, value in spikes:
        if step >= losses.branches_at:
            plot.write(max(values.at(value, 1), 0), framed.cell(step), SPIKE, styles.spike)
    draw_validation(plot, validation, scale, values, styles)
    for step, sign in marks:
        _write_mark(plot, framed.cell(step), sign, styles)
    if width >= _LABELLED_WIDTH:
        label_validation(plot, validation, scale, values, styles)
    write_names(plot, compared_with, values, styles)
    if cursor is not None:
        _draw_cursor(plot, framed.cell(cursor), styles)

    return labelled(plot, values, gutter, x_labels(scale, plot.width), styles.label)


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
