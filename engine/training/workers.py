"""Threads that share out a step: each takes a part of the batch and does all of its work alone.

torch's own threads meet after every operation, so each waits for the slowest some hundred times a
step, and where another program holds a core they spin and wait for it as well. These meet three times.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Self, TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


class WorkerPool:
    """`count` threads, the caller's among them; of torch's own, each of the others uses one. Parts
    are told apart by their place, so the same count gives the same sums."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(
            max(1, count - 1), "shard", initializer=torch.set_num_threads, initargs=(1,)
        )

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """The work on each part, in order; the first error of any."""
        others: list[Future[Result]] = []
        try:
            others += (self._pool.submit(work, part) for part in parts[1:])
            first = work(parts[0])
        finally:
            wait(others)  # nothing goes on behind an error
        return [first, *(other.result() for other in others)]

    def split(self, total: int) -> list[slice]:
        """At most `count` slices of as equal length as can be, none of them empty."""
        count = min(self.count, total)
        ends = [total * i // count for i in range(count + 1)]
        return [slice(first, last) for first, last in pairwise(ends)]

    def close(self) -> None:
        """End the threads, and wait for them."""
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
