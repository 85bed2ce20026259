"""The labels around the plot of a chart: values on the left, the x axis below."""

from __future__ import annotations

from collections.abc import Iterable
from operator import add

from textual.content import Content
from textual.style import Style

from tui.drawing.page import Page
from tui.drawing.scale import ValueScale


def labelled(
    plot: Page,
    values: ValueScale,
    gutter: int,
    x_labels: Iterable[tuple[int, str]],
    style: Style | str,
) -> list[Content]:
    """The lines of a plot, with the values of its rows in `gutter` cells on the left, and one line
    more for the labels of the x axis, as (cell of the plot, text)."""
    axis = Page(gutter, plot.height)
    for row, label in values.ticks().items():
        axis.write(row, 0, label.rjust(gutter - 1), style)
    foot = Page(gutter + plot.width, 1)
    for cell, text in x_labels:
        foot.write(0, max(0, gutter + cell), text, style)
    return [*map(add, axis.lines(), plot.lines()), *foot.lines()]
