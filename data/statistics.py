"""What a person wants to know of a text: its size, its characters, and how predictable they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

FREQUENT = 16
CODE_POINTS = 0x110000
PIECE = 1 << 20
"""Characters that are counted at a time, so that a large text takes little more than itself."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of a text, and what three simple guessers would lose on it, in nats a character."""

    characters: int
    lines: int
    """Lines as a person counts them: a last line without its newline is one, too."""
    vocabulary: tuple[str, ...]
    """The distinct characters, sorted."""
    frequent: tuple[tuple[str, int], ...]
    """The most frequent characters with their counts, most frequent first, ties by character."""
    uniform_loss: float
    """ln V: every character of the vocabulary held to be equally likely."""
    unigram_entropy: float
    """H(X): how often each character occurs is known."""
    bigram_entropy: float
    """H(X | previous character): how often each pair occurs is known, too."""


def measure(text: str) -> Statistics:
    """Statistics of a text, in time linear in its length. An empty text measures as all zeros."""
    counts = _count_characters(text)
    points = np.flatnonzero(counts)  # the code points that occur, ascending
    counts = counts[points]
    vocabulary = tuple(chr(point) for point in points)
    ranked = sorted(
        zip(vocabulary, counts.tolist(), strict=True), key=lambda item: (-item[1], item[0])
    )
    return Statistics(
        characters=len(text),
        lines=text.count("\n") + (text != "" and not text.endswith("\n")),
        vocabulary=vocabulary,
        frequent=tuple(ranked[:FREQUENT]),
        uniform_loss=log(len(vocabulary)) if vocabulary else 0.0,
        unigram_entropy=_entropy(counts, len(text)),
        bigram_entropy=_conditional_entropy(text, points, counts),
    )


def _code_points(text: str) -> Iterator[NDArray[np.uint32]]:
    """The text as numbers, in pieces that each begin with the last character of the one before."""
    for first in range(0, len(text), PIECE):
        piece = text[max(0, first - 1) : first + PIECE]
        yield np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), np.uint32)


def _count_characters(text: str) -> NDArray[np.int64]:
    """How often each code point occurs, by code point."""
    counts = np.zeros(CODE_POINTS, np.int64)
    for number, points in enumerate(_code_points(text)):
        new = points[1:] if number else points
        counts += np.bincount(new, minlength=CODE_POINTS)
    return counts


def _count_pairs(
    text: str, vocabulary: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs of neighbours that occur, as V * first id + second id, and how often each does."""
    size = len(vocabulary)
    ids = np.zeros(CODE_POINTS, np.int64)
    ids[vocabulary] = np.arange(size)
    read = (ids[points] for points in _code_points(text))
    pieces = (piece[:-1] * size + piece[1:] for piece in read)
    if size**2 <= PIECE:  # a table of all pairs is quicker, while it is small
        table = np.zeros(size**2, np.int64)
        for piece in pieces:
            table += np.bincount(piece, minlength=size**2)
        pairs = np.flatnonzero(table)
        return pairs, table[pairs]
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for piece in pieces:
        found, times = np.unique(piece, return_counts=True)
        pairs, place = np.unique(np.concatenate((pairs, found)), return_inverse=True)
        counts = np.bincount(place, np.concatenate((counts, times)), len(pairs)).astype(np.int64)
    return pairs, counts


def _entropy(counts: NDArray[np.int64], total: int) -> float:
    # Adding zero turns the -0.0 of a single character into 0.0.
    return float(-np.sum(counts / max(1, total) * np.log(counts / max(1, total)))) + 0.0


def _conditional_entropy(
    text: str, vocabulary: NDArray[np.int64], counts: NDArray[np.int64]
) -> float:
    if len(text) < 2:
        return 0.0
    followed = counts - (vocabulary == ord(text[-1]))
    pairs, times = _count_pairs(text, vocabulary)
    chances = times / followed[pairs // len(vocabulary)]
    return float(-np.sum(times / (len(text) - 1) * np.log(chances))) + 0.0
