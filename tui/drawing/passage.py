"""Where each character, or token, of a passage stands when it is wrapped."""

from collections.abc import Sequence
from itertools import accumulate

from rich.cells import cell_len, get_character_cell_size

BREAKS = " ␊"
"""Characters after which a line may end; after the last of them it does."""


class PassageLayout:
    """A text in rows of at most `width` cells, wrapped after blanks; each keeps all its characters.
    Where the text is a sequence of tokens, each of them stands in one row, and what is said of a
    character here holds for a token; one that is wider than a row is cut where it is drawn.

    The text is safe to draw and has pictures of its line breaks.
    """

    def __init__(self, text: Sequence[str], width: int) -> None:
        """`width`: at least 2 cells."""
        measure = get_character_cell_size if isinstance(text, str) else cell_len
        self._cells = [min(measure(part), max(2, width)) for part in text]
        self.rows: list[range] = _rows(text, self._cells, max(2, width))

    def row_of(self, index: int) -> int:
        """The row in which a character stands."""
        return next(number for number, row in enumerate(self.rows) if index < row.stop)

    def cell_of(self, index: int) -> int:
        """The first cell of a character in its row."""
        return sum(self._cells[self.rows[self.row_of(index)].start : index])

    def index_at(self, row: int, cell: int) -> int:
        """The character at a cell, or the nearest one."""
        places = self.rows[max(0, min(row, len(self.rows) - 1))]
        ends = accumulate(self._cells[places.start : places.stop])
        return next(
            (index for index, end in zip(places, ends, strict=True) if cell < end), places.stop - 1
        )

    def first_row(self, index: int, height: int) -> int:
        """The first of `height` rows that are shown, so that a character is in sight, with rows
        above and below."""
        return max(0, min(self.row_of(index) - height // 2, len(self.rows) - height))


def _rows(text: Sequence[str], cells: Sequence[int], width: int) -> list[range]:
    rows: list[range] = []
    start = used = 0
    blank = -1
    for index, character in enumerate(text):
        if used + cells[index] > width:
            end = blank + 1 if blank >= start else index
            rows.append(range(start, end))
            start, used = end, sum(cells[end:index])
        used += cells[index]
        if character.endswith(tuple(BREAKS)):
            blank = index
        if character.endswith(BREAKS[-1]):
            rows.append(range(start, index + 1))
            start, used = index + 1, 0
    if start < len(text) or not rows:
        rows.append(range(start, len(text)))
    return rows
