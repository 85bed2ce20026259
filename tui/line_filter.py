"""The second net under `safe_text`: what a terminal would obey is dropped as a line is painted.

Every widget is to show untrusted text through `safe_text`. One that forgets, of ours or of
Textual's, still lets nothing through here.
"""

import re

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from data.safe_text import UNSAFE, limit_marks

OBEYED = re.compile(f"[{re.escape(''.join(map(chr, sorted(UNSAFE - {9}))))}]")
"""What `safe_text` makes visible, a tab apart."""


class DroppingFilter(LineFilter):
    """Drops from every line what is not to be shown."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isascii() and segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment if segment.control else Segment(_harmless(segment.text), segment.style)
            for segment in segments
        ]


def _harmless(text: str) -> str:
    """The text without what is dropped, in as many cells."""
    kept = limit_marks(OBEYED.sub("", text))
    return kept if len(kept) == len(text) else kept + " " * (cell_len(text) - cell_len(kept))
