"""Statistics of a text: its size, its characters, and how predictable they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from data.vocabulary import check_vocabulary

MAX_FREQUENT = 16
"""The number of most frequent characters that are listed."""
_CODE_POINTS = 0x110000
CHUNK = 1 << 20
"""Characters that are counted at a time, which bounds the memory for a large text."""


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


def measure(text: str) -> Statistics:
    """Statistics of a text, in linear time. They are all zero for an empty text.

    ValueError, with a user-facing message, for more distinct characters than make sense.
    """
    counts = _count_characters(text)
    points = np.flatnonzero(counts)  # the code points that occur, ascending: (V,)
    check_vocabulary(len(points))
    counts = counts[points]
    vocabulary = tuple(chr(point) for point in points)
    ranked = sorted(
        zip(vocabulary, counts.tolist(), strict=True), key=lambda item: (-item[1], item[0])
    )
    return Statistics(
        characters=len(text),
        lines=text.count("\n") + (text != "" and not text.endswith("\n")),
        vocabulary=vocabulary,
        frequent=tuple(ranked[:MAX_FREQUENT]),
        uniform_loss=log(len(vocabulary)) if vocabulary else 0.0,
        unigram_entropy=_entropy(counts, len(text)),
        bigram_entropy=_conditional_entropy(text, points, counts),
    )


def _code_points(text: str) -> Iterator[NDArray[np.uint32]]:
    """The code points of the text, in chunks that overlap by one character."""
    for first in range(0, len(text), CHUNK):
        chunk = text[max(0, first - 1) : first + CHUNK]
        yield np.frombuffer(chunk.encode("utf-32-le", "surrogatepass"), np.uint32)


def _count_characters(text: str) -> NDArray[np.int64]:
    """The number of occurrences of each code point: (0x110000,)."""
    counts = np.zeros(_CODE_POINTS, np.int64)
    for number, points in enumerate(_code_points(text)):
        new = points[1:] if number else points
        found = np.bincount(new)  # as long as the highest code point asks for, which is seldom all
        counts[: len(found)] += found
    return counts


def _count_pairs(
    text: str, vocabulary: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pairs of adjacent characters, as V * first id + second id, and their counts."""
    size = len(vocabulary)
    ids = np.zeros(vocabulary[-1] + 1, np.int64)
    ids[vocabulary] = np.arange(size)
    id_chunks = (ids[points] for points in _code_points(text))
    pair_chunks = (chunk[:-1] * size + chunk[1:] for chunk in id_chunks)
    if size**2 <= CHUNK:  # a small vocabulary: a dense table is faster than sorting
        table = np.zeros(size**2, np.int64)
        for chunk in pair_chunks:
            table += np.bincount(chunk, minlength=size**2)
        pairs = np.flatnonzero(table)
        return pairs, table[pairs]
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for chunk in pair_chunks:
        new_pairs, new_counts = np.unique(chunk, return_counts=True)
        pairs, index = np.unique(np.concatenate((pairs, new_pairs)), return_inverse=True)
        counts = np.concatenate((counts, new_counts))
        counts = np.bincount(index, counts, len(pairs)).astype(np.int64)
    return pairs, counts


def _entropy(counts: NDArray[np.int64], total: int) -> float:
    probabilities = counts / max(1, total)
    # Adding zero turns the -0.0 of a single character into 0.0.
    return float(-np.sum(probabilities * np.log(probabilities))) + 0.0


def _conditional_entropy(
    text: str, vocabulary: NDArray[np.int64], counts: NDArray[np.int64]
) -> float:
    if len(text) < 2:
        return 0.0
    followed = counts - (vocabulary == ord(text[-1]))  # the last character has no successor
    pairs, pair_counts = _count_pairs(text, vocabulary)
    probabilities = pair_counts / followed[pairs // len(vocabulary)]
    return float(-np.sum(pair_counts / (len(text) - 1) * np.log(probabilities))) + 0.0
