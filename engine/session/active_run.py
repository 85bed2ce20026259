"""The run that is open: what it does in one tick of work, and how commands change that."""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from engine.config import SampleConfig
from engine.generation.streams import SampleStreams
from engine.protocol import (
    Busy,
    Evaluated,
    Event,
    Extended,
    Failed,
    LearningRateChanged,
    Phase,
    PhaseChanged,
    Saved,
    StepDone,
)
from engine.storage.recorder import Recorder, SaveError

if TYPE_CHECKING:  # torch comes with the first run, not with this file
    from engine.session.context import RunContext
    from engine.storage.manifest import Progress
    from engine.storage.run import Run
    from engine.storage.run_info import RunInfo
    from engine.training.trainer import Evaluation

SLICE = 1 / 30
"""Seconds of writing between two looks at the inbox, when nothing else is to do."""
EARLY_EXCERPTS = frozenset({10, 25, 50, 100})
"""Steps at which it writes a line even without an evaluation: so early, each step shows."""


class ActiveRun:
    """Trains, evaluates, writes and saves one run."""

    def __init__(
        self,
        context: "RunContext",
        run: "Run",
        info: "RunInfo",
        text: str,
        progress: "Progress",
        emit: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        self.context = context
        self._trainer = context.trainer
        self._trainer.learning_rate = progress.learning_rate
        self._recorder = Recorder(
            run,
            info,
            text,
            state=context.trainer.state_dict,
            machine=context.machine,
            checkpoint_bytes=context.checkpoint_bytes,
            clock=clock,
        )
        self._info = info
        self._emit_event = emit
        self._clock = clock

        self._phase: Phase = progress.phase
        self._steps = progress.steps
        self._minutes = progress.minutes
        self._elapsed = progress.elapsed
        self._evaluated = progress.evaluated
        self._loss = progress.loss
        self._best_loss = progress.best_loss
        self._evaluation: Iterator[float | Evaluation] | None = None
        self._evaluation_seconds = 0.0  # of the exam that is on, or of the last
        self._single_steps = 0
        self._ending = False
        self._save_when_written = False
        self._told_saved = 0
        self._sampling = SampleStreams(context, info.config.sample, self._emit)
        self._grow()

    # What to do next.

    @property
    def timeout(self) -> float | None:
        """Seconds until there is a tick of work to do; None: not before a command."""
        busy = (
            self._phase == "training"
            or self._evaluation is not None
            or self._single_steps > 0
            or self._save_when_written
            or self._sampling.active
        )
        return 0.0 if busy else None

    def begin(self) -> None:
        """Start with the exam that is due: before the first lesson, or where a save came first."""
        step, interval = self._trainer.step_number, self._info.config.train.evaluation_interval
        if step % interval == 0 and self._evaluated != step:
            self._begin_evaluation()

    def tick(self) -> None:
        """One step or one slice of an exam; beside it, as long again for writing."""
        began = self._clock()
        learning = True
        if self._evaluation is not None:
            self._evaluate_slice(self._evaluation)
        elif self._single_steps or self._phase == "training":
            self._step()
        else:
            learning = False
        took = self._clock() - began if learning else SLICE
        self._sampling.write(took)
        if learning:
            self._elapsed += self._clock() - began
        if self._save_when_written and not self._sampling.excerpt_active:
            self._save_when_written = False
            self.save()
        self._try_save(self._recorder.flush)

    # Commands.

    def train(self) -> None:
        """Train on; a run that has reached its end is made longer by as much again."""
        if self._phase == "training" and not self._ending:
            return
        self._single_steps = 0
        self._make_room()
        self._set_phase("training")

    def pause(self) -> None:
        self._single_steps = 0
        if self._phase == "training" and not self._ending:
            self._set_phase("paused")
            if self._recorder.is_writing and self._recorder.dirty:
                self._keep()

    def step_once(self) -> None:
        if self._phase != "training":
            self._make_room()
            self._single_steps += 1
            if self._phase in ("failed", "done"):  # a second press makes no more room
                self._set_phase("paused")

    def end(self) -> None:
        """End the run here, with a last exam."""
        self._single_steps = 0
        if self._phase in ("training", "paused", "failed"):
            if self._trainer.step_number:
                self._finish()
            else:
                self._set_phase("untrained")

    def set_learning_rate(self, learning_rate: float) -> None:
        train = self._info.config.train
        try:
            msgspec.structs.replace(train, learning_rate=learning_rate)  # checks the range
        except ValueError as error:
            self._emit(Failed(str(error), "train"))
            return
        self._trainer.learning_rate = learning_rate
        self._emit(LearningRateChanged(self._trainer.step_number, learning_rate))

    def sample(self, sample_id: int, prompt: str, config: SampleConfig) -> None:
        """Write on from a prompt; what was being written is superseded."""
        self._sampling.start(sample_id, prompt, config, self._trainer.step_number)

    def stop_sample(self) -> None:
        self._sampling.stop()

    @property
    def name(self) -> str:
        return self._recorder.name

    @property
    def learning_rate(self) -> float:
        """Before the schedule."""
        return self._trainer.learning_rate

    def rename(self, name: str) -> None:
        """Give it another name. ValueError, in a sentence; OSError where its folder stays."""
        self._recorder.rename(name)

    def annotate(self, note: str) -> None:
        """Keep a note with it. ValueError, in a sentence; OSError where it cannot be written."""
        self._recorder.annotate(note)

    def close(self) -> None:
        """End its threads, and let others write it."""
        self._recorder.close(discard=not self._trainer.step_number)
        self.context.close()

    def save(self) -> bool:
        """Save what is not saved yet; False when that failed, which is told."""
        step = self._trainer.step_number
        if not self._recorder.is_writing or not step:
            return True
        if self._recorder.unsaved and not self._keep():
            return False
        if step != self._told_saved:
            self._told_saved = step
            self._emit(Saved(self.name, step, self._recorder.folder))
        return True

    # Writing to disk.

    def _may_step(self) -> bool:
        """Whether what a step brings can be kept; False when not, which is told."""
        if self._recorder.is_writing:  # where a save has failed, it is tried again
            return not self._recorder.failed or self._keep()
        return self._try_save(self._recorder.start_writing) and (
            self._trainer.step_number > 0 or self._keep()
        )

    def _keep(self) -> bool:
        """Write a checkpoint; False when that failed, which is told."""
        return self._try_save(lambda: self._recorder.checkpoint(self._progress()))

    def _try_save(self, write: Callable[[], None]) -> bool:
        """Write; where that fails tell it, and stop where it stands: nothing is trained that
        cannot be kept."""
        try:
            write()
        except SaveError as error:
            self._halt()
            self._emit(Failed(str(error), "save"))
            return False
        return True

    def _halt(self) -> None:
        self._single_steps = 0
        if self._phase == "training" and not self._ending:
            self._set_phase("paused" if self._trainer.step_number else "untrained")

    # Units of work.

    def _step(self) -> None:
        if not self._may_step():
            return
        trainer, train = self._trainer, self._info.config.train
        began = self._clock()
        try:
            self._grow()
            result = trainer.step(self._share_done())
        except ArithmeticError as error:
            self._single_steps = 0
            self._set_phase("failed")
            self._emit(Failed(str(error), "train"))
            return
        seconds = self._clock() - began
        self._emit(
            StepDone(
                step=trainer.step_number,
                loss=result.loss,
                gradient_norm=result.gradient_norm,
                learning_rate=result.learning_rate,
                tokens=result.tokens,
                context_length=trainer.context_length,
                seconds=seconds,
                elapsed=self._elapsed + seconds,
                remaining=self._remaining(seconds),
            )
        )
        if self._single_steps:
            self._single_steps -= 1
            self._set_phase("paused")
            if not self._single_steps:
                self._keep()
        if self._over(seconds):
            self._finish()
        elif trainer.step_number % train.evaluation_interval == 0:
            self._begin_evaluation()
        elif trainer.step_number in EARLY_EXCERPTS:
            self._sampling.start_excerpt(trainer.step_number)

    def _begin_evaluation(self) -> None:
        self._evaluation = self._trainer.evaluate()
        self._evaluation_seconds = 0.0
        self._emit(Busy("exam on held-out text", 0.0))

    def _evaluate_slice(self, exam: Iterator["float | Evaluation"]) -> None:
        began = self._clock()
        part = next(exam)
        self._evaluation_seconds += self._clock() - began
        if isinstance(part, float):
            self._emit(Busy("exam on held-out text", part))
            return
        self._evaluation = None
        self._evaluated = self._trainer.step_number
        self._loss = part.loss
        self._best_loss = min(part.loss, self._best_loss or math.inf)
        self._emit(Busy(""))
        self._emit(
            Evaluated(
                step=self._evaluated,
                loss=part.loss,
                bits_per_char=part.bits_per_char,
                accuracy=part.accuracy,
                context_length=self._trainer.context_length,
                seconds=self._evaluation_seconds,
                elapsed=self._elapsed + self._clock() - began,
            )
        )
        self._sampling.start_excerpt(self._evaluated)
        if self._ending:
            self._finish()
        elif self._recorder.is_writing:
            self._keep()

    def _finish(self) -> None:
        """End the run once it is evaluated where it stands."""
        self._ending = self._evaluated != self._trainer.step_number
        if not self._ending:
            self._set_phase("done")
            if self._try_save(self._recorder.start_writing):
                self._recorder.dirty = self._save_when_written = True
        elif self._evaluation is None:
            self._begin_evaluation()

    # Where the run stands.

    def _over(self, step_seconds: float) -> bool:
        if self._minutes:
            left = 60 * self._minutes - self._elapsed - self._evaluation_seconds
            return left < 2 * step_seconds  # this step is not in `elapsed` yet, the next must fit
        return self._trainer.step_number >= self._steps

    def _share_done(self) -> float:
        """How far through the run, 0 to 1: this is what the learning rate follows."""
        if self._minutes:
            return min(
                1.0, self._elapsed / max(1e-9, 60 * self._minutes - self._evaluation_seconds)
            )
        return min(1.0, self._trainer.step_number / self._steps)

    def _grow(self) -> None:
        """Have it read as many characters at once as are due: by what was planned first, since a
        run that is made longer goes on with the whole context."""
        config, step = self._info.config, self._trainer.step_number
        planned = 60 * config.train.minutes
        share = self._elapsed / planned if planned else step / config.train.steps
        parts = config.train.parts_of_context(share)
        self._trainer.context_length = config.model.context_length // parts

    def _remaining(self, step_seconds: float) -> float:
        """Seconds until the end, exams included."""
        if self._minutes:
            return max(0.0, 60 * self._minutes - self._elapsed - step_seconds)
        left = self._steps - self._trainer.step_number
        exams = math.ceil(left / self._info.config.train.evaluation_interval)
        per_step = (self._elapsed + step_seconds) / self._trainer.step_number
        trained = self._trainer.step_number >= 2 * self._info.config.train.evaluation_interval
        return (
            left * per_step if trained else left * step_seconds + exams * self._evaluation_seconds
        )

    def _make_room(self) -> None:
        """Make another step possible: past the piece of text that failed, past the planned end."""
        if self._phase == "failed":
            self._trainer.skip()
        self._ending = False
        train, step = self._info.config.train, self._trainer.step_number
        if self._minutes and self._phase == "done":
            self._minutes = self._elapsed / 60 + train.minutes
        elif not self._minutes and step >= self._steps:
            self._steps = step + train.steps
        else:
            return
        self._emit(Extended(step, self._steps, self._minutes))

    def _progress(self) -> "Progress":
        from engine.storage.manifest import Progress

        return Progress(
            step=self._trainer.step_number,
            steps=self._steps,
            minutes=self._minutes,
            elapsed=self._elapsed,
            learning_rate=self._trainer.learning_rate,
            evaluated=self._evaluated,
            loss=self._loss,
            best_loss=self._best_loss,
            done=self._phase == "done",
        )

    def _set_phase(self, phase: Phase) -> None:
        if phase != self._phase:
            self._phase = phase
            self._emit(PhaseChanged(phase, self._trainer.step_number))

    def _emit(self, event: Event) -> None:
        """Tell an event, and keep it for the run's history."""
        self._recorder.record(event)
        self._emit_event(event)
