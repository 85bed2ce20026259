"""A canvas of braille dots: each terminal cell is two dots wide and four dots high."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

DOTS_X = 2
"""Dots across one cell."""

DOTS_Y = 4
"""Dots down one cell."""

_BLANK = 0x2800
# Bits of the dots of a cell by row and column, as Unicode numbers them.
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """Dots on `width` x `height` cells, counted from the top left; dots outside are dropped."""

    def __init__(self, width: int, height: int) -> None:
        self._rows = [bytearray(width) for _ in range(height)]
        self._dots_across = width * DOTS_X
        self._dots_down = height * DOTS_Y

    def column(self, x: int, y0: int, y1: int) -> None:
        """Set the dots at x from y0 to y1, both included, in either order."""
        if not 0 <= x < self._dots_across:
            return
        cell, side = divmod(x, DOTS_X)
        top, bottom = (y0, y1) if y0 <= y1 else (y1, y0)
        for y in range(max(top, 0), min(bottom, self._dots_down - 1) + 1):
            self._rows[y // DOTS_Y][cell] |= _BITS[y % DOTS_Y][side]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Draw a line without gaps from (x0, y0) to (x1, y1), where x1 >= x0."""
        if x0 == x1:
            self.column(x0, y0, y1)
            return
        slope = (y1 - y0) / (x1 - x0)
        before = y0
        for x in range(x0 + 1, x1 + 1):
            y = floor(y0 + slope * (x - x0) + 0.5)
            # Where the line is steep, the rise between two columns is split between them.
            half = before + int((y - before) / 2)
            self.column(x - 1, before, half)
            self.column(x, half + (y > before) - (y < before), y)
            before = y

    def characters(self) -> Iterator[tuple[int, int, str]]:
        """Every cell with a dot, as (row, cell, braille character)."""
        for row, cells in enumerate(self._rows):
            for cell, bits in enumerate(cells):
                if bits:
                    yield row, cell, chr(_BLANK + bits)
