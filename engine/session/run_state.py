"""Where a run stands between two ticks: its progress, its phase, and what is left to do."""

from enum import Enum, auto
from math import isfinite

from msgspec.structs import replace

from engine.config import RunConfig
from engine.protocol import Extended, LearningRateChanged, Phase, PhaseChanged
from engine.session.opened_run import Emit
from engine.storage.manifest import Progress
from engine.training.schedule import Plan, Position


def plan_of(config: RunConfig, progress: Progress) -> Plan:
    """When a run that stands there ends."""
    return Plan(config, progress.steps, progress.minutes, progress.extended)


def extended(progress: Progress, event: Extended) -> Progress:
    """The progress after the run was extended."""
    return replace(
        progress,
        steps=event.steps,
        minutes=event.minutes,
        extended=event if event.lr_peak else None,
    )


class Ending(Enum):
    """What is left to do to end the run."""

    NOTHING = auto()
    EVALUATING = auto()  # the last evaluation; the phase is still the one before
    SAVING = auto()  # the phase is "done"; the last save waits for the excerpt


class RunState:
    """The state of a run without its tensors. Emits what changes."""

    def __init__(self, config: RunConfig, progress: Progress, emit: Emit) -> None:
        self.config = config
        self.progress = progress
        self.phase: Phase = progress.phase
        self.ending = Ending.NOTHING
        self.single_steps = 0
        """Steps that were asked for one by one and are not taken yet."""
        self._emit = emit

    @property
    def step(self) -> int:
        return self.progress.step

    @property
    def plan(self) -> Plan:
        return plan_of(self.config, self.progress)

    @property
    def is_training(self) -> bool:
        """Whether training goes on until the planned end."""
        return self.phase == "training" and self.ending is not Ending.EVALUATING

    @property
    def step_is_due(self) -> bool:
        return self.phase == "training" or self.single_steps > 0

    @property
    def evaluation_is_due(self) -> bool:
        """Whether these weights are to be evaluated, and are not yet."""
        interval = self.config.train.evaluation_interval
        return self.step % interval == 0 and self.progress.evaluated != self.step

    def position(self, evaluation_seconds: float) -> Position:
        """`evaluation_seconds`: of the last evaluation, or of the one in progress."""
        return Position(self.step, self.progress.elapsed, evaluation_seconds=evaluation_seconds)

    def set_phase(self, phase: Phase) -> None:
        if phase != self.phase:
            self.phase = phase
            self.progress = replace(self.progress, done=phase == "done")
            self._emit(PhaseChanged(phase, self.step))

    def advance_to(self, step: int) -> None:
        """A step has been taken."""
        self.progress = replace(self.progress, step=step)

    def skip_batch(self) -> None:
        """The next batch is left out; no step is counted for it."""
        self.progress = replace(self.progress, skipped=self.progress.skipped + 1)

    def add_elapsed(self, seconds: float) -> None:
        self.progress = replace(self.progress, elapsed=self.progress.elapsed + seconds)

    def set_learning_rate(self, learning_rate: float) -> None:
        """ValueError, with a user-facing message, if it is out of range."""
        replace(self.config.train, **{self.config.train.rate_name: learning_rate})  # checks it
        self.progress = replace(self.progress, learning_rate=learning_rate)
        self._emit(LearningRateChanged(self.step, learning_rate))

    def set_taught(self, digest: str) -> None:
        """Another text is taught from now on."""
        self.progress = replace(self.progress, taught=digest)

    def add_evaluation(self, loss: float) -> None:
        """The present weights have been evaluated."""
        best = self.progress.best_loss
        if isfinite(loss):
            best = loss if best is None else min(loss, best)
        self.progress = replace(
            self.progress,
            evaluated=self.step,
            loss=loss if isfinite(loss) else None,
            best_loss=best,
        )

    def halt(self) -> None:
        """Take no further step."""
        self.single_steps = 0
        if self.is_training:
            self.set_phase("paused" if self.step else "untrained")

    def extend(self, position: Position, steps: int = 0, minutes: float = 0.0) -> None:
        """Make room for another step, if the plan is used up; or for so many `steps` or `minutes`
        more."""
        if self.ending is Ending.EVALUATING:
            self.ending = Ending.NOTHING
        plan = self.plan.extended(position, done=self.phase == "done", steps=steps, minutes=minutes)
        if plan != self.plan and plan.extension is not None:
            self.progress = extended(self.progress, plan.extension)
            self._emit(plan.extension)
