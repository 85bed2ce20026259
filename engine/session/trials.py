"""Steps that are taken on a copy of the open run, in slices, and leave no trace in it."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from engine.insight.reading import read_row, sublayers
from engine.memory import is_out_of_memory, release_freed_memory
from engine.model.tokenizer import Tokenizer
from engine.protocol import (
    Failed,
    FindLearningRate,
    InspectStep,
    LearningRateFound,
    RateTried,
    StepInspected,
    StopTrial,
)
from engine.session.opened_run import Clock, Emit
from engine.session.slices import Slices
from engine.session.stepper import NextStep
from engine.training.range_test import STEPS, Tried, suggest, try_rates
from engine.training.trainer import StepResult, Trainer
from engine.training.update import tensor_updates

SECONDS = 0.03
"""About how long commands wait at a time."""
ROWS = 16
"""Rows of the batch that are shown, at most."""
NOT_TRAINED_HERE = "Another program trains this run: its steps can be looked at only there."
NO_MEMORY = "The memory does not suffice for a copy of the run."


class Trials:
    """The range test and the step microscope of one run. While one is active, the run itself must
    take no step."""

    def __init__(
        self,
        trainer: Trainer,
        tokenizer: Tokenizer,
        next_step: Callable[[], NextStep] | None,
        emit: Emit,
        clock: Clock,
    ) -> None:
        """`next_step`: how the run goes on; None: it is not trained here."""
        self._trainer = trainer
        self._tokenizer = tokenizer
        self._next_step = next_step
        self._emit = emit
        self._slices: Slices[LearningRateFound | StepInspected] = Slices(clock)
        self._request = 0

    @property
    def active(self) -> bool:
        """Whether a trial is in progress."""
        return self._slices.active

    def ask(self, command: FindLearningRate | InspectStep | StopTrial) -> None:
        """Start a trial in place of the one before, or stop that. ValueError, with a user-facing
        message, if it cannot be made."""
        self._slices.abandon()
        if isinstance(command, StopTrial):
            return
        if self._next_step is None:
            raise ValueError(NOT_TRAINED_HERE)
        self._request = command.request
        if isinstance(command, FindLearningRate):
            self._slices.start(self._find_rate(command, self._next_step))
        else:
            self._slices.start(self._inspect_step(command, self._next_step))

    def work(self) -> None:
        """Work on the trial for a moment, and emit its answer, or why there is none."""
        if not self.active:
            return
        try:
            result = self._slices.advance_for(SECONDS)
        except (ValueError, ArithmeticError) as error:
            self._emit(Failed(str(error), "inspect", self._request))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            self._emit(Failed(NO_MEMORY, "inspect", self._request))
        else:
            if isinstance(result, float):
                return
            self._emit(result)
        release_freed_memory()  # of the copy

    def _copy(self, next_step: Callable[[], NextStep]) -> tuple[Trainer, NextStep]:
        """A trainer that takes the steps of the run from here on, and the first of them. Both are of
        this moment: commands may have changed the run since the trial was asked for."""
        trainer, step = self._trainer.copy(), next_step()
        if step.skips:
            trainer.skip()
        return trainer, step

    def _find_rate(
        self, command: FindLearningRate, next_step: Callable[[], NextStep]
    ) -> Iterator[float | LearningRateFound]:
        (trainer, step), tried = self._copy(next_step), list[Tried]()
        for result in try_rates(trainer, step.context_length, STEPS):
            if isinstance(result, float):
                yield result
            elif isinstance(result, Tried):
                tried.append(result)
                self._emit(RateTried(command.request, len(tried), STEPS, *result))
                yield len(tried) / STEPS
            else:
                found = suggest(tried)
                yield LearningRateFound(command.request, self._trainer.step_number, *found, result)

    def _inspect_step(
        self, command: InspectStep, next_step: Callable[[], NextStep]
    ) -> Iterator[float | StepInspected]:
        (trainer, step), before = self._copy(next_step), self._trainer.model
        size, length = trainer.config.train.batch_size, step.context_length
        inputs, targets = trainer.dataset.batch(trainer.batch_number, size, length)
        row, at = _place(command, inputs)
        pieces = self._tokenizer.pieces
        place_before, bits_before = read_row(before, pieces, inputs[row], targets[row], at)
        yield 0.0
        grads: list[Tensor] = []
        taken: StepResult | None = None
        for result in trainer.slices(
            step.lr_factor, length, lambda: grads.extend(trainer.optimizer.grads)
        ):
            taken = result if isinstance(result, StepResult) else None
            yield 0.5
        assert taken is not None, "a step ends with its result"
        loss_after = 0.0
        for loss in _losses(trainer, inputs, targets):
            loss_after += loss / targets.numel()
            yield 0.5
        after = trainer.model
        place_after, bits_after = read_row(after, pieces, inputs[row], targets[row], at)
        read = [*inputs[row].tolist(), int(targets[row, -1])]
        yield StepInspected(
            request=command.request,
            step=trainer.step_number,
            learning_rate=taken.learning_rate,
            adam_learning_rate=taken.learning_rate * trainer.optimizer.adam_ratio,
            loss=taken.loss,
            loss_after=loss_after,
            gradient_norm=taken.gradient_norm,
            rows=tuple(map(self._tokenizer.shown, inputs[:ROWS].tolist())),
            batch=len(inputs),
            context_length=length,
            row=row,
            text=self._tokenizer.decode(read),
            place=at + 1,
            before=place_before,
            after=place_after,
            bits_before=tuple(bits_before),
            bits_after=tuple(bits_after),
            sublayers=sublayers(before),
            tensors=tensor_updates(before, after, grads, trainer.config.train),
            pieces=tuple(pieces[id_] for id_ in read) if self._tokenizer.starts(read) else (),
        )


def _place(command: InspectStep, inputs: Tensor) -> tuple[int, int]:
    """The row of a (B, T) batch and the target in it that are looked at. ValueError, with a
    user-facing message, if there is no such place."""
    rows, length = inputs.shape
    at = length - 1 if command.place == -1 else command.place
    if not 0 <= command.row < rows:
        raise ValueError(
            f"The batch has {rows:,} rows, counted from 0: there is no {command.row:,}."
        )
    if not 0 <= at < length:
        raise ValueError(f"A row has {length:,} predictions, counted from 0: there is no {at:,}.")
    return command.row, at


def _losses(trainer: Trainer, inputs: Tensor, targets: Tensor) -> Iterator[float]:
    """The sums of the losses over some rows after the other, without dropout."""
    replica = trainer.replicas[0]
    pieces = replica.pieces(inputs)
    for ids, expected in zip(
        torch.split(inputs, pieces), torch.split(targets, pieces), strict=True
    ):
        loss, _, _ = replica.evaluate(ids, expected)
        yield loss
