"""Wraps a growing text: when text is added, only the last paragraph is wrapped again."""

from collections.abc import Sequence

from textual.content import Content


class Wrapping:
    """A text in lines of at most `width` cells, wrapped between words."""

    def __init__(self, width: int) -> None:
        """`width` in cells, at least 1."""
        self.width = max(1, width)
        self._done: list[str] = []
        self._paragraph = ""
        self._open: list[str] = [""]

    @property
    def lines(self) -> list[str]:
        """All lines; the next character goes at the end of the last one."""
        return [*self._done, *self._open]

    def append(self, text: str) -> None:
        """Add text at the end."""
        first, *rest = text.split("\n")
        self._paragraph += first
        for paragraph in rest:
            self._done += self._wrap(self._paragraph)
            self._paragraph = paragraph
        self._open = self._wrap(self._paragraph)

    def _wrap(self, paragraph: str) -> list[str]:
        if not paragraph:
            return [""]
        return [line.plain for line in Content(paragraph).wrap(self.width)]


def line_starts(text: str, lines: Sequence[str]) -> list[int]:
    """Where each line of a wrapped text begins in it: white space at the end of a line is lost."""
    starts = []
    place = 0
    for line in lines:
        place = max(place, text.find(line, place))
        starts.append(place)
        place += len(line)
    return starts
