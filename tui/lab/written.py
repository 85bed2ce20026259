"""The newest sample of each side, side by side or below each other."""

from itertools import zip_longest

from textual.content import Content

from engine.protocol import Excerpt
from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.lab.sides import sign
from tui.lab.state import SideProgress
from tui.panes.pane import Pane
from tui.panes.scrolling import lines_of
from tui.state import RunState

GAP = 2
"""Cells between two columns."""
NARROWEST = 14
"""Cells of a column: where there is not room for that, the samples are below each other."""


class SidesWritten(Pane):
    """A column for each side, or where they would be too narrow, some lines for each."""

    BORDER_TITLE = "samples"

    def part(self, state: RunState) -> object:
        return tuple((side.label, side.excerpt) for side in state.lab.sides)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        sides = state.lab.sides
        if not sides:
            return []
        column = (width - GAP * (len(sides) - 1)) // len(sides)
        if column < NARROWEST:
            rows = max(1, height // len(sides))
            each = [_lines(number, side, width)[:rows] for number, side in enumerate(sides)]
            return [line for lines in each for line in lines]
        columns = [
            [_filled(line, column) for line in _sample(number, side, column)[:height]]
            for number, side in enumerate(sides)
        ]
        blank = Content(" " * column)
        rows_of_all = zip_longest(*columns, fillvalue=blank)
        return [Content(" " * GAP).join(row) for row in rows_of_all]


def _sample(number: int, side: SideProgress, width: int) -> list[Content]:
    """The column of one side: what it is, then its sample."""
    head = sign(number, side.label)
    if side.excerpt is None:
        return [head]
    step = Content.styled(f"  step {count(side.excerpt.step)}", "$foreground-muted")
    return [
        head + step if (head + step).cell_length <= width else head,
        *_wrapped(side.excerpt, width),
    ]


def _lines(number: int, side: SideProgress, width: int) -> list[Content]:
    """The lines of one side, its sign before the first."""
    head = sign(number, side.label) + Content(" ")
    if side.excerpt is None:
        return [head]
    first, *others = _wrapped(side.excerpt, width - head.cell_length)
    indent = Content(" " * head.cell_length)
    return [head + first, *(indent + line for line in others)]


def _wrapped(sample: Excerpt, width: int) -> list[Content]:
    wrapping = Wrapping(width)
    wrapping.append(sample.prompt + sample.text)
    return [line.content for line in lines_of(wrapping.lines, len(sample.prompt))]


def _filled(line: Content, width: int) -> Content:
    line = line.truncate(width)
    return line.pad_right(width - line.cell_length)
