"""One model learning: a step, an evaluation, and all that the next step depends on."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config import RunConfig
from engine.dataset import Dataset, step_seed
from engine.hardware import Hardware
from engine.model import GPT
from engine.optim import Optimizer, schedule


class StepResult(NamedTuple):
    """What a step showed: the loss of its batch, before the update, in nats a character."""

    loss: float
    gradient_norm: float
    learning_rate: float


class Evaluation(NamedTuple):
    """How well it predicts the validation part."""

    loss: float  # nats a character
    accuracy: float  # share of characters it would have guessed

    @property
    def bits_per_char(self) -> float:
        return self.loss / math.log(2)


class Trainer:
    """Model, optimizers and data of one run. No thread, no file, no clock."""

    def __init__(
        self, config: RunConfig, vocabulary: int, dataset: Dataset, hardware: Hardware
    ) -> None:
        self.config = config
        self.dataset = dataset
        self.hardware = hardware
        generator = torch.Generator().manual_seed(config.train.seed)
        self.model = GPT(config.model, vocabulary, generator).to(hardware.device)
        self.optimizer = Optimizer(self.model, config.train)
        self.learning_rate = config.train.learning_rate
        self.step_number = 0

    def step(self, progress: float) -> StepResult:
        """Learn from one batch, at `progress` (0 to 1) through the run.

        ArithmeticError when loss or gradient is not finite: nothing is changed then, since one
        such update would make every weight useless.
        """
        train = self.config.train
        inputs, targets = self.dataset.batch(self.step_number, train.batch_size)
        if self.config.model.dropout:
            torch.manual_seed(step_seed(train.seed, self.step_number))
        loss = self._loss(inputs, targets, self.config.model.dropout)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = self.optimizer.gradient_norm()
        if not (math.isfinite(float(loss.detach())) and math.isfinite(norm)):
            self.optimizer.forget()
            raise ArithmeticError(
                f"At step {self.step_number + 1:,} the loss or its gradient is no longer a number; "
                f"that step was not taken. A lower learning rate helps."
            )
        learning_rate = self.learning_rate * schedule(progress, train)
        self.optimizer.step(learning_rate)
        self.step_number += 1
        return StepResult(float(loss.detach()), norm, learning_rate)

    def skip(self) -> None:
        """Leave out the next batch."""
        self.step_number += 1

    def evaluate(self) -> Iterator[float | Evaluation]:
        """Go over the whole validation part: shares done (0 to 1), and at last the Evaluation."""
        total = torch.zeros((), dtype=torch.float64)
        right = seen = 0
        predicted = len(self.dataset.validation) - 1
        for inputs, targets in self.dataset.validation_batches():
            with torch.no_grad(), self._autocast():
                logits = self.model(inputs.to(self.hardware.device)).float().flatten(0, 1)
                flat = targets.to(self.hardware.device).flatten()
                total += F.cross_entropy(logits, flat, reduction="sum").double().cpu()
                right += int((logits.argmax(1) == flat).sum())
            seen += targets.numel()
            yield seen / predicted
        yield Evaluation(float(total) / predicted, right / predicted)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """The tensors that the next step depends on: "model" and "optimizer"."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]], step_number: int) -> None:
        """Continue from a `state_dict()` that was taken after `step_number` steps."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step_number = step_number

    def _loss(self, inputs: Tensor, targets: Tensor, dropout: float) -> Tensor:
        device = self.hardware.device
        with self._autocast():
            logits = self.model(inputs.to(device), dropout=dropout)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.to(device).flatten())

    def _autocast(self) -> torch.autocast:
        precision = self.hardware.precision
        return torch.autocast(
            self.hardware.device.type, precision, enabled=precision != torch.float32
        )
