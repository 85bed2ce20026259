"""What of the written text is copied from the training text, as the screen shows it."""

from itertools import accumulate, pairwise

from msgspec import Struct

from engine.protocol import CopiesFound
from tui.drawing.words import count, counted

Spans = tuple[tuple[int, int], ...]
"""Parts of a text: where each begins and ends."""


class Copies(Struct, frozen=True):
    """The answer of the engine. All text in it is safe to draw."""

    found: CopiesFound
    spans: Spans
    """The copied parts of the written text."""

    @property
    def summary(self) -> str:
        """What was found, in a few words."""
        found = self.found
        if found.refused:
            return found.refused
        if not found.longest:
            return f"nothing of {found.shortest} characters or more is copied"
        return f"longest copy: {counted(found.longest, 'character')}, line {count(found.line)}"


def copies_in(text: str, found: CopiesFound) -> Copies | None:
    """What was found in a text, or in the beginning of it; None if it was found in another."""
    if not text.startswith("".join(piece.text for piece in found.pieces)):
        return None
    ends = pairwise(accumulate((len(piece.text) for piece in found.pieces), initial=0))
    spans = (span for span, piece in zip(ends, found.pieces, strict=True) if piece.line)
    return Copies(found, tuple(spans))
