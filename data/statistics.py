"""Statistics of a text: its size, its characters, and how predictable they are."""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from data.text import CHUNK, Text, chunks
from data.vocabulary import check_vocabulary

MAX_FREQUENT = 16
"""The number of most frequent characters that are listed."""
_CODE_POINTS = 0x110000


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of a text, and the loss of three simple models of it, in nats per character."""

    characters: int
    lines: int
    """The number of lines; a last line without a newline counts."""
    vocabulary: tuple[str, ...]
    """The distinct characters, sorted."""
    frequent: tuple[tuple[str, int], ...]
    """At most `MAX_FREQUENT` characters with their counts, most frequent first, ties by character."""
    uniform_loss: float
    """ln V: all V characters of the vocabulary are equally likely."""
    unigram_entropy: float
    """H(X): the frequency of each character is known."""
    bigram_entropy: float
    """H(X | previous character): the frequency of each pair of characters is known."""


def measure(text: Text) -> Statistics:
    """Statistics of a text, in linear time. They are all zero for an empty text.

    ValueError, with a user-facing message, for more distinct characters than make sense.
    """
    counts = CharacterCounts()
    for chunk in chunks(text):
        counts.add(chunk)
    points = counts.points
    check_vocabulary(len(points))
    pairs = PairCounts(len(points))
    ids = id_table(points)
    for chunk in chunks(text):
        pairs.add(ids[code_points(chunk)])
    return summarized(counts, pairs)


def summarized(counts: "CharacterCounts", pairs: "PairCounts") -> Statistics:
    """The statistics of a text, of which `pairs` may have counted a part."""
    points, total = counts.points, counts.total
    each = counts.of_points[points]
    vocabulary = tuple(chr(point) for point in points)
    ranked = sorted(
        zip(vocabulary, each.tolist(), strict=True), key=lambda item: (-item[1], item[0])
    )
    return Statistics(
        characters=total,
        lines=int(counts.of_points[ord("\n")]) + (counts.last not in ("", "\n")),
        vocabulary=vocabulary,
        frequent=tuple(ranked[:MAX_FREQUENT]),
        uniform_loss=log(len(vocabulary)) if vocabulary else 0.0,
        unigram_entropy=_entropy(each, total),
        bigram_entropy=pairs.conditional_entropy(),
    )


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a short text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def id_table(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of each code point among these, by the code point."""
    ids = np.zeros(points.max(initial=0) + 1, np.int64)
    ids[points] = np.arange(len(points))
    return ids


class CharacterCounts:
    """How often each character occurs in a text that comes in pieces."""

    def __init__(self) -> None:
        self.of_points = np.zeros(_CODE_POINTS, np.int64)
        """(0x110000,) by code point."""
        self.last = ""
        """The last character."""

    def add(self, piece: str) -> None:
        """Count a piece."""
        # As long as the highest code point asks for, which is seldom all.
        found = np.bincount(code_points(piece))
        self.of_points[: len(found)] += found
        self.last = piece[-1:] or self.last

    @property
    def points(self) -> NDArray[np.int64]:
        """(V,) the code points that occur, ascending."""
        return np.flatnonzero(self.of_points)

    @property
    def total(self) -> int:
        """The number of characters."""
        return int(self.of_points.sum())


class PairCounts:
    """How often each pair of adjacent characters occurs in a text that comes in pieces of ids."""

    def __init__(self, size: int) -> None:
        """`size`: of the vocabulary, V."""
        self._size = size
        self.counted = 0
        """The number of pairs so far."""
        self._last = np.zeros(0, np.int64)
        # A small vocabulary: a dense table is faster than sorting.
        self._table = np.zeros(size**2, np.int64) if size**2 <= CHUNK else None
        self._pairs, self._counts = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def add(self, ids: NDArray[np.int64]) -> None:
        """Count the pairs of a piece, and the one with the piece before it."""
        joined = np.concatenate((self._last, ids))
        chunk = joined[:-1] * self._size + joined[1:]
        self._last = joined[-1:]
        self.counted += len(chunk)
        if self._table is not None:
            self._table += np.bincount(chunk, minlength=len(self._table))
            return
        pairs, counts = np.unique(chunk, return_counts=True)
        self._pairs, index = np.unique(np.concatenate((self._pairs, pairs)), return_inverse=True)
        counts = np.concatenate((self._counts, counts))
        self._counts = np.bincount(index, counts, len(self._pairs)).astype(np.int64)

    @property
    def is_slow(self) -> bool:
        """Whether pairs are sorted, for want of room for a table: a large text takes minutes."""
        return self._table is None

    def skip(self) -> None:
        """Leave a piece out: the next one is not adjacent."""
        self._last = self._last[:0]

    def conditional_entropy(self) -> float:
        """H(X | previous character), in nats; 0 for less than a pair."""
        pairs, counts = self._pairs, self._counts
        if self._table is not None:
            pairs = np.flatnonzero(self._table)
            counts = self._table[pairs]
        if not len(pairs):
            return 0.0
        first = pairs // self._size
        followed = np.bincount(first, counts, self._size)
        probabilities = counts / followed[first]
        return float(-np.sum(counts / counts.sum() * np.log(probabilities))) + 0.0


def _entropy(counts: NDArray[np.int64], total: int) -> float:
    probabilities = counts / max(1, total)
    # Adding zero turns the -0.0 of a single character into 0.0.
    return float(-np.sum(probabilities * np.log(probabilities))) + 0.0
