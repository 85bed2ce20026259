"""A safety net behind `safe_text`: drops control characters from every line that is painted.

Every widget should show untrusted text through `safe_text`. If one of ours or of Textual's does
not, nothing that a terminal obeys gets past here either.
"""

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from data.safe_text import UNSAFE, limit_marks

OBEYED = dict.fromkeys(code for code in UNSAFE if code != ord("\t"))
"""What `safe_text` replaces, except a tab."""


class DroppingFilter(LineFilter):
    """Drops unsafe characters from every line."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.control or (segment.text.isascii() and segment.text.isprintable())
            else Segment(_harmless(segment.text), segment.style)
            for segment in segments
        ]


@lru_cache(maxsize=1024)  # mostly borders
def _harmless(text: str) -> str:
    """The text without unsafe characters, padded to the same width."""
    kept = limit_marks(text.translate(OBEYED))
    return kept if len(kept) == len(text) else kept + " " * (cell_len(text) - cell_len(kept))
