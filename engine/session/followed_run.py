"""A run that another program trains: its events are told as they come, and its newest saved weights
answer prompts. Nothing is written."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.config import SampleConfig
from engine.generation.streams import SampleStreams
from engine.protocol import Event, Failed, PhaseChanged, StepDone

if TYPE_CHECKING:  # torch comes with the first run, not with this file
    from engine.session.context import RunContext
    from engine.storage.history import HistoryReader
    from engine.storage.lock import RunLock
    from engine.storage.saved_run import SavedRun

LOOK = 0.5
"""Seconds between two looks at what the other program has written."""
SLICE = 1 / 30
"""Seconds of writing between two looks at the inbox."""


class FollowedRun:
    """Watches one run, and writes from it."""

    def __init__(
        self,
        context: "RunContext",
        saved: "SavedRun",
        lock: "RunLock",
        reader: "HistoryReader",
        emit: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        """`lock`: of the run, held by the other. `reader`: of its history, told so far."""
        self.context = context
        self.name = saved.name
        self.over = False
        """Whether the other program has let it go, or has begun anew: it is to be opened again."""
        self._following = True
        self._lock = lock
        self._reader = reader
        self._emit = emit
        self._clock = clock
        self._looked_at = clock()
        self._newest = saved.checkpoints[-1]
        self._info = saved.info
        self._sampling = SampleStreams(context, saved.info.config.sample, emit)

    def begin(self) -> None:
        """Tell what was written so far."""
        self._look()

    @property
    def timeout(self) -> float | None:
        """Seconds until there is a tick of work to do; None: not before a command."""
        if self._sampling.active:
            return 0.0
        return max(0.0, self._looked_at + LOOK - self._clock()) if self._following else None

    def tick(self) -> None:
        """One slice of writing, and a look at the other program's files when it is time."""
        self._sampling.write(SLICE)
        if self._following and self._clock() - self._looked_at >= LOOK:
            self._look()
            self._looked_at = self._clock()

    def sample(self, sample_id: int, prompt: str, config: SampleConfig) -> None:
        """Write on from a prompt, with the weights that were saved last."""
        self._sampling.start(sample_id, prompt, config, self.context.trainer.step_number)

    def stop_sample(self) -> None:
        """Stop writing."""
        self._sampling.stop()

    def refuse(self) -> None:
        """What would change the run is the other program's to do."""
        if not self._following:
            self._emit(Failed(f"The run {self.name!r} is gone: here it can only write.", "open"))
            return
        who = self._lock.held_elsewhere()
        self._emit(
            Failed(
                f"Another program trains {self.name!r} ({who}): here it is only followed; p lets "
                "it write.",
                "open",
            )
        )

    def give_up(self) -> None:
        """Follow no more: what was followed cannot be opened again."""
        self.over = self._following = False

    def close(self) -> None:
        """End its threads."""
        self.context.close()

    def _look(self) -> None:
        self.over = not self._tell_new_events()
        if self._following and not self.over:
            self._take_newest_weights()
            self.over = not self._lock.held_elsewhere()

    def _lose(self) -> None:
        """Follow no more what is there no more."""
        self._following = False
        self._emit(PhaseChanged("paused", self.context.trainer.step_number))
        self._emit(
            Failed(
                f"The run {self.name!r}, which was followed here, has been moved or deleted; p lets "
                "it write.",
                "open",
            )
        )

    def _tell_new_events(self) -> bool:
        """Whether the history is not another than the one that was told so far."""
        try:
            events = self._reader.new_events()
        except OSError:
            name = self._reader.name_now()
            if name is None:
                self._lose()
                return True
            self.name = name
            return False
        if events is None:
            return False
        for event in events:
            if isinstance(event, StepDone):
                self.context.trainer.context_length = event.context_length
            self._emit(event)
        return True

    def _take_newest_weights(self) -> None:
        from engine.storage.checkpoints import read_checkpoint
        from engine.storage.manifest import DamagedError, checkpoints_of
        from engine.storage.saved_run import max_group_bytes

        newest = checkpoints_of(self._reader.folder)[-1:]
        if not newest or newest[0] == self._newest:
            return
        try:
            manifest, state = read_checkpoint(newest[0], max_group_bytes(self._info))
        except DamagedError:  # the other program is just letting it go
            return
        self._newest = newest[0]
        self.context.trainer.load_state_dict(state, manifest.progress.step)
