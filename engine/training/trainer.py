"""Training of one model: a step, an evaluation, and everything that the next step depends on."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.device import Hardware
from engine.memory import release_freed_memory
from engine.model.gpt import GPT
from engine.training.compiling import is_compiled
from engine.training.dataset import Dataset, step_seed
from engine.training.optimizers import Optimizer
from engine.training.replica import GradientAccumulation, Loss, Replica
from engine.training.validation import ValidationText
from engine.training.workers import WorkerPool, split

EVALUATION_MICRO_BATCHES = 4
"""Micro-batches in one slice of an evaluation on a CPU: commands wait for it."""


class StepResult(NamedTuple):
    """The loss of a step's batch before the update, in nats a character, and its circumstances."""

    loss: float
    gradient_norm: float
    learning_rate: float
    tokens: int  # characters in the batch


class Evaluation(NamedTuple):
    """How well the model predicts the validation part, or another text, or the fixed sample of it."""

    loss: float  # nats a character
    accuracy: float  # fraction of characters that had the highest logit
    characters: int  # predicted
    windows: tuple[float, ...] = ()
    """The loss of each piece of text that was read, in nats a character; a shorter one at the end is
    left out."""


def characters_at_once(config: RunConfig) -> int:
    """What a GPU computes at once, of a batch as of the validation part."""
    train = config.train
    return math.ceil(train.batch_size / train.accumulation) * config.model.context_length


ChunkResult = tuple[float, int, list[float]]
"""Of a chunk of text, as from `Replica.evaluate`."""


class Trainer:
    """Model, optimizers and data of one run. No thread, no file, no clock."""

    rank, world = 0, 1
    """Which of how many processes this is that train the run together."""

    def __init__(
        self,
        config: RunConfig,
        vocabulary: int,
        dataset: Dataset,
        hardware: Hardware,
        workers: WorkerPool,
    ) -> None:
        self.config = config
        self.vocabulary = vocabulary
        self.dataset = dataset
        generator = torch.Generator().manual_seed(config.train.seed)
        self.model = GPT(config.model, vocabulary).init_weights(generator).to(hardware.device)
        self.optimizer = Optimizer(self.model, config.train, workers, hardware.precision)
        self.use_workers(hardware, workers)
        self.learning_rate = config.train.peak_learning_rate
        self.step_number = 0
        self.skipped = 0
        """Batches that were left out so far."""
        self._work: tuple[object, ...] = ()

    def use_workers(self, hardware: Hardware, workers: WorkerPool) -> None:
        """Compute with these workers from the next step on; device and precision of the hardware
        are those of before. Not while a step or an evaluation is in progress."""
        self.hardware = hardware
        self.workers = workers
        parts = (self.model, hardware.precision, self.config.train.accumulation)
        compiled = is_compiled(self.config, self.vocabulary, hardware.device)
        self.replicas = [Replica(*parts, compiled=compiled) for _ in range(workers.count)]
        self.optimizer.muon.use_workers(workers)

    def step(self, lr_factor: float, context_length: int) -> StepResult:
        """Train on one batch: `slices` to its end."""
        *_, result = self.slices(lr_factor, context_length)
        assert isinstance(result, StepResult)
        return result

    def copy(self) -> "Trainer":
        """A trainer that takes the same steps from here, bit for bit, and changes nothing of this
        one: it has the data and the workers in common with it, which remember no step."""
        trainer = Trainer(self.config, self.vocabulary, self.dataset, self.hardware, self.workers)
        trainer.load_state_dict(self.state_dict(), self.step_number, self.skipped)
        trainer.learning_rate = self.learning_rate
        return trainer

    def slices(
        self,
        lr_factor: float,
        context_length: int,
        before_update: Callable[[], None] = lambda: None,
    ) -> Iterator[float | StepResult]:
        """Train on one batch, at the learning rate times `lr_factor`. Its windows of text are cut
        into pieces of `context_length`, at most that of the model. `before_update` is called when
        the whole gradient is known, and may look at it.

        After each micro-batch of the workers the fraction of the step that is done; then the
        result. Nothing is changed before: a step may be abandoned, and without another step the
        weights may be read meanwhile.

        ArithmeticError when loss or gradient is not finite: nothing is changed then either, since
        one such update would make every weight NaN.
        """
        train = self.config.train
        self.make_room("training", context_length)
        inputs, targets = self.dataset.batch(self.batch_number, train.batch_size, context_length)
        shares = [
            GradientAccumulation(
                replica, inputs[chunk], targets[chunk], targets.numel(), self._generator(number)
            )
            for replica, (number, chunk) in zip(
                self.replicas, self._chunks(len(inputs)), strict=False
            )
        ]
        micro_batches = max(share.remaining for share in shares)
        for done in range(1, micro_batches + 1):
            at_work = [share for share in shares if share.remaining]
            self.workers.map(GradientAccumulation.advance, at_work)
            if done < micro_batches:
                yield done / micro_batches
        self.optimizer.set_grads([share.grads for share in shares])
        # Here a GPU is waited for, the only time in a step: one that is not finite is not taken.
        loss = self._add_ranks(sum(share.loss for share in shares))
        norm = self.optimizer.grad_norm()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self.optimizer.zero_grad()
            raise ArithmeticError(
                f"At step {self.step_number + 1:,} the loss or its gradient is no longer a number; "
                f"that step was not taken. A lower learning rate helps."
            )
        before_update()
        learning_rate = self.learning_rate * lr_factor
        self.optimizer.step(learning_rate)
        self.step_number += 1
        yield StepResult(loss, norm, learning_rate, targets.numel())

    @property
    def batch_number(self) -> int:
        """The number of the next batch, from 0."""
        return self.step_number + self.skipped

    def skip(self) -> None:
        """Leave out the next batch."""
        self.skipped += 1

    def evaluate(
        self, context_length: int, text: ValidationText | None = None
    ) -> Iterator[float | Evaluation]:
        """Go over the validation part, or the sample of it, or another text, in pieces of
        `context_length`: the fractions done (0 to 1), then the Evaluation."""
        seen = 0.0
        self.make_room("evaluating", context_length)
        if text is None:
            text = self.dataset.evaluated if self.step_number else self.dataset.evaluated_untrained
        predicted = text.predicted(context_length)
        size = EVALUATION_MICRO_BATCHES * self.replicas[0].micro_batch
        if self.hardware.device.type != "cpu":
            size = characters_at_once(self.config)
        read: list[list[ChunkResult]] = []
        lengths: list[int] = []
        for inputs, targets in text.batches(context_length, size):
            chunks = [chunk for _, chunk in self._chunks(len(inputs))]
            results = self.workers.map(
                lambda i: self.replicas[i].evaluate(inputs[chunks[i]], targets[chunks[i]]),  # noqa: B023
                range(len(chunks)),
            )
            read.append(results)
            lengths.append(inputs.shape[1])
            seen += targets.numel()
            yield seen / predicted
        total = correct = 0.0
        windows: list[float] = []
        for results, length in zip(self._of_all_ranks(read), lengths, strict=True):
            total += sum(loss for loss, _, _ in results)
            correct += sum(number for _, number, _ in results)
            if length == context_length:
                windows += (loss / context_length for _, _, rows in results for loss in rows)
        yield Evaluation(total / predicted, correct / predicted, predicted, tuple(windows))

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """The tensors that the next step depends on: "model" and "optimizer"."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(
        self, state: dict[str, dict[str, Tensor]], step_number: int, skipped: int = 0
    ) -> None:
        """Continue from a `state_dict()` that was taken after `step_number` steps, for which
        `skipped` batches were left out. Without "optimizer", that one begins afresh."""
        self.model.load_state_dict(state["model"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
        self.step_number, self.skipped = step_number, skipped

    def _chunks(self, rows: int) -> list[tuple[int, slice]]:
        """The chunks of so many rows that the workers of this process compute, with their numbers
        among those of all."""
        count = self.workers.count
        chunks = list(enumerate(split(rows, self.world * count)))
        return chunks[self.rank * count : (self.rank + 1) * count]

    def make_room(self, *work: object) -> None:
        """Before work of another kind or shape than the last: give up the memory that was used again
        and again in that. The new work would find no use for it, and the heap would hold both."""
        if work != self._work:
            self._work = work
            for replica in self.replicas:
                replica.workspace.clear()
            release_freed_memory()

    def _add_ranks(self, loss: Loss) -> float:
        """Add what the other processes have computed to the gradients, and to the loss."""
        return float(loss)

    def _of_all_ranks(self, read: list[list[ChunkResult]]) -> list[list[ChunkResult]]:
        """The results of the chunks of all processes, in order; of each batch of an evaluation."""
        return read

    def _generator(self, chunk: int) -> torch.Generator | None:
        """The generator for the dropout of one chunk of this step's batch."""
        if not self.config.model.dropout:
            return None
        number = self.batch_number * self.world * self.workers.count + chunk
        seed = step_seed(self.config.train.seed, number)
        return torch.Generator(self.hardware.device).manual_seed(seed)
