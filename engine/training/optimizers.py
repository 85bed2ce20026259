"""How a step changes the weights: Muon for the matrices inside the blocks and Adam for the rest, or
AdamW for all."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from engine.config import TrainConfig
from engine.model.gpt import GPT
from engine.training.muon import Muon, gradient_of
from engine.training.workers import WorkerPool

ADAM_BETAS = (0.8, 0.95)
ADAMW_BETAS = (0.9, 0.95)
"""As in nanoGPT, whose weight decay is our default, too."""
ADAM_EPSILON = 1e-8


class Adam:
    """Adam (Kingma and Ba 2015), with decoupled weight decay: AdamW (Loshchilov and Hutter 2019).

    The loop of torch's own, without its class: making one of torch's optimizers imports its compiler,
    80 MB and a second.
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
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.steps = 0
        self._groups: dict[float, list[tuple[Tensor, Tensor, Tensor]]] = defaultdict(list)
        for part in zip(parameters, self.means, self.squares, strict=True):
            self._groups[weight_decay if id(part[0]) in decayed else 0.0].append(part)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update every tensor by its gradient."""
        self.steps += 1
        for decay, group in self._groups.items():
            parameters, means, squares = zip(*group, strict=True)
            steps = parameters[0].new_full((), self.steps)
            torch._fused_adamw_(
                parameters,
                [gradient_of(p) for p in parameters],
                means,
                squares,
                [],  # the largest squares so far, which AMSGrad would keep
                [steps] * len(parameters),
                lr=learning_rate,
                beta1=self._betas[0],
                beta2=self._betas[1],
                weight_decay=decay,
                eps=ADAM_EPSILON,
                amsgrad=False,
                maximize=False,
            )


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
                momentum_share=config.momentum_share,
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
        return [gradient_of(p) for p in self.parameters]

    def grad_norm(self) -> float:
        """The Euclidean norm of the whole gradient."""
        if self.grads[0].is_cuda:
            return float(torch.stack(torch._foreach_norm(self.grads)).norm())
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
        """Everything that the next step depends on, by name; Adam's tensors are no copies."""
        state = self.muon.state_dict()
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            state |= {f"adam.{i}.mean": mean, f"adam.{i}.square": square}
        return {**state, "adam.steps": torch.tensor(self.adam.steps, dtype=torch.int32)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state_dict()` of the same model."""
        self.muon.load_state_dict(state)
        for i, (mean, square) in enumerate(zip(self.adam.means, self.adam.squares, strict=True)):
            mean.copy_(state[f"adam.{i}.mean"])
            square.copy_(state[f"adam.{i}.square"])
        self.adam.steps = int(state["adam.steps"])
