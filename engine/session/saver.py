"""Saving of a run that this program trains: reported where it succeeds, and where it fails nothing
more is trained."""

from collections.abc import Callable

from engine.protocol import Failed, NotSaved, Saved
from engine.session.event_logger import EventLogger
from engine.session.opened_run import Clock, Emit
from engine.session.run_state import RunState
from engine.storage.recorder import Recorder, SaveError


class Saver:
    """Saves one run. What fails is reported, and halts training, but for TensorBoard's file."""

    def __init__(self, recorder: Recorder, state: RunState, emit: Emit, clock: Clock) -> None:
        self._recorder = recorder
        self._state = state
        self._emit = emit
        self._events = EventLogger(recorder, state.config, emit, clock)
        self._last_reported = 0

    def save(self) -> bool:
        """Save what is unsaved, and report it once for each step; False if that failed."""
        step = self._state.step
        if not self._recorder.saves and step != self._last_reported:
            self._last_reported = step
            self._emit(NotSaved(self._recorder.name, step))
        if not self._recorder.is_writing or not step:
            return True
        if self._recorder.unsaved and not self.checkpoint():
            return False
        if step != self._last_reported:
            self._last_reported = step
            self._emit(Saved(self._recorder.name, step, self._recorder.folder))
        return True

    def start_writing(self) -> bool:
        """Acquire the run; False if that failed."""
        return self._try(self._recorder.start_writing)

    def prepare_step(self) -> bool:
        """Whether the next step can be recorded: nothing is trained that cannot be saved."""
        if self._recorder.is_writing:
            return not self._recorder.failed or self.checkpoint()
        return self.start_writing() and (not self._recorder.is_new or self.checkpoint())

    def checkpoint(self) -> bool:
        """Save a checkpoint; False if that failed."""
        saved = self._try(lambda: self._recorder.checkpoint(self._state.progress))
        if saved:
            self._events.complete()
        return saved

    def checkpoint_if_writing(self) -> None:
        """Save a checkpoint of a run that is trained here, if there is something new in it."""
        if self._recorder.is_writing and self._recorder.dirty:
            self.checkpoint()

    def keep_change(self) -> None:
        """Save what was changed in a saved run that is not being trained: it may be closed before
        it is."""
        recorder = self._recorder
        at_rest = not (recorder.is_new or self._state.is_training)
        if at_rest and recorder.dirty and self.start_writing():
            self.checkpoint()

    def keep_up(self) -> None:
        """Write the history, and a checkpoint, if they are due."""
        flushed = self._try(self._recorder.flush)
        if self._recorder.checkpoint_is_due:
            self.checkpoint()
        elif flushed:
            self._events.keep_up()

    def close(self, *, keep: bool = False) -> None:
        """Release the run, without saving. One that has not been trained is discarded, unless it is
        to be kept all the same."""
        self._events.close()
        self._recorder.close(discard=not (keep or self._state.step))

    def _try(self, write: Callable[[], None]) -> bool:
        try:
            write()
        except SaveError as error:
            self._state.halt()
            self._emit(Failed(str(error), "save"))
            return False
        return True
