"""How a step changes the weights: Muon for the matrices inside the blocks and Adam for the rest, or
AdamW for all."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from engine.config import TrainConfig
from engine.model.gpt import GPT
from engine.model.matrix import Matrix
from engine.training.workers import WorkerPool

MUON_MOMENTUM = 0.9
NEURON_BETA = 0.95
"""Of the running mean of the squared update of an output neuron (NorMuon)."""
ADAM_BETAS = (0.8, 0.95)
ADAMW_BETAS = (0.9, 0.95)
"""As in nanoGPT, whose weight decay is our default, too."""
ADAM_EPSILON = 1e-8
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
    momentum: Tensor  # (N, rows, columns), rows <= columns
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
        """`precision`: the number format in which updates are orthogonalized."""
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
        self._squares = [
            [m.parameter.new_zeros(m.last - m.first) for m in stack if by_neuron]
            for stack in self._stacks
        ]
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
        for stack, momentum, squares in zip(self._stacks, self.momenta, self._squares, strict=True):
            for chunk, some in zip(self._chunks, workers.split(len(stack)), strict=False):
                chunk.append(_Stack(stack[some], momentum[some], squares[some]))

    def step(self, learning_rate: float) -> None:
        """Update every matrix by its gradient."""

        def update(chunk: list[_Stack]) -> None:
            for stack in chunk:
                self._update(stack, learning_rate)

        self.workers.map(update, self._chunks)

    @torch.no_grad()
    def _update(self, stack: _Stack, learning_rate: float) -> None:
        grad = torch.stack([as_wide(m.of(_grad(m.parameter))) for m in stack.matrices])
        stack.momentum.lerp_(grad, 1 - MUON_MOMENTUM)
        update = grad.lerp_(stack.momentum, MUON_MOMENTUM)  # Nesterov momentum
        updates = orthogonalized(update.to(self.precision)).float()
        weights = [m.of(m.parameter) for m in stack.matrices]
        # A device is asked for few operations, each on all matrices that lie the same way.
        for shape in dict.fromkeys(weight.shape for weight in weights):
            which = [i for i, weight in enumerate(weights) if weight.shape == shape]
            those = updates[which] if len(which) < len(weights) else updates
            those = those if those.shape[1:] == shape else those.mT
            if self.by_neuron:
                those = those * neuron_scales(those, [stack.squares[i] for i in which])
            rate = learning_rate * max(1, shape[0] / shape[1]) ** 0.5
            changed = [weights[i] for i in which]
            torch._foreach_mul_(changed, 1 - learning_rate * self.weight_decay)
            torch._foreach_add_(changed, those.unbind(), alpha=-rate)


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


class Adam:
    """Adam (Kingma and Ba 2015), with decoupled weight decay: AdamW (Loshchilov and Hutter 2019).

    Not torch's: making one of torch's optimizers imports its compiler, 80 MB and a second.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        betas: tuple[float, float] = ADAM_BETAS,
        weight_decay: float = 0.0,
        decayed: Collection[int] = (),
    ) -> None:
        """`decayed`: the `id` of each parameter that has the weight decay."""
        self.parameters = parameters
        self._betas = betas
        self._decays = [weight_decay if id(p) in decayed else 0.0 for p in parameters]
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update every tensor by its gradient."""
        self.steps += 1
        beta1, beta2 = self._betas
        for p, mean, square, decay in zip(
            self.parameters, self.means, self.squares, self._decays, strict=True
        ):
            grad = _grad(p)
            if decay:
                p.mul_(1 - learning_rate * decay)
            mean.lerp_(grad, 1 - beta1)
            square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
            # Bias correction: both averages began at zero.
            size = (square / (1 - beta2**self.steps)).sqrt_().add_(ADAM_EPSILON)
            p.addcdiv_(mean, size, value=-learning_rate / (1 - beta1**self.steps))


def _grad(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None, "a step without a backward pass"
    return parameter.grad


class Optimizer:
    """The optimizers of a model, under one learning rate."""

    def __init__(
        self,
        model: GPT,
        config: TrainConfig,
        workers: WorkerPool,
        precision: torch.dtype = torch.float32,
    ) -> None:
        """`precision`: the number format of the products that orthogonalize an update."""
        self.parameters = list(model.parameters())
        matrices = model.matrices()
        inside = {id(matrix.parameter) for matrix in matrices}
        if config.optimizer == "adamw":
            self.muon = Muon([], 0.0, workers)
            self.adam = Adam(self.parameters, ADAMW_BETAS, config.weight_decay, inside)
        else:
            self.muon = Muon(
                matrices,
                config.weight_decay,
                workers,
                by_neuron=config.optimizer == "normuon",
                precision=precision,
            )
            self.adam = Adam([p for p in self.parameters if id(p) not in inside])
        self.adam_ratio = config.adam_learning_rate / config.peak_learning_rate

    def set_grads(self, grads: Sequence[list[Tensor]]) -> None:
        """Set the gradient of the next step: the sum of those of all workers, in their order."""
        total, *others = grads
        for other in others:
            torch._foreach_add_(total, other)
        for p, grad in zip(self.parameters, total, strict=True):
            p.grad = grad

    @property
    def grads(self) -> list[Tensor]:
        """The gradients of the parameters, in their order, between `set_grads` and `step`."""
        return [_grad(p) for p in self.parameters]

    def grad_norm(self) -> float:
        """The Euclidean norm of the whole gradient."""
        if self.grads[0].is_cuda:
            return float(torch.nn.utils.get_total_norm(self.grads))
        grads = [grad.flatten() for grad in self.grads]  # on a CPU quicker than norms
        return float(torch.stack([torch.dot(grad, grad) for grad in grads]).sum().sqrt())

    def step(self, learning_rate: float) -> None:
        """Update every weight by its gradient, then drop the gradients."""
        self.muon.step(learning_rate)
        self.adam.step(learning_rate * self.adam_ratio)
        self.zero_grad()

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that the next step depends on, by name."""
        state = {f"muon.{i}": momentum for i, momentum in enumerate(self.muon.momenta)}
        state |= {f"muon.square.{i}": square for i, square in enumerate(self.muon.squares)}
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            state |= {f"adam.{i}.mean": mean, f"adam.{i}.square": square}
        return {**state, "adam.steps": torch.tensor(self.adam.steps, dtype=torch.int32)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state_dict()` of the same model."""
        for i, momentum in enumerate(self.muon.momenta):
            momentum.copy_(state[f"muon.{i}"])
        for i, square in enumerate(self.muon.squares):
            square.copy_(state[f"muon.square.{i}"])
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            mean.copy_(state[f"adam.{i}.mean"])
            square.copy_(state[f"adam.{i}.square"])
        self.adam.steps = int(state["adam.steps"])
