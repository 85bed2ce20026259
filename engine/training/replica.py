"""Loss and gradient on a graphics processor: the model as it stands, and torch's autograd."""

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.model.gpt import GPT


class ByTorch:
    """Computes losses and gradients of a model, like `engine.model.fused.ByHand`."""

    def __init__(self, model: GPT, precision: torch.dtype) -> None:
        """`precision`: the number format of the products (autocast)."""
        self.model = model
        self.precision = precision
        self.gradients: tuple[Tensor, ...] = ()

    def learn(
        self, inputs: Tensor, targets: Tensor, characters: int, generator: torch.Generator | None
    ) -> float:
        """What (B, T) ids add to the mean loss over so many `characters`.

        `gradients` are then those of that loss. With a `generator` the config's dropout applies.
        """
        loss = self._losses(self._logits(inputs, generator), targets) / characters
        self.gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        return float(loss.detach())

    @torch.no_grad()
    def score(self, inputs: Tensor, targets: Tensor) -> tuple[float, int]:
        """The sum of losses over (B, T) ids, and how many were guessed."""
        logits = self._logits(inputs, None)
        guessed = logits.argmax(1) == targets.flatten().to(logits.device)
        return float(self._losses(logits, targets)), int(guessed.sum())

    def _logits(self, inputs: Tensor, generator: torch.Generator | None) -> Tensor:
        """(B, T) ids to (B * T, V) in float32."""
        device = self.model.device
        with torch.autocast(device.type, self.precision, self.precision != torch.float32):
            logits = self.model(inputs.to(device), generator)
        return logits.float().flatten(0, 1)  # type: ignore[no-any-return]

    def _losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The sum of them."""
        return F.cross_entropy(logits, targets.flatten().to(logits.device), reduction="sum")
