"""CUDA graphs: what is launched again and again is recorded once, and launched together from then on.

Launched one by one, the kernels of a small model end before the next one is launched.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")

Work = Callable[[Tensor, Tensor, int, torch.Generator | None], tuple[Tensor, tuple[Tensor, ...]]]
"""(B, T) ids, (B * T) targets, what the sum of losses is divided by and a generator for dropout to
the loss and its gradients, without a wait for the device."""


def recorded(work: Callable[[], Result]) -> tuple[torch.cuda.CUDAGraph, Result]:
    """Do the work once, then record it: the graph, and the result that each replay overwrites.

    The work reads and writes the same memory each time. What it makes when it is first done, such as
    a compiled kernel, could not be made while it is recorded.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph, result


class _Recording(NamedTuple):
    """A CUDA graph, and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    ids: Tensor
    targets: Tensor
    results: tuple[Tensor, tuple[Tensor, ...]]


class CudaGraphs:
    """Work that is recorded for each shape of its arguments, and replayed from then on. Dropout is
    to follow the device's own generator."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._recordings: dict[tuple[torch.Size, int], _Recording] = {}

    def __call__(
        self, ids: Tensor, targets: Tensor, total: int, generator: torch.Generator | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the work returns, in memory that the next call with these shapes overwrites."""
        key = ids.shape, total
        if key not in self._recordings:
            # Those of another context length will not be needed again, and hold its activations.
            self._recordings = {
                other: recording
                for other, recording in self._recordings.items()
                if other[0][1] == ids.shape[1]
            }
            self._recordings[key] = self._record(ids.clone(), targets.clone(), total, generator)
        recording = self._recordings[key]
        recording.ids.copy_(ids)
        recording.targets.copy_(targets)
        recording.graph.replay()
        return recording.results

    def _record(
        self, ids: Tensor, targets: Tensor, total: int, generator: torch.Generator | None
    ) -> _Recording:
        random_state = torch.cuda.get_rng_state(ids.device)
        graph, results = recorded(partial(self._work, ids, targets, total, generator))
        # As if the work had not been done: the dropout of a step follows from its seed.
        torch.cuda.set_rng_state(random_state, ids.device)
        return _Recording(graph, ids, targets, results)
