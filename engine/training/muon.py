"""Muon and NorMuon: updates of whole matrices, orthogonalized."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.model import fused
from engine.model.kernels import Array
from engine.model.matrix import Matrix
from engine.model.products import INTEGERS
from engine.training import muon_kernels
from engine.training.cuda_graphs import recorded
from engine.training.orthogonalize import Orthogonalizer
from engine.training.workers import WorkerPool

MUON_MOMENTUM = 0.9
NEURON_BETA = 0.95
"""Of the running mean of the squared update of an output neuron (NorMuon)."""
AT_ONCE = 1 << 18
"""Numbers of the matrices that are orthogonalized at once on a CPU: what is computed of them fits
into the cache of a core."""
LEAST_SIDE = 96
"""Matrices with fewer rows or columns are orthogonalized in float32: converting them takes longer
than it gains."""


def as_wide(matrix: Tensor) -> Tensor:
    """The matrix with its longer side as columns."""
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


def grouped_by_shape(tensors: Sequence[Tensor]) -> list[list[int]]:
    """The numbers of those that have one shape together, in the order of the first of each."""
    groups: dict[torch.Size, list[int]] = defaultdict(list)
    for number, tensor in enumerate(tensors):
        groups[tensor.shape].append(number)
    return list(groups.values())


class _Arrays(NamedTuple):
    """What the compiled loops read and write of one matrix, asked for once and not in each step:
    `engine.model.workspace` says why."""

    weight: Array
    momentum: Array
    squares: Array
    update: Array


class _Stack:
    """Matrices of one shape, which are updated together."""

    def __init__(
        self,
        matrices: list[Matrix],
        momenta: list[Tensor],
        squares: list[Tensor],
        update: Tensor,
        orthogonalized: Orthogonalizer,
    ) -> None:
        """`squares`: one number for each output neuron of a matrix. `update`: memory for all of the
        N matrices, (N, rows, columns), which each step begins anew."""
        self.matrices = matrices
        self.weights = [m.of(m.parameter.detach()) for m in matrices]
        self.momenta = momenta
        self.squares = squares
        self.update = update
        self.updates = update.unbind()
        self.orthogonalized = orthogonalized
        rows, columns = update.shape[1:]
        self.size_factor = max(1, rows / columns) ** 0.5
        """A tall matrix has fewer singular values than outputs, and these are to change alike."""
        self.arrays: list[_Arrays] = []
        if fused.on_cpu(update):
            parts = zip(self.weights, momenta, squares, self.updates, strict=True)
            self.arrays += (_Arrays(*(tensor.numpy() for tensor in part)) for part in parts)

    def grads(self) -> list[Tensor]:
        """What the backward pass has left."""
        return [m.of(gradient_of(m.parameter)) for m in self.matrices]


class Muon:
    """Momentum with an orthogonalized update (Jordan et al. 2024): all directions change alike.

    With `by_neuron`, output neurons change alike, too (NorMuon, Li et al. 2025): each row of the
    update is divided by the root of the running mean of its squares, and the whole update is scaled
    back to the norm that it had.

    Matrices of one shape are updated together as one stack; the stacks are divided among the
    workers.
    """

    def __init__(
        self,
        matrices: list[Matrix],
        weight_decay: float,
        workers: WorkerPool,
        *,
        by_neuron: bool = False,
        momentum_share: float = MUON_MOMENTUM,
        precision: torch.dtype = torch.float32,
    ) -> None:
        """`momentum_share`: of an update, before it is orthogonalized; the newest gradient is the
        rest (quasi-hyperbolic momentum, Ma and Yarats 2019; as large as the momentum: Nesterov's).
        `precision`: the number format in which updates of large matrices are orthogonalized."""
        self.weight_decay = weight_decay
        self.by_neuron = by_neuron
        self.momentum_share = momentum_share
        self.precision = torch.float32 if precision in INTEGERS else precision
        self._matrices = matrices
        weights = [m.of(m.parameter.detach()) for m in matrices]
        self._momenta = [torch.zeros_like(weight) for weight in weights]
        self._wide = [as_wide(momentum) for momentum in self._momenta]
        self._saved_together = grouped_by_shape(self._wide)
        self._squares = [weight.new_zeros(len(weight)) for weight in weights]
        # A tensor, since the numbers of a CUDA graph are fixed.
        self._rate = torch.zeros((), device=weights[0].device if weights else None)
        self._on_cpu = all(fused.on_cpu(weight) for weight in weights)
        self.use_workers(workers)

    def use_workers(self, workers: WorkerPool) -> None:
        """Divide the matrices among these workers from now on."""
        self.workers = workers
        self._chunks: list[list[_Stack]] = [[] for _ in range(workers.count)]
        for alike in grouped_by_shape(self._momenta):
            for chunk, some in zip(self._chunks, workers.split(len(alike)), strict=False):
                chunk += self._stacks(alike[some])
            self._chunks.reverse()  # the larger part is not always that of the same worker
        self._graph: torch.cuda.CUDAGraph | None = None

    def _stacks(self, numbers: list[int]) -> Iterator[_Stack]:
        """Of the matrices with these numbers, which have one shape; they take turns with the same
        memory."""
        like = self._momenta[numbers[0]]
        at_once = max(1, AT_ONCE // like.numel()) if self._on_cpu else len(numbers)
        update = like.new_empty(min(at_once, len(numbers)), *like.shape)
        precision = self.precision if min(like.shape) >= LEAST_SIDE else torch.float32
        orthogonalized = Orthogonalizer(update, precision)
        for first in range(0, len(numbers), at_once):
            part = numbers[first : first + at_once]
            yield _Stack(
                [self._matrices[n] for n in part],
                [self._momenta[n] for n in part],
                [self._squares[n] for n in part],
                update[: len(part)],
                orthogonalized,
            )

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of everything that the next step depends on, by name: the momenta of the matrices
        that have one shape when their longer side is made that of columns, and in the same order
        the running mean of the squared update of each output neuron."""
        state: dict[str, Tensor] = {}
        for i, alike in enumerate(self._saved_together):
            # Not torch.stack, which on the meta device imports torch's compiler.
            state[f"muon.{i}"] = self._rate.new_empty(len(alike), *self._wide[alike[0]].shape)
            for momentum, n in zip(state[f"muon.{i}"], alike, strict=True):
                momentum.copy_(self._wide[n])
        if self.by_neuron:
            for i, n in enumerate(chain.from_iterable(self._saved_together)):
                state[f"muon.square.{i}"] = self._squares[n].clone()
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state_dict()` of the same matrices."""
        for i, alike in enumerate(self._saved_together):
            for momentum, n in zip(state[f"muon.{i}"], alike, strict=True):
                self._wide[n].copy_(momentum)
        if self.by_neuron:
            for i, n in enumerate(chain.from_iterable(self._saved_together)):
                self._squares[n].copy_(state[f"muon.square.{i}"])

    def step(self, learning_rate: float) -> None:
        """Update every matrix by its gradient."""
        self._rate.fill_(learning_rate)
        self.workers.map(self._step, self._chunks)
        # Autograd does not see what the compiled loops write.
        torch.autograd.graph.increment_version({m.parameter for m in self._matrices})

    @torch.no_grad()
    def _step(self, chunk: list[_Stack]) -> None:
        if self._on_cpu:
            for stack in chunk:
                self._update_by_loops(stack)
            return
        for stack in chunk:
            torch.stack(stack.grads(), out=stack.update)
        if not self._rate.is_cuda:
            self._update(chunk)
        elif self._graph is not None:
            self._graph.replay()
        elif chunk:  # launched one by one, its many small kernels take longer than a graph
            self._graph, _ = recorded(lambda: self._update(chunk))

    def _update(self, chunk: list[_Stack]) -> None:
        """Change the matrices by the gradients in `stack.update`."""
        for stack in chunk:
            torch._foreach_lerp_(stack.momenta, stack.updates, 1 - MUON_MOMENTUM)
            torch._foreach_lerp_(stack.updates, stack.momenta, self.momentum_share)
            updates = stack.orthogonalized(stack.update)
            scales = updates.new_ones(len(updates), 1, 1)
            if self.by_neuron:
                scales = neuron_scales(updates, stack.squares)
            factors = scales * (-self._rate * stack.size_factor)
            torch._foreach_mul_(stack.weights, 1 - self._rate * self.weight_decay)
            torch._foreach_addcmul_(stack.weights, updates.unbind(), factors.unbind())

    def _update_by_loops(self, stack: _Stack) -> None:
        """What `_update` does, with the loops that are compiled for a CPU."""
        for m, arrays in zip(stack.matrices, stack.arrays, strict=True):
            grad = np.ascontiguousarray(gradient_of(m.parameter).numpy()[m.first : m.last])
            muon_kernels.update_momentum(
                grad, arrays.momentum, arrays.update, MUON_MOMENTUM, self.momentum_share
            )
        updates = stack.orthogonalized(stack.update).numpy()
        rate = float(self._rate)
        factor, decay = rate * stack.size_factor, rate * self.weight_decay
        for arrays, update in zip(stack.arrays, updates, strict=True):
            if self.by_neuron:
                muon_kernels.change_by_neuron(
                    arrays.weight, update, arrays.squares, NEURON_BETA, factor, decay
                )
            else:
                ones = np.ones_like(arrays.squares)
                muon_kernels.change(arrays.weight, update, ones, factor, decay)


def neuron_scales(updates: Tensor, squares: list[Tensor]) -> Tensor:
    """What the rows of N updates (N, rows, columns) are multiplied by, (N, rows, 1), so that all of
    an update are of one size on the whole, and its norm stays. `squares`, (rows) each, are the
    running means of their squares, and take these updates in. A row that was zero so far stays zero.
    """
    sizes = updates.square().mean(2)
    means = torch.stack(squares).lerp_(sizes, 1 - NEURON_BETA)
    torch._foreach_copy_(squares, means.unbind())
    scales = torch.where(means > 0, means, 1.0).rsqrt_()
    before, after = sizes.sum(1), (sizes * scales.square()).sum(1)
    norms = torch.where(after > 0, before / after, 1.0).sqrt()
    return (scales * norms[:, None]).unsqueeze(2)


def gradient_of(parameter: Tensor) -> Tensor:
    """The gradient that a backward pass has left."""
    assert parameter.grad is not None, "a step without a backward pass"
    return parameter.grad
