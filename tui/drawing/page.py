"""A rectangle of styled characters to draw on."""

from __future__ import annotations

from textual.content import Content, Span
from textual.style import Style


class Page:
    """Styled characters; what is written later covers what was there."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.characters = [[" "] * width for _ in range(height)]
        self.styles: list[list[Style | str]] = [[""] * width for _ in range(height)]

    def write(self, row: int, start: int, text: str, style: Style | str) -> None:
        """Write text from a cell on, cut at the end of the row. Its characters must be one cell wide."""
        text = text[: self.width - start]
        end = start + len(text)
        self.characters[row][start:end] = text
        self.styles[row][start:end] = [style] * len(text)

    def is_free(self, row: int, start: int, blank: str, length: int | None = None) -> bool:
        """Whether `length` cells from start, or all to the end of the row, hold only characters of
        `blank`."""
        end = self.width if length is None else start + length
        if not (0 <= row < len(self.characters) and 0 <= start <= end <= self.width):
            return False
        return all(character in blank for character in self.characters[row][start:end])

    def lines(self) -> list[Content]:
        """One Content per row."""
        return [
            Content("".join(characters), _spans(styles))
            for characters, styles in zip(self.characters, self.styles, strict=True)
        ]


def _spans(styles: list[Style | str]) -> list[Span]:
    """One span for each series of cells with the same style."""
    spans: list[Span] = []
    start = 0
    for cell in range(1, len(styles) + 1):
        if cell == len(styles) or styles[cell] is not styles[start]:
            if styles[start]:
                spans.append(Span(start, cell, styles[start]))
            start = cell
    return spans
