"""The second net under `safe_text`: what a terminal would obey is dropped as a line is painted.

Every widget is to show untrusted text through `safe_text`. One that forgets, of ours or of
Textual's, still lets nothing through here.
"""

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from data.safe import few_marks

OBEYED = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Controls (a tab apart), marks that turn or hide text, and halves of pairs that are no text."""


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
    return few_marks(OBEYED.sub("", text))
