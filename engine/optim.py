"""How a step moves the weights: Muon for the matrices inside the blocks, AdamW for the rest."""

from collections import defaultdict
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.config import TrainConfig
from engine.model import GPT

MUON_MOMENTUM = 0.95
ADAM_BETAS = (0.8, 0.95)
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5


def schedule(progress: float, config: TrainConfig) -> float:
    """The share of the learning rate, 0 to 1, at `progress` (0 to 1) through the run."""
    # 1. Rise from near zero, so that the first steps do not throw the weights about.
    if progress < config.warmup:
        return max(progress / config.warmup, 1e-3)
    # 2. Stay.
    if progress <= 1 - config.decay:
        return 1.0
    # 3. Fall to zero in a straight line: the loss drops most while the rate falls.
    return max(0.0, (1 - progress) / config.decay)


def orthogonalize(matrices: Tensor) -> Tensor:
    """The nearest (semi-)orthogonal matrix to each of (N, rows, columns), rows <= columns.

    Five steps of a quintic Newton-Schulz iteration, as in Muon (Jordan et al. 2024): the singular
    values end near 1, not at it, and that is enough.
    """
    a, b, c = NEWTON_SCHULZ
    x: Tensor = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class Muon:
    """Momentum whose step is orthogonalized (Jordan et al. 2024): every direction moves alike.

    Matrices of one shape are worked on together, as one stack; tall ones are laid on their side.
    """

    def __init__(self, parameters: list[nn.Parameter], weight_decay: float) -> None:
        self.weight_decay = weight_decay
        self.stacks: dict[tuple[int, int], list[Part]] = defaultdict(list)
        for parameter in parameters:
            for part in parts_of(parameter):
                rows, columns = part.of(parameter).shape
                self.stacks[min(rows, columns), max(rows, columns)].append(part)
        self.momenta = [
            torch.zeros(len(stack), *shape, device=parameters[0].device)
            for shape, stack in self.stacks.items()
        ]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Move every matrix by its gradient."""
        for stack, momentum in zip(self.stacks.values(), self.momenta, strict=True):
            gradient = torch.stack([lie(part.gradient()) for part in stack])
            momentum.lerp_(gradient, 1 - MUON_MOMENTUM)
            moves = orthogonalize(gradient.lerp_(momentum, MUON_MOMENTUM))  # Nesterov's look ahead
            for part, move in zip(stack, moves.unbind(), strict=True):
                matrix = part.of(part.parameter)
                rows, columns = matrix.shape
                scale = max(1, rows / columns) ** 0.5
                matrix.mul_(1 - learning_rate * self.weight_decay)
                matrix.sub_(move.mT if rows > columns else move, alpha=learning_rate * scale)


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

    def __init__(self, model: GPT, config: TrainConfig) -> None:
        self.inner = list(model.blocks.parameters())
        self.outer = [model.embedding.weight, model.head.weight]
        self.muon = Muon(self.inner, config.weight_decay)
        self.adam = torch.optim.AdamW(
            self.outer,
            lr=config.adam_learning_rate,
            betas=ADAM_BETAS,
            weight_decay=0.0,
            fused=model.device.type != "mps",
        )
        self.ratio = config.adam_learning_rate / config.learning_rate
        self.parameters = [*self.inner, *self.outer]

    def gradient_norm(self) -> float:
        """The Euclidean length of the whole gradient."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients))

    def step(self, learning_rate: float) -> None:
        """Move every weight by its gradient, then forget the gradients."""
        self.muon.step(learning_rate)
        self.adam.param_groups[0]["lr"] = learning_rate * self.ratio
        self.adam.step()
        self.forget()

    def forget(self) -> None:
        """Drop the gradients."""
        for p in self.parameters:
            p.grad = None

    def state_dict(self) -> dict[str, Tensor]:
        """All that the next step depends on, by name."""
        state = {f"muon.{i}": momentum for i, momentum in enumerate(self.muon.momenta)}
        for i, p in enumerate(self.outer):
            for name, value in self.adam.state[p].items():
                state[f"adam.{i}.{name}"] = value
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state_dict()` of the same model."""
        for i, momentum in enumerate(self.muon.momenta):
            momentum.copy_(state[f"muon.{i}"])
        for i, p in enumerate(self.outer):
            prefix = f"adam.{i}."
            self.adam.state[p] = {
                name.removeprefix(prefix): value.to(p.device).clone()
                for name, value in state.items()
                if name.startswith(prefix)
            }
