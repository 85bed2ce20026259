"""How a step moves the weights: Muon for the matrices inside the blocks, Adam for the rest."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.config import TrainConfig
from engine.model.gpt import GPT
from engine.training.workers import WorkerPool

MUON_MOMENTUM = 0.9
ADAM_BETAS = (0.8, 0.95)
ADAM_EPSILON = 1e-8
SAFETY = 1.01
"""Keeps rounding from lifting a singular value out of the range that the steps were made for."""
POLAR_EXPRESS = tuple(
    (a / SAFETY, b / SAFETY**3, c / SAFETY**5)
    for a, b, c in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115951949, 0.5518191394370137),
    )
)
"""The first three steps of Polar Express (Amsel et al. 2025): x times a + b (x x') + c (x x')²."""


def orthogonalizer(matrices: Tensor) -> Tensor:
    """What each of (N, rows, columns), rows <= columns, is multiplied by from the left to give
    nearly the nearest (semi-)orthogonal matrix: (N, rows, rows), symmetric.

    Three steps leave the singular values between 0.2 and 1.9, but for the smallest: for learning
    that is as good as the five steps that Muon began with (tests/bench/RECORDS.md). Each step
    multiplies by a polynomial of x @ x.T, and all of these commute, so that they can be gathered.
    """
    gram = matrices @ matrices.mT
    lengths = gram.diagonal(dim1=1, dim2=2).sum(1).sqrt()[:, None, None]
    unit = 1 / (SAFETY * lengths + 1e-7)
    gram *= unit**2
    product = factor = polynomial(gram, POLAR_EXPRESS[0])
    for coefficients in POLAR_EXPRESS[1:]:
        gram = factor @ gram @ factor
        factor = polynomial(gram, coefficients)
        product = factor @ product
    return product * unit


def polynomial(gram: Tensor, coefficients: tuple[float, float, float]) -> Tensor:
    """a I + b gram + c gram², for (N, rows, rows)."""
    a, b, c = coefficients
    result = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
    result.diagonal(dim1=1, dim2=2).add_(a)
    return result


class Muon:
    """Momentum whose step is orthogonalized (Jordan et al. 2024): every direction moves alike.

    Matrices of one shape are worked on together, as one stack; tall ones are laid on their side.
    """

    def __init__(
        self, parameters: list[nn.Parameter], weight_decay: float, workers: WorkerPool
    ) -> None:
        self.weight_decay = weight_decay
        self.workers = workers
        stacks: dict[tuple[int, int], list[Part]] = defaultdict(list)
        for parameter in parameters:
            for part in parts_of(parameter):
                rows, columns = part.of(parameter).shape
                stacks[min(rows, columns), max(rows, columns)].append(part)
        self.momenta = [
            torch.zeros(len(stack), *shape, device=parameters[0].device)
            for shape, stack in stacks.items()
        ]
        self._shares: list[list[tuple[list[Part], Tensor]]] = [[] for _ in range(workers.count)]
        for stack, momentum in zip(stacks.values(), self.momenta, strict=True):
            for share, piece in zip(self._shares, workers.split(len(stack)), strict=False):
                share.append((stack[piece], momentum[piece]))

    def step(self, learning_rate: float) -> None:
        """Move every matrix by its gradient."""

        def move(share: list[tuple[list[Part], Tensor]]) -> None:
            for stack, momentum in share:
                self._move(stack, momentum, learning_rate)

        self.workers.map(move, self._shares)

    @torch.no_grad()
    def _move(self, stack: list["Part"], momentum: Tensor, learning_rate: float) -> None:
        gradient = torch.stack([lie(part.gradient()) for part in stack])
        momentum.lerp_(gradient, 1 - MUON_MOMENTUM)
        ahead = gradient.lerp_(momentum, MUON_MOMENTUM)  # Nesterov's look ahead
        left = orthogonalizer(ahead)
        for part, factor, other in zip(stack, left.unbind(), ahead.unbind(), strict=True):
            matrix = part.of(part.parameter)
            rows, columns = matrix.shape
            scale = max(1, rows / columns) ** 0.5
            factors = (other.mT, factor) if rows > columns else (factor, other)
            matrix.addmm_(
                *factors, beta=1 - learning_rate * self.weight_decay, alpha=-learning_rate * scale
            )


class Adam:
    """Adam (Kingma and Ba 2015) for the few tensors outside the blocks.

    Not torch's: making one of torch's optimizers imports its compiler, 80 MB and a second.
    """

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move every tensor by its gradient."""
        self.steps += 1
        first, second = ADAM_BETAS
        for p, mean, square in zip(self.parameters, self.means, self.squares, strict=True):
            assert p.grad is not None, "a step without a backward pass"
            mean.lerp_(p.grad, 1 - first)
            square.mul_(second).addcmul_(p.grad, p.grad, value=1 - second)
            # Both began at zero: what that takes from them is given back.
            size = (square / (1 - second**self.steps)).sqrt_().add_(ADAM_EPSILON)
            p.addcdiv_(mean, size, value=-learning_rate / (1 - first**self.steps))


class Part(NamedTuple):
    """A square or oblong matrix inside a parameter: the rows from `first` to `last`."""

    parameter: nn.Parameter
    first: int
    last: int

    def of(self, whole: Tensor) -> Tensor:
        """Its view of the parameter, or of another tensor of that shape."""
        return whole[self.first : self.last]

    def gradient(self) -> Tensor:
        """Its view of the parameter's gradient."""
        assert self.parameter.grad is not None, "a step without a backward pass"
        return self.of(self.parameter.grad)


def parts_of(parameter: nn.Parameter) -> list[Part]:
    """The matrices that one parameter holds: queries, keys and values are three."""
    rows, columns = parameter.shape
    size = columns if rows == 3 * columns else rows
    return [Part(parameter, first, first + size) for first in range(0, rows, size)]


def lie(matrix: Tensor) -> Tensor:
    """The matrix with its longer side as columns."""
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix


class Optimizer:
    """Both optimizers of a model, under one learning rate."""

    def __init__(self, model: GPT, config: TrainConfig, workers: WorkerPool) -> None:
        self.inner = list(model.blocks.parameters())
        self.outer = [model.embedding.weight, model.head.weight]
        self.muon = Muon(self.inner, config.weight_decay, workers)
        self.adam = Adam(self.outer)
        self.ratio = config.adam_learning_rate / config.learning_rate
        self.parameters = list(model.parameters())

    def take(self, shares: Sequence[tuple[Tensor, ...]]) -> None:
        """Take the gradient that the next step follows: the sum of shares, in their order."""
        total, *rest = shares
        for share in rest:
            torch._foreach_add_(total, share)
        for p, gradient in zip(self.parameters, total, strict=True):
            p.grad = gradient

    def gradient_norm(self) -> float:
        """The Euclidean length of the whole gradient."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients))

    def step(self, learning_rate: float) -> None:
        """Move every weight by its gradient, then forget the gradients."""
        self.muon.step(learning_rate)
        self.adam.step(learning_rate * self.ratio)
        self.forget()

    def forget(self) -> None:
        """Drop the gradients."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """All that the next step depends on, by name."""
        state = {f"muon.{i}": momentum for i, momentum in enumerate(self.muon.momenta)}
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            state |= {f"adam.{i}.mean": mean, f"adam.{i}.square": square}
        return {**state, "adam.steps": torch.tensor(self.adam.steps, dtype=torch.int32)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state_dict()` of the same model."""
        for i, momentum in enumerate(self.muon.momenta):
            momentum.copy_(state[f"muon.{i}"])
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            mean.copy_(state[f"adam.{i}.mean"])
            square.copy_(state[f"adam.{i}.square"])
        self.adam.steps = int(state["adam.steps"])
