"""What of a text stands verbatim in another, by an index of hashed windows.

A copy of `shortest` characters or more holds, whole, a window of `shortest - stride + 1` characters
that begins at a multiple of `stride` in the text. So only those windows are indexed, one entry of
eight bytes each: a byte a character at the defaults. An entry is the upper bits of the window's hash
over the window's number within its chunk; each chunk is sorted by itself, so that building and
searching go in short slices. What is found is compared with the text: a hash alone proves nothing.

Dimensions: N characters of the text, M of the query, C candidates.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORTEST = 20
"""Characters from which on a copy counts: shorter ones are words and phrases."""
CHUNK_BITS = 18
"""A chunk has so many windows (as a power of two): sorting one takes some 10 ms."""
CANDIDATES = 1 << 14
"""Candidates that are compared with the text at a time."""
MOST = 1 << 10
"""Of a window that a chunk has more often, so many are compared: a text of one repeated character
would take minutes."""
COLUMNS = 16
"""Characters that each of them is extended by at a time."""
_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)

Ids = NDArray[np.integer[Any]]
Numbers = NDArray[np.int64]


class Copy(NamedTuple):
    """Characters `start` to `end` of the query: those of the text from `place` on."""

    start: int
    end: int
    place: int


class Span(NamedTuple):
    """Characters `start` to `end` of the query, and the longest copy that covers them."""

    start: int
    end: int
    copy: Copy


class CopyIndex:
    """The index of one text. It takes no time and no memory before `build`."""

    def __init__(self, ids: Ids, shortest: int = SHORTEST, chunk_bits: int = CHUNK_BITS) -> None:
        """`ids`: (N,) of the text, not copied. `shortest`: the length of the shortest copy that is
        found, at least 1. `chunk_bits`: fewer make the slices shorter."""
        self._ids = ids
        self._shortest = shortest
        self._stride = max(1, shortest * 2 // 5)
        self._window = shortest - self._stride + 1
        self._bits = chunk_bits
        self._mask = np.uint64((1 << chunk_bits) - 1)
        self._chunks: list[NDArray[np.uint64]] = []

    @property
    def size(self) -> int:
        """Bytes of the index so far."""
        return sum(chunk.nbytes for chunk in self._chunks)

    def build(self) -> Iterator[float]:
        """Build the index, a chunk at a time; the fractions done."""
        windows = max(0, (len(self._ids) - self._window) // self._stride + 1)
        for first in range(0, windows, 1 << self._bits):
            number = min(windows - first, 1 << self._bits)
            start = first * self._stride
            stop = start + (number - 1) * self._stride + self._window
            chunk = self._hashes(self._ids[start:stop], self._stride)
            chunk |= np.arange(number, dtype=np.uint64)
            chunk.sort()
            self._chunks.append(chunk)
            yield (first + number) / windows

    def _hashes(self, ids: Ids, stride: int) -> NDArray[np.uint64]:
        """The hashes of the windows at each `stride` of the ids, without their lower bits."""
        number = (len(ids) - self._window) // stride + 1
        hashes = np.zeros(number, np.uint64)
        for offset in range(self._window):
            hashes += ids[offset : offset + (number - 1) * stride + 1 : stride].astype(np.uint64)
            hashes *= _FACTOR  # last, so that the upper bits depend on every character
            hashes ^= hashes >> np.uint64(32)
        hashes &= ~self._mask
        return hashes

    def find(self, query: Ids) -> Iterator[float | list[Span]]:
        """(M,) ids of a text: the fractions done, then the spans of it that are copied, in order.

        Where copies overlap, each character belongs to the longest that covers it. Where the text
        has a copied part several times, the place is any of them.
        """
        if len(query) < self._shortest:
            yield []
            return
        search = _Search(self._ids, query, self._shortest, self._stride)
        hashes = self._hashes(query, 1)
        order = np.argsort(hashes)  # neighbours are looked up in the same part of a chunk
        hashes = hashes[order]
        for number, chunk in enumerate(self._chunks):
            done = number / len(self._chunks)
            yield done
            first = np.searchsorted(chunk, hashes)
            hit = np.flatnonzero(chunk[np.minimum(first, len(chunk) - 1)] & ~self._mask == hashes)
            first = first[hit]
            counts = np.searchsorted(chunk, hashes[hit] | self._mask, "right") - first
            counts = np.minimum(counts, MOST)
            ends = np.concatenate(([0], np.cumsum(counts)))
            for begin in range(0, int(ends[-1]), CANDIDATES):
                yield done
                candidates = np.arange(begin, min(begin + CANDIDATES, int(ends[-1])))
                entry = np.searchsorted(ends, candidates, "right") - 1
                windows = chunk[first[entry] + candidates - ends[entry]] & self._mask
                places = (windows.astype(np.int64) + (number << self._bits)) * self._stride
                yield from search.compare(order[hit[entry]], places, done)
        yield search.spans()


class _Search:
    """The longest copies of one query that have been found so far."""

    def __init__(self, ids: Ids, query: Ids, shortest: int, stride: int) -> None:
        self._ids = ids
        self._query = query
        self._shortest = shortest
        self._stride = stride
        self._ends = np.zeros(len(query), np.int64)
        """Where the longest copy from each character on ends; 0: there is none."""
        self._places = np.zeros(len(query), np.int64)
        self._reach = np.zeros(len(query), np.int64)
        """Where the copies end that begin there or before. A shorter copy is part of one of them."""

    def compare(self, at: Numbers, places: Numbers, done: float) -> Iterator[float]:
        """(C,) candidates: the query from `at` on may be the text from `places` on."""
        at, places = self._promising(at, places, np.maximum(at - self._stride + 1, 0))
        # Towards the start. A match of a whole stride has been found by a window before.
        left = np.zeros(len(at), np.int64)
        growing = np.arange(len(at))
        for step in range(1, self._stride + 1):
            i, j = at[growing] - step, places[growing] - step
            inside = (i >= 0) & (j >= 0)
            growing, i, j = growing[inside], i[inside], j[inside]
            growing = growing[self._query[i] == self._ids[j]]
            left[growing] = step
        kept = left < self._stride
        starts, places = at[kept] - left[kept], places[kept] - left[kept]
        starts, places = self._promising(starts, places, starts)
        ends = starts.copy()
        growing = np.arange(len(starts))
        while len(growing):
            yield done
            same = self._same(ends[growing], places[growing] + ends[growing] - starts[growing])
            ends[growing] += same
            growing = growing[same == COLUMNS]
        self._keep(starts, ends, places)

    def _promising(self, at: Numbers, places: Numbers, starts: Numbers) -> tuple[Numbers, Numbers]:
        """The candidates that may be more than a part of what is found already: a copy that begins
        at `starts` or later has to reach beyond the others."""
        reach = np.maximum(self._reach[starts], at)
        there = places + reach - at
        inside = (reach < len(self._query)) & (there < len(self._ids))
        at, places, reach, there = at[inside], places[inside], reach[inside], there[inside]
        same = self._query[reach] == self._ids[there]
        return at[same], places[same]

    def _same(self, at: Numbers, places: Numbers) -> Numbers:
        """How many characters are the same from there on, at most `COLUMNS`."""
        columns = np.arange(COLUMNS)
        i, j = at[:, None] + columns, places[:, None] + columns
        inside = (i < len(self._query)) & (j < len(self._ids))
        i, j = np.minimum(i, len(self._query) - 1), np.minimum(j, len(self._ids) - 1)
        differs = ~inside | (self._query[i] != self._ids[j])
        return np.where(differs.any(1), differs.argmax(1), COLUMNS)

    def _keep(self, starts: Numbers, ends: Numbers, places: Numbers) -> None:
        long = ends - starts >= self._shortest
        starts, ends, places = starts[long], ends[long], places[long]
        # The longest for each start comes last, and is the one that an assignment keeps.
        order = np.lexsort((-places, ends))
        order = order[ends[order] > self._ends[starts[order]]]
        self._ends[starts[order]] = ends[order]
        self._places[starts[order]] = places[order]
        self._reach = np.maximum.accumulate(self._ends)

    def spans(self) -> list[Span]:
        """The spans of the query that are copied."""
        before = np.concatenate(([0], self._reach[:-1]))
        copies = [
            Copy(int(start), int(self._ends[start]), int(self._places[start]))
            for start in np.flatnonzero(self._ends > before)
        ]
        copies.sort(key=lambda copy: (copy.start - copy.end, copy.start))
        owner = np.full(len(self._query), -1, np.int64)
        for number, copy in enumerate(copies):
            part = owner[copy.start : copy.end]
            part[part < 0] = number
        edges = np.flatnonzero(np.diff(owner, prepend=-1, append=-1))
        return [
            Span(int(start), int(end), copies[owner[start]])
            for start, end in pairwise(edges)
            if owner[start] >= 0
        ]
