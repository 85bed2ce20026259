"""Loss and gradient of a micro-batch on an NVIDIA GPU: blocks that torch compiles, launched together.

All blocks of a model are one computation with other weights, so one of them is compiled for each
shape, and not the whole model. What is launched in a step is then recorded once as a CUDA graph:
launched one by one, the kernels of a small model end before the next one is launched.
"""

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.model.gpt import GPT

SHAPES = 64
"""For how many shapes and configs a block may be compiled in one process: three context lengths for
each run that is trained."""

Work = Callable[[Tensor, Tensor, int, torch.Generator | None], tuple[Tensor, tuple[Tensor, ...]]]
"""(B, T) ids, (B * T) targets, what the sum of losses is divided by and a generator for dropout to
the loss and its gradients, without a wait for the device."""


def with_compiled_blocks(model: GPT) -> GPT:
    """A model with the same weights, whose blocks are compiled when they are first used."""
    import torch._dynamo  # a second, which only those wait who compile

    torch._dynamo.config.recompile_limit = SHAPES
    model = copy.copy(model)
    model._modules = dict(model._modules)  # the original keeps its blocks
    model.blocks = nn.ModuleList(copy.copy(block) for block in model.blocks)
    for block in model.blocks:
        block.compile(dynamic=False)
    return model


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
        stream = torch.cuda.Stream(ids.device)  # type: ignore[no-untyped-call]
        current = torch.cuda.current_stream(ids.device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            # Compiles, and makes what cannot be made while it is recorded.
            self._work(ids, targets, total, generator)
        current.wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = self._work(ids, targets, total, generator)
        # As if the work had not been done before: the dropout of a step follows from its seed.
        torch.cuda.set_rng_state(random_state, ids.device)
        return _Recording(graph, ids, targets, results)
