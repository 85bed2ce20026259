"""In which line of a text a character stands."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
"""Characters whose line breaks are counted once."""


class LineNumbers:
    """The line numbers of one text, whose line breaks are counted as far as that is asked for."""

    def __init__(self, ids: NDArray[np.integer[Any]], line_break: int) -> None:
        """`ids`: (N,) of the text, not copied. `line_break`: its id, or -1 if it has none."""
        self._ids = ids
        self._line_break = line_break
        self._before = [0]
        """The line breaks before each block."""

    def line(self, place: int) -> int:
        """The line of the character at `place`, counted from 1."""
        block = place // BLOCK
        while len(self._before) <= block:
            start = (len(self._before) - 1) * BLOCK
            self._before.append(self._before[-1] + self._breaks(start, start + BLOCK))
        return self._before[block] + self._breaks(block * BLOCK, place) + 1

    def _breaks(self, start: int, end: int) -> int:
        return int(np.count_nonzero(self._ids[start:end] == self._line_break))
