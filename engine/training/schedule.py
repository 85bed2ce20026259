"""What happens when in a run: learning rate, context length, the planned end. No tensors, no clock."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.config import RunConfig, TrainConfig
from engine.protocol import Extended


def lr_factor(progress: float, config: TrainConfig) -> float:
    """The factor on the learning rate, 0 to 1, at `progress` (0 to 1) through the run."""
    # 1. Warm up from near zero: large first steps would throw the weights about.
    if progress < config.warmup_fraction:
        return max(progress / config.warmup_fraction, 1e-3)
    # 2. Stay constant.
    if progress <= 1 - config.decay_fraction:
        return 1.0
    # 3. Decay linearly to zero: the loss drops most while the learning rate falls.
    return max(0.0, (1 - progress) / config.decay_fraction)


EXTENSION_PEAK = 0.2
"""The factor to which the learning rate rises again after the end of a run. A fifth of the peak
loses little of what the decay has won, and regains it within ten steps."""
EXTENSION_WARMUP = 0.1
"""The fraction of an extension in which it rises."""


def extension_lr_factor(progress: float, start: float, peak: float) -> float:
    """The factor on the learning rate at `progress` (0 to 1) through an extension that began at the
    factor `start`: linearly to `peak`, then linearly to zero."""
    if progress < EXTENSION_WARMUP:
        return max(start + (peak - start) * progress / EXTENSION_WARMUP, 1e-3)
    return peak * (1 - progress) / (1 - EXTENSION_WARMUP)


class ContextStage(NamedTuple):
    """A stretch of a run with one context length."""

    fraction: float  # of the run
    context_length: int


def context_stages(config: RunConfig) -> tuple[ContextStage, ...]:
    """The stages of a run, in order: a quarter of the context, half of it, all of it.

    A model learns spelling and words first; a short context is enough for these, and attention
    costs less.
    """
    context, warmup = config.model.context_length, config.train.context_warmup
    return (
        ContextStage(warmup / 2, context // 4),
        ContextStage(warmup / 2, context // 2),
        ContextStage(1 - warmup, context),
    )


class Position(NamedTuple):
    """How far a run has come."""

    step: int
    elapsed: float  # seconds of training so far, evaluations and sampling included
    step_seconds: float = 0.0  # of the last step
    evaluation_seconds: float = 0.0  # of the last evaluation, or of the one in progress


class Plan(NamedTuple):
    """When a run ends: after `minutes` of training, or, where these are 0, after `steps`."""

    config: RunConfig
    steps: int
    minutes: float
    extension: Extended | None = None  # the last one, if this version made it

    def progress(self, at: Position) -> float:
        """How far through the run, or through its extension, 0 to 1. A run by minutes leaves time
        for its last evaluation."""
        first, began = 0, 0.0
        if self.extension is not None:
            first, began = self.extension.step, self.extension.elapsed
        if self.minutes:
            left = 60 * self.minutes - began - at.evaluation_seconds
            return min(1.0, (at.elapsed - began) / max(1e-9, left))
        return min(1.0, (at.step - first) / max(1, self.steps - first))

    def lr_factor(self, at: Position) -> float:
        """The factor on the learning rate of the next step."""
        if self.extension is None:
            return lr_factor(self.progress(at), self.config.train)
        start, peak = self.extension.lr_factor, self.extension.lr_peak
        return extension_lr_factor(self.progress(at), start, peak)

    def next_context_length(self, at: Position) -> int:
        """The context length of the next step."""
        return self._context_length(at.step, at.elapsed)

    def context_length(self, at: Position) -> int:
        """The context length of the last step: for evaluation and sampling, since at positions
        beyond it the model is untrained."""
        return self._context_length(max(0, at.step - 1), at.elapsed)

    def _context_length(self, steps_before: int, elapsed: float) -> int:
        """By the plan that the run began with: one that is extended keeps the whole context."""
        train = self.config.train
        progress = elapsed / (60 * train.minutes) if train.minutes else steps_before / train.steps
        end = 0.0
        for stage in context_stages(self.config):
            end += stage.fraction
            if progress < end:
                return stage.context_length
        return self.config.model.context_length

    def is_over(self, at: Position) -> bool:
        """Whether no further step fits in."""
        if self.minutes:
            left = 60 * self.minutes - at.elapsed - at.evaluation_seconds
            return left < at.step_seconds
        return at.step >= self.steps

    def remaining(self, at: Position, step_seconds: Callable[[int], float]) -> float:
        """Estimated seconds to the end, evaluations included. `step_seconds` are those of a step
        with this context length; an evaluation grows in proportion."""
        if self.minutes:
            return max(0.0, 60 * self.minutes - at.elapsed)
        interval = self.config.train.evaluation_interval
        now = step_seconds(self.context_length(at)) or 1.0
        due = at.step % interval == 0 and at.step < self.steps  # right after this step
        seconds = at.evaluation_seconds * due
        for first, last, context_length in self._stages_left(at):
            per_step = step_seconds(context_length)
            evaluations = last // interval - first // interval
            if last == self.steps and last % interval:  # the last evaluation
                evaluations += 1
            seconds += (last - first) * per_step
            seconds += evaluations * at.evaluation_seconds * per_step / now
        return seconds

    def _stages_left(self, at: Position) -> Iterator[tuple[int, int, int]]:
        """What is to come of a run by steps, by context length: the steps before and at the end of
        each stage, and the length."""
        train, first, end = self.config.train, at.step, 0.0
        if train.minutes:  # the clock decides when it grows: as it is now
            yield first, self.steps, self.next_context_length(at)
            return
        for stage in context_stages(self.config):
            end += stage.fraction
            last = min(self.steps, math.ceil(end * train.steps - 1e-9))
            if last > first:
                yield first, last, stage.context_length
                first = last
        if self.steps > first:
            yield first, self.steps, self.config.model.context_length

    def extended(self, at: Position, *, done: bool, steps: int = 0, minutes: float = 0.0) -> "Plan":
        """The plan for training on: for so many `steps` or `minutes` more. Without either, as long
        again as configured if the run is `done` or has no step left, otherwise the same."""
        train = self.config.train
        if not (steps or minutes):
            if not (done if self.minutes else at.step >= self.steps):
                return self
            steps, minutes = (0, train.minutes) if train.minutes else (train.steps, 0.0)
        factor = self.lr_factor(at)
        before_the_decay = self.extension is None and self.progress(at) < 1 - train.decay_fraction
        extension = Extended(
            step=at.step,
            steps=self.steps if minutes else at.step + steps,
            minutes=at.elapsed / 60 + minutes if minutes else 0.0,
            elapsed=at.elapsed,
            lr_factor=factor,
            lr_peak=1.0 if before_the_decay else max(factor, EXTENSION_PEAK),
        )
        return self._replace(steps=extension.steps, minutes=extension.minutes, extension=extension)
