"""A training step in slices, so that commands are carried out in between."""

from typing import TYPE_CHECKING, NamedTuple

from engine.protocol import StepDone, StepProgress
from engine.session.opened_run import Clock
from engine.session.slices import Slices
from engine.training.schedule import Plan, Position

if TYPE_CHECKING:  # imports torch, which the session loads with the first run
    from engine.training.trainer import StepResult, Trainer


SLOW = 1.0
"""Seconds that a step takes before its progress is reported."""


class NextStep(NamedTuple):
    """How the step that follows is taken."""

    lr_factor: float
    context_length: int
    skips: bool = False
    """Whether the next batch is left out."""


class Stepper:
    """Takes the steps of one model. A step that is left alone is continued later."""

    def __init__(self, trainer: "Trainer", clock: Clock) -> None:
        from engine.training.pace import Pace  # imports torch, which the first run loads

        self._trainer = trainer
        self._slices: Slices[StepResult] = Slices(clock)
        self._next = NextStep(0.0, 0)
        self._pace = Pace(trainer.config.model, trainer.vocabulary)

    @property
    def active(self) -> bool:
        """Whether a step is in progress."""
        return self._slices.active

    def next(self, plan: Plan, at: Position) -> NextStep:
        """The step in progress, or the one that would be started there."""
        if self.active:
            return self._next
        return NextStep(plan.lr_factor(at), plan.next_context_length(at))

    def start(self, plan: Plan, at: Position) -> None:
        """Start the step that follows."""
        self._next = self.next(plan, at)
        factor, context_length, _ = self._next
        self._slices.start(self._trainer.slices(factor, context_length))

    def abandon(self) -> None:
        """Give up the step in progress, of which no trace remains."""
        self._slices.abandon()

    def advance(self, plan: Plan, before: Position) -> StepDone | StepProgress | None:
        """Work on one slice; after the last one, the step, and before it what is done of a slow
        step, as an event that is yet to be emitted. `before`: where the run stood before this
        slice.

        ArithmeticError, with a user-facing message, if the step cannot be taken.
        """
        result = self._slices.advance()
        if isinstance(result, float):
            if self._slices.seconds < SLOW:
                return None
            return StepProgress(before.step + 1, result, before.elapsed + self._slices.last)
        self._pace.add(self._next.context_length, self._slices.seconds)
        position = before._replace(
            step=self._trainer.step_number,
            elapsed=before.elapsed + self._slices.last,
            step_seconds=self._slices.seconds,
        )
        return StepDone(
            step=position.step,
            loss=result.loss,
            gradient_norm=result.gradient_norm,
            learning_rate=result.learning_rate,
            tokens=result.tokens,
            context_length=self._next.context_length,
            seconds=position.step_seconds,
            elapsed=position.elapsed,
            remaining=plan.remaining(position, self._pace.step_seconds),
        )
