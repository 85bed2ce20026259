"""The place in the training text from which something was copied."""

from textual.binding import Binding
from textual.content import Content

from tui.copies import Copies
from tui.drawing.words import count, counted
from tui.panes.scrolling import COPIED
from tui.screens.page import PageScreen

OTHERS = 10
"""So many of the other copies are named."""


class CopyPage(PageScreen):
    """Shows the longest copy among the lines around it."""

    BINDINGS = [Binding("escape,q,C,ctrl+o", "dismiss", "Close")]

    def __init__(self, copies: Copies) -> None:
        """`copies`: at least one."""
        super().__init__(f"copied from line {count(copies.found.line)}", copy_text(copies))


def copy_text(copies: Copies) -> Content:
    """The copied part marked in the text around it, and where the other copies stand."""
    found = copies.found
    lines = [piece.line for piece in found.pieces if piece.line]
    parts: list[str | tuple[str, str]] = [
        f"The model wrote {counted(found.longest, 'character')} exactly as they stand in the text "
        "that it trains on:\n\n",
        (found.before, "$foreground-muted"),
        (found.copied, COPIED),
        (found.after, "$foreground-muted"),
    ]
    if len(lines) > 1:
        named = ", ".join(map(count, lines[:OTHERS]))
        more = f", and {count(len(lines) - OTHERS)} more" if len(lines) > OTHERS else ""
        parts.append(f"\n\nThe copies in this text come from lines {named}{more}.")
    return Content.assemble(*parts)
