"""Loss and gradient of a model, by autograd: on every device, in every worker."""

import math
from collections.abc import Iterator, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model.gpt import GPT
from engine.model.products import computing_in
from engine.model.workspace import Workspace
from engine.training.compiling import with_compiled_blocks
from engine.training.cuda_graphs import CudaGraphs, Work

MICRO_BATCH = 1024
"""Characters in one forward and backward pass on a CPU, where one piece of text is not longer:
few enough that the activations between the two stay in the cache."""
MICRO_BATCH_WORK = 2.75e9
"""Parameters times characters of one such pass: commands wait for it, a quarter of a second on a
slow core."""

Loss = float | Tensor
"""In nats. On a GPU a 0-dimensional float64 tensor there: nothing waits for it."""


def micro_batch(parameters: int) -> int:
    """Characters in one forward and backward pass of a model of this size on a CPU."""
    return max(1, min(MICRO_BATCH, int(MICRO_BATCH_WORK // parameters)))


class Replica:
    """One worker's use of the shared weights. Workers do not meet: each has its own gradients."""

    def __init__(
        self,
        model: GPT,
        precision: torch.dtype,
        accumulation: int = 1,
        *,
        compiled: bool = False,
    ) -> None:
        """`precision`: the number format of the matrix products. `accumulation`: the
        parts that a chunk of a batch is trained on in, at least. `compiled`: whether torch compiles
        what is trained."""
        self.model = model
        self.precision = precision
        self.accumulation = accumulation
        self.compiled = compiled
        self.parameters = list(model.parameters())
        trained = with_compiled_blocks(model) if compiled else model
        self._work: Work = partial(loss_and_grads, trained, self.parameters, precision)
        if compiled and model.device.type == "cuda":
            self._work = CudaGraphs(self._work)
        self.micro_batch = micro_batch(sum(p.numel() for p in self.parameters))
        self.workspace = Workspace()

    def loss_and_grad(
        self, inputs: Tensor, targets: Tensor, total: int, generator: torch.Generator | None
    ) -> tuple[Loss, list[Tensor]]:
        """The sum of losses over (B, T) ids divided by `total`, in nats, and its gradients in the
        order of `model.parameters()`. With a `generator` the config's dropout applies."""
        accumulation = GradientAccumulation(self, inputs, targets, total, generator)
        while accumulation.remaining:
            accumulation.advance()
        return accumulation.loss, accumulation.grads

    def micro_batch_grads(
        self, ids: Tensor, targets: Tensor, total: int, generator: torch.Generator | None
    ) -> tuple[Loss, tuple[Tensor, ...]]:
        """What `loss_and_grad` does for one micro-batch. Where the gradients are `overwritten`, they
        are valid until the next call."""
        with self.workspace:
            loss, grads = self._work(ids, targets, total, generator)
        # A number would have to be waited for: on a GPU it stays there until the step ends.
        return loss.double() if loss.is_cuda else float(loss), grads

    @property
    def overwritten(self) -> bool:
        """Whether the gradients of each micro-batch are in the memory of those before."""
        return isinstance(self._work, CudaGraphs)

    @torch.no_grad()
    def evaluate(self, inputs: Tensor, targets: Tensor) -> tuple[float, int, list[float]]:
        """The sum of losses over (B, T) ids, how many targets had the highest logit, and the sum of
        losses of each of the B rows."""
        rows: list[float] = []
        correct = 0
        for ids, expected in self.micro_batches(inputs, targets):
            with self.workspace:
                logits = logits_of(self.model, ids, self.precision)
            rows += (
                F.cross_entropy(logits, expected, reduction="none").view(ids.shape).sum(1).tolist()
            )
            correct += int((logits.argmax(1) == expected).sum())
            del logits  # those of the next pass take their memory
        return sum(rows), correct, rows

    def pieces(self, inputs: Tensor, parts: int = 1) -> int:
        """How many rows of (B, T) ids are one micro-batch, if there are so many of these at least."""
        rows = math.ceil(len(inputs) / parts)
        if self.model.device.type != "cpu":
            return rows
        return min(rows, max(1, self.micro_batch // inputs.shape[1]))

    def micro_batches(
        self, inputs: Tensor, targets: Tensor, parts: int = 1
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """(B, T) ids of some pieces each, and their (B * T) targets, on the model's device."""
        device, pieces = self.model.device, self.pieces(inputs, parts)
        for ids, expected in zip(
            torch.split(inputs, pieces), torch.split(targets, pieces), strict=True
        ):
            yield _moved(ids, device), _moved(expected.flatten(), device)

    def seed(self, generator: torch.Generator | None) -> None:
        """Have dropout follow this generator from here on, also where it is compiled: there it
        draws from the device's own."""
        if self.compiled and generator is not None:
            torch.manual_seed(generator.initial_seed())


def logits_of(
    model: GPT, ids: Tensor, precision: torch.dtype, generator: torch.Generator | None = None
) -> Tensor:
    """(B, T) ids to (B * T, V) in float32, by products in this precision."""
    with computing_in(precision, model.device.type):
        logits = model(ids, generator)
    return logits.float().flatten(0, 1)  # type: ignore[no-any-return]


def loss_and_grads(
    model: GPT,
    parameters: Sequence[Tensor],
    precision: torch.dtype,
    ids: Tensor,
    targets: Tensor,
    total: int,
    generator: torch.Generator | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The sum of losses over (B, T) ids divided by `total`, and its gradients."""
    logits = logits_of(model, ids, precision, generator)
    loss = F.cross_entropy(logits, targets, reduction="sum") / total
    return loss.detach(), torch.autograd.grad(loss, parameters)


def _moved(ids: Tensor, device: torch.device) -> Tensor:
    """The ids on a device; a GPU fetches them while other work goes on."""
    if device.type == "cuda":
        return ids.pin_memory().to(device, non_blocking=True)
    return ids.to(device)


class GradientAccumulation:
    """Loss and gradients of one worker's share of a batch, a micro-batch at a time."""

    def __init__(
        self,
        replica: Replica,
        inputs: Tensor,
        targets: Tensor,
        total: int,
        generator: torch.Generator | None,
    ) -> None:
        """As for `Replica.loss_and_grad`."""
        self.loss: Loss = 0.0
        self.grads: list[Tensor] = []
        self._replica = replica
        self._total = total
        self._generator = generator
        replica.seed(generator)
        parts = replica.accumulation
        self.remaining = math.ceil(len(inputs) / replica.pieces(inputs, parts))
        self._micro_batches = replica.micro_batches(inputs, targets, parts)

    def advance(self) -> None:
        """Add the next micro-batch."""
        ids, targets = next(self._micro_batches)
        loss, grads = self._replica.micro_batch_grads(ids, targets, self._total, self._generator)
        if self.grads:
            torch._foreach_add_(self.grads, grads)
        elif self._replica.overwritten and self.remaining > 1:
            self.grads = [grad.clone() for grad in grads]
        else:
            self.grads = list(grads)
        self.loss += loss
        self.remaining -= 1
