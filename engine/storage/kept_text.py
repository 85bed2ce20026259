"""A large text: its characters as ids in a memory-mapped file, of which no more than parts are in
memory."""

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import DTypeLike, NDArray

from data.statistics import Statistics
from data.text import LargeText

RELEASED_BYTES = 1 << 22
"""After reading so many, the pages of the file are given back: it stays in the system's cache."""
PAGES_AROUND = 1 << 20
"""Bytes that the system maps around one that is read: 0.8 MB on ext4 under Linux 6.18."""


class KeptInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a kept text."""

    sha256: str
    characters: tuple[int, ...]
    """The code points of its different characters, ascending: an id is a place among them."""
    length: int
    lines: int
    frequent: tuple[tuple[int, int], ...]
    """The most frequent ones, with their counts."""
    unigram_entropy: float
    bigram_entropy: float
    pairs: int
    """The pairs that the last figure was counted from: all, or those of a sample."""


def id_type(size: int) -> DTypeLike:
    """The smallest integer type for the ids of a vocabulary of that size, of those that torch
    computes with."""
    if size <= 1 << 8:
        return np.uint8
    return np.int16 if size <= 1 << 15 else np.int32


class MappedIds:
    """Ids in a memory-mapped file. A file that is deleted stays readable; ours are never cut."""

    def __init__(self, path: Path, size: int, length: int) -> None:
        """`size`: of the vocabulary; `length`: N. OSError; ValueError if the file is of another
        length."""
        kind = np.dtype(id_type(size))
        with path.open("rb") as file:
            # Copy on write, since torch takes no arrays that are read-only; nobody writes.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        if len(self._map) != length * kind.itemsize:
            raise ValueError(f"{path.name} is not complete")
        self.array: NDArray[np.integer[Any]] = np.frombuffer(self._map, kind)
        """(N,) ids, in the file."""
        self._read = 0

    def has_read(self, count: int, places: int = 1) -> None:
        """So many were read, at so many places: now and then, give the pages in memory back."""
        self._read += places * PAGES_AROUND + count * self.array.itemsize
        if self._read >= RELEASED_BYTES:
            self._read = 0
            if hasattr(self._map, "madvise"):  # not on Windows
                self._map.madvise(mmap.MADV_DONTNEED)


class KeptText(LargeText):
    """A text in a file that was written by `engine.storage.text_writer`."""

    def __init__(self, path: Path, info: KeptInfo) -> None:
        """OSError; ValueError if the file is not of that length."""
        self.path = path
        self.info = info
        self._points = np.array(info.characters, np.uint32)
        self.ids = MappedIds(path, len(info.characters), info.length)

    @property
    def sha256(self) -> str:
        return self.info.sha256

    @property
    def characters(self) -> str:
        return "".join(map(chr, self.info.characters))

    def __len__(self) -> int:
        return self.info.length

    def __getitem__(self, part: slice, /) -> str:
        start, end, _ = part.indices(len(self))
        points: bytes = self._points[self.ids.array[start:end]].tobytes()
        self.ids.has_read(max(0, end - start))
        return points.decode("utf-32-le", "surrogatepass")

    def statistics(self) -> Statistics:
        info = self.info
        return Statistics(
            characters=info.length,
            lines=info.lines,
            vocabulary=tuple(map(chr, info.characters)),
            frequent=tuple((chr(point), count) for point, count in info.frequent),
            uniform_loss=float(np.log(len(info.characters))),
            unigram_entropy=info.unigram_entropy,
            bigram_entropy=info.bigram_entropy,
        )


def info_of(statistics: Statistics, sha256: str, pairs: int) -> KeptInfo:
    """What is kept of the statistics of a text."""
    return KeptInfo(
        sha256=sha256,
        characters=tuple(map(ord, statistics.vocabulary)),
        length=statistics.characters,
        lines=statistics.lines,
        frequent=tuple((ord(character), count) for character, count in statistics.frequent),
        unigram_entropy=statistics.unigram_entropy,
        bigram_entropy=statistics.bigram_entropy,
        pairs=pairs,
    )
