"""Loss and gradient of a model, by autograd: on every device, in every worker."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model.gpt import GPT
from engine.model.workspace import Workspace

MICRO_BATCH = 1024
"""Characters in one forward and backward pass on a CPU, where one piece of text is not longer:
few enough that the activations between the two stay in the cache."""


class Replica:
    """One worker's use of the shared weights. Workers do not meet: each has its own gradients."""

    def __init__(self, model: GPT, precision: torch.dtype) -> None:
        """`precision`: the number format of the matrix products (autocast)."""
        self.model = model
        self.precision = precision
        self.parameters = list(model.parameters())
        self.workspace = Workspace()

    def loss_and_grad(
        self, inputs: Tensor, targets: Tensor, total: int, generator: torch.Generator | None
    ) -> tuple[float, list[Tensor]]:
        """The sum of losses over (B, T) ids divided by `total`, in nats, and its gradients in the
        order of `model.parameters()`. With a `generator` the config's dropout applies."""
        loss, grads = 0.0, None
        for ids, expected in self._micro_batches(inputs, targets):
            with self.workspace:
                partial = self._loss(self._logits(ids, generator), expected) / total
                new = torch.autograd.grad(partial, self.parameters)
            if grads is None:
                grads = list(new)
            else:
                torch._foreach_add_(grads, new)
            loss += float(partial.detach())
        assert grads is not None, "a batch is not empty"
        return loss, grads

    @torch.no_grad()
    def evaluate(self, inputs: Tensor, targets: Tensor) -> tuple[float, int]:
        """The sum of losses over (B, T) ids, and how many targets had the highest logit."""
        loss, correct = 0.0, 0
        for ids, expected in self._micro_batches(inputs, targets):
            with self.workspace:
                logits = self._logits(ids, None)
            loss += float(self._loss(logits, expected))
            correct += int((logits.argmax(1) == expected).sum())
        return loss, correct

    def _micro_batches(self, inputs: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """(B, T) ids of some pieces each, and their (B * T) targets, on the model's device."""
        device = self.model.device
        pieces = max(1, MICRO_BATCH // inputs.shape[1]) if device.type == "cpu" else len(inputs)
        for ids, expected in zip(
            torch.split(inputs, pieces), torch.split(targets, pieces), strict=True
        ):
            yield ids.to(device), expected.flatten().to(device)

    def _logits(self, ids: Tensor, generator: torch.Generator | None) -> Tensor:
        """(B, T) ids to (B * T, V) in float32."""
        device = self.model.device
        with torch.autocast(device.type, self.precision, self.precision != torch.float32):
            logits = self.model(ids, generator)
        return logits.float().flatten(0, 1)  # type: ignore[no-any-return]

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, reduction="sum")
