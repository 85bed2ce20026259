"""A text as the program passes it on: a `str`, or a large one that is kept in a file."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # imports NumPy, which the first paint does not wait for
    from data.statistics import Statistics

CHUNK = 1 << 20
"""Characters that are handled at a time, which bounds the memory for a large text."""


class Text(Protocol):
    """A sequence of characters, of which parts are read by slices `[start:end]`, as strings."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> str: ...


class Part:
    """A part of a text, which is not copied."""

    def __init__(self, text: Text, start: int, end: int | None = None) -> None:
        """`start` and `end` as those of a slice, but not negative."""
        self._text = text
        self._start, self._end, _ = slice(start, end).indices(len(text))

    def __len__(self) -> int:
        return max(0, self._end - self._start)

    def __getitem__(self, part: slice, /) -> str:
        start, end, _ = part.indices(len(self))
        return self._text[self._start + start : self._start + end]


def chunks(text: Text) -> Iterator[str]:
    """The text in parts of `CHUNK` characters."""
    for first in range(0, len(text), CHUNK):
        yield text[first : first + CHUNK]


def distinct(text: Text) -> set[str]:
    """The different characters of a text."""
    if isinstance(text, LargeText):
        return set(text.characters)
    found: set[str] = set()
    for chunk in chunks(text):
        found.update(chunk)
    return found


class LargeText(ABC):
    """A text that is kept in a file: its length, digest and characters are known."""

    @property
    @abstractmethod
    def sha256(self) -> str:
        """Of the text in UTF-8."""

    @property
    @abstractmethod
    def characters(self) -> str:
        """Its different characters, sorted."""

    @abstractmethod
    def statistics(self) -> "Statistics":
        """Its statistics."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, part: slice, /) -> str: ...
