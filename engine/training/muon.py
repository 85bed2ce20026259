"""Muon and NorMuon: updates of whole matrices, orthogonalized."""

from collections import defaultdict
from typing import NamedTuple

import torch
from torch import Tensor

from engine.model.matrix import Matrix
from engine.training.cuda_graphs import recorded
from engine.training.workers import WorkerPool

MUON_MOMENTUM = 0.9
NEURON_BETA = 0.95
"""Of the running mean of the squared update of an output neuron (NorMuon)."""
LEAST_ROWS = 96
"""Matrices with fewer rows and columns are orthogonalized in float32: converting them takes longer
than it gains."""
SAFETY = 1.01
"""Keeps rounding errors from lifting a singular value out of the range of the polynomials."""
POLAR_EXPRESS = tuple(
    (a / SAFETY, b / SAFETY**3, c / SAFETY**5)
    for a, b, c in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115951949, 0.5518191394370137),
    )
)
"""The first three steps of Polar Express (Amsel et al. 2025): x times a + b (x x') + c (x x')²."""


def orthogonalized(matrices: Tensor) -> Tensor:
    """(N, rows, columns) matrices, rows <= columns, with all singular values brought near 1.

    Three steps leave the singular values between 0.2 and 1.9, but for the smallest; that trains
    as well as the five steps that Muon began with (docs/decisions.md). Each step multiplies by a
    polynomial of x @ x.T. All of these commute, so of a matrix with long rows their product is
    computed first, and applied at once.
    """
    gram = matrices @ matrices.mT
    norms = gram.diagonal(dim1=1, dim2=2).sum(1).sqrt()[:, None, None]
    unit = 1 / (SAFETY * norms + 1e-7)
    gram *= unit**2
    first, *others = POLAR_EXPRESS
    factor = polynomial(gram, first)
    if matrices.shape[1] == matrices.shape[2]:
        x = factor @ matrices.mul(unit)
        for coefficients in others:
            x = polynomial(x @ x.mT, coefficients) @ x
        return x
    product = factor
    for coefficients in others:
        gram = factor @ gram @ factor
        factor = polynomial(gram, coefficients)
        product = factor @ product
    return (product * unit) @ matrices


def polynomial(gram: Tensor, coefficients: tuple[float, float, float]) -> Tensor:
    """a I + b gram + c gram², for (N, rows, rows)."""
    a, b, c = coefficients
    result = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    result.diagonal(dim1=1, dim2=2).add_(a)
    return result


def as_wide(matrix: Tensor) -> Tensor:
    """The matrix with its longer side as columns."""
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


class _Stack(NamedTuple):
    """Matrices that are orthogonalized together."""

    matrices: list[Matrix]
    grad: Tensor  # (N, rows, columns), rows <= columns
    momentum: Tensor  # the same
    squares: list[Tensor]  # one number for each output neuron of a matrix; of plain Muon none


class Muon:
    """Momentum with an orthogonalized update (Jordan et al. 2024): all directions change alike.

    With `by_neuron`, output neurons change alike, too (NorMuon, Li et al. 2025): each row of the
    update is divided by the root of the running mean of its squares, and the whole update is scaled
    back to the norm that it had.

    Matrices of one shape, transposed where they are tall, are updated together as one stack; the
    stacks are divided among the workers.
    """

    def __init__(
        self,
        matrices: list[Matrix],
        weight_decay: float,
        workers: WorkerPool,
        *,
        by_neuron: bool = False,
        precision: torch.dtype = torch.float32,
    ) -> None:
        """`precision`: the number format in which updates of large matrices are orthogonalized."""
        self.weight_decay = weight_decay
        self.by_neuron = by_neuron
        self.precision = precision
        stacks: dict[torch.Size, list[Matrix]] = defaultdict(list)
        for matrix in matrices:
            stacks[as_wide(matrix.of(matrix.parameter)).shape].append(matrix)
        self.momenta = [
            torch.zeros(len(stack), *shape, device=stack[0].parameter.device)
            for shape, stack in stacks.items()
        ]
        self._stacks = list(stacks.values())
        self._grads = [torch.empty_like(momentum) for momentum in self.momenta]
        self._squares = [
            [m.parameter.new_zeros(m.last - m.first) for m in stack if by_neuron]
            for stack in self._stacks
        ]
        device = matrices[0].parameter.device if matrices else None
        # A tensor, since the numbers of a CUDA graph are fixed.
        self._rate = torch.zeros((), device=device)
        self.use_workers(workers)

    @property
    def squares(self) -> list[Tensor]:
        """The running mean of the squared update of each output neuron, for each matrix; of plain
        Muon none."""
        return [square for stack in self._squares for square in stack]

    def use_workers(self, workers: WorkerPool) -> None:
        """Divide the stacks among these workers from now on."""
        self.workers = workers
        self._chunks: list[list[_Stack]] = [[] for _ in range(workers.count)]
        for stack, grad, momentum, squares in zip(
            self._stacks, self._grads, self.momenta, self._squares, strict=True
        ):
            for chunk, some in zip(self._chunks, workers.split(len(stack)), strict=False):
                chunk.append(_Stack(stack[some], grad[some], momentum[some], squares[some]))
        self._graph: torch.cuda.CUDAGraph | None = None

    def step(self, learning_rate: float) -> None:
        """Update every matrix by its gradient."""
        self._rate.fill_(learning_rate)
        self.workers.map(self._step, self._chunks)

    @torch.no_grad()
    def _step(self, chunk: list[_Stack]) -> None:
        for matrices, grad, *_ in chunk:
            wide = [as_wide(m.of(gradient_of(m.parameter))) for m in matrices]
            torch.stack(wide, out=grad)
        if not self._rate.is_cuda:
            self._update(chunk)
        elif self._graph is not None:
            self._graph.replay()
        elif chunk:  # launched one by one, its many small kernels take longer than a graph
            self._graph, _ = recorded(lambda: self._update(chunk))

    def _update(self, chunk: list[_Stack]) -> None:
        for stack in chunk:
            stack.momentum.lerp_(stack.grad, 1 - MUON_MOMENTUM)
            update = stack.grad.lerp_(stack.momentum, MUON_MOMENTUM)  # Nesterov momentum
            wide_enough = update.shape[1] >= LEAST_ROWS
            products = self.precision if wide_enough else torch.float32
            self._change(stack, orthogonalized(update.to(products)).float())

    def _change(self, stack: _Stack, updates: Tensor) -> None:
        """Change the matrices by orthogonalized updates: those of one shape together."""
        weights = [m.of(m.parameter) for m in stack.matrices]
        for shape in dict.fromkeys(weight.shape for weight in weights):
            which = [i for i, weight in enumerate(weights) if weight.shape == shape]
            those = updates
            if len(which) < len(weights):  # not by an index, which a GPU would have to wait for
                those = torch.stack([updates[i] for i in which])
            those = those if those.shape[1:] == shape else those.mT
            scales = those.new_ones(len(which), 1, 1)
            if self.by_neuron:
                scales = neuron_scales(those, [stack.squares[i] for i in which])
            factors = scales * (-self._rate * max(1, shape[0] / shape[1]) ** 0.5)
            changed = [weights[i] for i in which]
            torch._foreach_mul_(changed, 1 - self._rate * self.weight_decay)
            torch._foreach_addcmul_(changed, those.unbind(), factors.unbind())


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
