"""A run that another program trains: its events are emitted as they come, its newest weights generate
samples. Nothing is written."""

from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

from engine.protocol import Failed, MomentsKept, PhaseChanged, StepDone
from engine.session.moment_keeper import report_of
from engine.session.opened_run import SLICE, Clock, Emit, NotTrainedHere
from engine.session.run_state import plan_of
from engine.storage import library
from engine.storage.history import HistoryReader
from engine.storage.lock import RunLock
from engine.storage.manifest import DamagedError, checkpoints_of
from engine.storage.moment_files import LATEST, Moment, moments_of
from engine.training.schedule import Position

if TYPE_CHECKING:  # these import torch, which the session loads with the first run
    from engine.session.context import RunContext
    from engine.storage.saved_run import SavedRun

POLL_INTERVAL = 0.5
"""Seconds between two looks at the other program's files."""


class Watch(Enum):
    """What is known of the other program."""

    FOLLOWING = auto()
    RELEASED = auto()  # it has released the run or replaced its files: the run is to be reopened
    LOST = auto()  # the files are gone, or could not be opened again


class FollowedRun(NotTrainedHere):
    """Follows one run, and samples from it."""

    def __init__(
        self,
        context: "RunContext",
        saved: "SavedRun",
        lock: RunLock,
        reader: HistoryReader,
        emit: Emit,
        clock: Clock,
        *,
        stays: bool = False,
    ) -> None:
        """`lock`: of the run, held by the other program. `reader`: of its history, at the start.
        `stays`: whether it is followed also when nobody trains it any more, until another program
        trains another run."""
        self.context = context
        self._name = saved.name
        self._watch = Watch.FOLLOWING
        self._lock = lock
        self._reader = reader
        self._emit = emit
        self._clock = clock
        self._stays = stays
        self._polled_at = clock()
        self._newest = saved.checkpoints[-1]
        self._info = saved.info
        progress = saved.manifest.progress
        plan = plan_of(saved.info.config, progress)
        self._context_length = plan.context_length(Position(progress.step, progress.elapsed))
        self._samples = context.sample_streams(
            saved.info.config.sample, lambda: self._context_length, emit
        )
        self._models = context.moment_models(lambda: self._context_length, self._found)
        self._inspector = context.inspector(self._models, emit)
        self._reported: MomentsKept | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def released(self) -> bool:
        """Whether the run is to be opened again: it may be free, or another."""
        return self._watch is Watch.RELEASED

    def give_up(self) -> None:
        """Stop following: the run could not be opened again."""
        self._watch = Watch.LOST

    # Work.

    @property
    def timeout(self) -> float | None:
        if self._samples.active or self._inspector.active or self.released:
            return 0.0
        if self._watch is Watch.LOST:
            return None
        return max(0.0, self._polled_at + POLL_INTERVAL - self._clock())

    def begin(self) -> None:
        """Emit the history so far."""
        self._poll()

    def tick(self) -> None:
        """Sample for a moment, and poll the other program's files when it is time."""
        self._samples.generate(SLICE)
        self._inspector.work()
        if self._watch is Watch.FOLLOWING and self._clock() - self._polled_at >= POLL_INTERVAL:
            self._poll()
            self._polled_at = self._clock()

    def try_save(self) -> bool:
        return True

    def close(self) -> None:
        self.context.close()

    def _poll(self) -> None:
        self._emit_new_events()
        if self._watch is Watch.FOLLOWING:
            self._load_newest_weights()
            self._report_moments()
            if self._stays:
                self._turn_to_the_next()
            elif not self._lock.held_elsewhere():
                self._watch = Watch.RELEASED

    def _turn_to_the_next(self) -> None:
        """Follow the run that is trained now, where that is another one."""
        name = library.run_in_training(later_than=self._name)
        if name:
            self._name = name
            self._watch = Watch.RELEASED

    def _emit_new_events(self) -> None:
        try:
            events = self._reader.new_events()
        except OSError:
            self._look_for_folder()
            return
        if events is None:  # another history than the one emitted so far
            self._watch = Watch.RELEASED
            return
        for event in events:
            if isinstance(event, StepDone):
                self._context_length = event.context_length
            self._emit(event)

    def _look_for_folder(self) -> None:
        """Its folder is not where it was: follow it under its new name, or stop following."""
        new_name = self._reader.name_now()
        if new_name is not None:
            self._name = new_name
            self._watch = Watch.RELEASED
            return
        self._watch = Watch.LOST
        self._emit(PhaseChanged("paused", self.context.trainer.step_number))
        self._emit(
            Failed(
                f"The run {self.name!r}, which was followed here, has been moved or deleted; "
                "p still lets it write.",
                "open",
            )
        )

    def _load_newest_weights(self) -> None:
        # torch: this module is loaded before the first paint
        from engine.storage.checkpoints import read_checkpoint
        from engine.storage.saved_run import max_group_bytes

        newest = checkpoints_of(self._reader.folder)[-1:]
        if not newest or newest[0] == self._newest:
            return
        try:
            manifest, state = read_checkpoint(newest[0], max_group_bytes(self._info))
        except DamagedError:  # the other program is just deleting it
            return
        self._newest = newest[0]
        self.context.trainer.load_state_dict(state, manifest.progress.step)

    def _found(self) -> list[Moment]:
        return moments_of(self._reader.folder, LATEST)

    def _report_moments(self) -> None:
        with suppress(OSError):  # the folder is looked for when its history is read
            kept = report_of(self._found(), self._info.config.train.moments_mb)
            if kept != self._reported:
                self._reported = kept
                self._emit(kept)

    # Commands.

    def set_excerpt_prompt(self, prompt: str) -> None:
        self._refuse()

    def pause(self) -> None:
        self._refuse()

    def set_learning_rate(self, learning_rate: float) -> None:
        self._refuse()

    def save(self) -> None:
        self._refuse()

    def rename(self, name: str) -> None:
        library.rename(self.name, name)  # refuses while the other program holds the run

    def annotate(self, note: str) -> None:
        library.annotate(self.name, note)

    def _refuse(self) -> None:
        """Only the program that trains the run may change it."""
        self._emit(Failed(self._reason(), "open"))

    def _reason(self) -> str:
        if self._watch is Watch.LOST:
            return f"The run {self.name!r} is gone: all it can still do here is write."
        holder = self._lock.held_elsewhere()
        if not holder:
            return f"The run {self.name!r} is only followed here; p lets it write."
        return (
            f"Another program trains {self.name!r} ({holder}): here it is only followed; p lets it "
            "write."
        )
