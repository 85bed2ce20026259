"""The tokens of a text, where they are not its characters: in words, and as coloured pieces."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from engine.protocol import Tokens
from tui.drawing.words import character, count

STYLES = ("on $primary 30%", "on $secondary 30%", "on $accent 25%")
"""Of neighbouring tokens, in turn."""


def piece(token: str) -> str:
    """A token in a line: a space, a line break and a tab have pictures."""
    return "".join(map(character, token))


def described(tokens: Tokens) -> list[Content]:
    """How many there are, and how long they are; nothing where they are characters."""
    if tokens.kind == "characters":
        return []
    kind = "bytes" if tokens.kind == "bytes" else f"{count(tokens.number)} tokens"
    return [Content(f"{kind}, {tokens.characters_each:.2f} characters each")]


def in_turn(tokens: Sequence[str]) -> list[Content]:
    """Safe tokens, each in another colour than its neighbours."""
    return [
        Content.styled(piece(token), STYLES[number % len(STYLES)])
        for number, token in enumerate(tokens)
    ]


def coloured(tokens: Sequence[str], width: int, height: int) -> list[Content]:
    """The safe tokens that a text begins with, in so many lines at most; one longer than a line is
    cut."""
    lines: list[Content] = []
    line = Content("")
    for token, part in zip(tokens, in_turn(tokens), strict=True):
        if line and line.cell_length + cell_len(part.plain) > width:
            lines.append(line)
            line = Content("")
        if len(lines) == height:
            return lines
        line += part.truncate(width)
        if token.endswith("␊"):
            lines.append(line)
            line = Content("")
    return [*lines, line][:height] if line else lines[:height]
