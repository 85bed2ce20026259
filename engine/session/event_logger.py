"""TensorBoard's event file of a run that this program trains, if it is wanted."""

from pathlib import Path

from engine.config import RunConfig
from engine.protocol import Failed
from engine.session.opened_run import Clock, Emit
from engine.storage.event_log import EventLog, is_wanted
from engine.storage.recorder import FLUSH_INTERVAL, Recorder

SLICE = 0.02
"""Seconds that it may take at most in each `FLUSH_INTERVAL`: a long history takes several."""
COMPLETION = 0.2
"""Seconds that it may take at most when a checkpoint is saved."""


class EventLogger:
    """Has the event file follow the run's history. What fails is reported once, and training goes
    on without."""

    def __init__(self, recorder: Recorder, config: RunConfig, emit: Emit, clock: Clock) -> None:
        self._recorder = recorder
        self._wanted = is_wanted(config)
        self._emit = emit
        self._clock = clock
        self._written_at = clock()
        self._log: EventLog | None = None
        self._failed = False

    def keep_up(self) -> None:
        """Write what is new, if that is due."""
        if self._wanted and self._clock() - self._written_at >= FLUSH_INTERVAL:
            self._write(SLICE)

    def complete(self) -> None:
        """Write what is new, now."""
        if self._wanted:
            self._write(COMPLETION)

    def close(self) -> None:
        """Close the file."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def _write(self, seconds: float) -> None:
        self._written_at = self._clock()
        if not self._recorder.is_writing or self._recorder.is_missing:
            return
        folder = Path(self._recorder.folder)
        try:
            if self._log is None or not self._log.catch_up(folder, seconds, self._clock):
                self.close()  # where the history was rewritten, so is this
                self._log = EventLog(folder, self._recorder.created)
                self._log.catch_up(folder, seconds, self._clock)
        except OSError as error:
            self._report(error)
        else:
            self._failed = False

    def _report(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            reason = error.strerror or error
            self._emit(
                Failed(
                    f"TensorBoard's event file could not be written: {reason}. Training goes on.",
                    "log",
                )
            )
