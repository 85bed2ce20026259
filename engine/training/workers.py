"""Worker threads that divide a step: each computes its chunk of the batch alone.

torch's own threads synchronize after every operation, so each waits for the slowest some hundred
times a step, and spins meanwhile if another program holds a core. These synchronize three times.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Self, TypeVar

import torch

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def split(total: int, count: int) -> list[slice]:
    """At most `count` slices of nearly equal length, none of them empty."""
    count = min(count, total)
    ends = [total * i // count for i in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


def _prepare_worker() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


class WorkerPool:
    """`count` threads, the caller's included; each of the others uses one of torch's own threads.
    Results come in the order of the chunks, so the same count gives the same sums."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(max(1, count - 1), "worker", initializer=_prepare_worker)

    def map(self, work: Callable[[Chunk], Result], chunks: Sequence[Chunk]) -> list[Result]:
        """The results for each chunk, in order. Raises the first error after all have ended.

        Meanwhile what is below 1e-38 is zero: a processor takes a hundred times as long for such a
        number as for another, and in a long run there are some.
        """
        if not chunks:
            return []
        others: list[Future[Result]] = []
        torch.set_flush_denormal(True)
        try:
            others += (self._pool.submit(work, chunk) for chunk in chunks[1:])
            first = work(chunks[0])
        finally:
            torch.set_flush_denormal(False)
            wait(others)  # no worker runs on after an error
        return [first, *(other.result() for other in others)]

    def split(self, total: int) -> list[slice]:
        """At most `count` slices of nearly equal length, none of them empty."""
        return split(total, self.count)

    def close(self) -> None:
        """End the threads and wait for them."""
        self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
