"""What happens when in a run: learning rate, context length, the planned end. No tensors, no clock."""

import math
from typing import NamedTuple

from engine.config import RunConfig, TrainConfig


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

    def progress(self, at: Position) -> float:
        """How far through the run, 0 to 1. A run by minutes leaves time for its last evaluation."""
        if self.minutes:
            return min(1.0, at.elapsed / max(1e-9, 60 * self.minutes - at.evaluation_seconds))
        return min(1.0, at.step / self.steps)

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

    def remaining(self, at: Position) -> float:
        """Estimated seconds to the end, evaluations included. At least one step has been taken."""
        if self.minutes:
            return max(0.0, 60 * self.minutes - at.elapsed)
        steps, interval = self.steps - at.step, self.config.train.evaluation_interval
        if at.step >= 2 * interval:
            return steps * at.elapsed / at.step
        return steps * at.step_seconds + math.ceil(steps / interval) * at.evaluation_seconds

    def extended(self, at: Position, *, done: bool) -> "Plan":
        """The plan for training on: as long again as configured if the run is `done` or has no step
        left, otherwise the same."""
        train = self.config.train
        if self.minutes:
            return self._replace(minutes=at.elapsed / 60 + train.minutes) if done else self
        if at.step >= self.steps:
            return self._replace(steps=at.step + train.steps)
        return self
