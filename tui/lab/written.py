"""The newest sample of each side, side by side."""

from itertools import zip_longest

from textual.content import Content

from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.lab.sides import sign
from tui.panes.pane import Pane
from tui.panes.scrolling import lines_of
from tui.state import RunState

GAP = 2
"""Cells between two columns."""


class SidesWritten(Pane):
    """A column for each side."""

    BORDER_TITLE = "samples"

    def part(self, state: RunState) -> object:
        return tuple((side.label, side.excerpt) for side in state.lab.sides)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        sides = state.lab.sides
        if not sides:
            return []
        column = max(1, (width - GAP * (len(sides) - 1)) // len(sides))
        columns = []
        for number, side in enumerate(sides):
            head = sign(number, side.label)
            lines = [head]
            if (sample := side.excerpt) is not None:
                step = Content.styled(f"  step {count(sample.step)}", "$foreground-muted")
                lines = [head + step if (head + step).cell_length <= column else head]
                wrapping = Wrapping(column)
                wrapping.append(sample.prompt + sample.text)
                lines += [line.content for line in lines_of(wrapping.lines, len(sample.prompt))]
            columns.append([_filled(line, column) for line in lines[:height]])
        blank = Content(" " * column)
        rows = zip_longest(*columns, fillvalue=blank)
        return [Content(" " * GAP).join(row) for row in rows]


def _filled(line: Content, width: int) -> Content:
    line = line.truncate(width)
    return line.pad_right(width - line.cell_length)
