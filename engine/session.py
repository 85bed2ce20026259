"""The only loop: takes commands, does one unit of work, tells what happened. No thread in it.

Commands are taken between units of work (a training step, or a slice of an evaluation, with a
slice of writing beside it), so a pause waits for one step at most.
"""

import time
from collections.abc import Callable
from queue import SimpleQueue

from engine.active_run import ActiveRun
from engine.opening import open_fresh, open_saved, out_of_memory
from engine.protocol import (
    Close,
    Command,
    Event,
    Failed,
    GoBack,
    Measure,
    Open,
    OpenRun,
    Pause,
    Sample,
    Save,
    SetLearningRate,
    Step,
    Stop,
    StopSample,
    Train,
    Working,
)


class Session:
    """One engine's life: opens runs, trains them, writes from them, saves them."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.perf_counter,
        gate: Callable[[], None] = lambda: None,
    ) -> None:
        """`emit` takes the events; `gate` is called before each unit of work (tests hold it)."""
        self._emit = emit
        self._clock = clock
        self._gate = gate
        self._closed = False
        self._active: ActiveRun | None = None

    def run(self, inbox: SimpleQueue[Command]) -> None:
        """Work until Close. Idle, it sleeps on the inbox."""
        try:
            while not self._closed:
                if self._active is None or not self._active.busy or not inbox.empty():
                    self._obey(inbox.get())
                else:
                    self._gate()
                    self._active.unit()
        finally:
            if self._active is not None:
                self._active.close()

    def _obey(self, command: Command) -> None:
        active = self._active
        match command:
            case Open(config):
                self._open(lambda: open_fresh(config, self._emit, self._clock))
            case OpenRun(name):
                self._open(lambda: open_saved(name, self._emit, self._clock))
            case Close(save):
                self._closed = not save or active is None or active.save()
            case _ if active is None:
                pass  # the run failed to open, and that was told: there is nothing to command
            case Train():
                active.train()
            case Pause():
                active.pause()
            case Step():
                active.step_once()
            case Stop():
                active.end()
            case GoBack():
                self._go_back(active)
            case SetLearningRate(learning_rate):
                active.set_learning_rate(learning_rate)
            case Sample(sample_id, prompt, sample_config):
                active.sample(sample_id, prompt, sample_config)
            case StopSample():
                active.stop_sample()
            case Measure(config):
                active.measure(config)
            case Save():
                active.save()

    def _open(self, opener: Callable[[], ActiveRun]) -> None:
        """Open a run in place of the active one, which stays as it is if that fails."""
        if self._active is not None and not self._active.save():
            return
        self._replace(opener)

    def _go_back(self, active: ActiveRun) -> None:
        """Open the active run's last checkpoint in its place: what came after it is dropped."""
        if self._replace(lambda: open_saved(active.name, self._emit, self._clock)):
            assert self._active is not None, "it was opened"
            self._active.set_learning_rate(active.learning_rate / 2)
            self._active.train()

    def _replace(self, opener: Callable[[], ActiveRun]) -> bool:
        """The run that `opener` opens takes the place of the active one, unless it cannot be
        opened, which is told."""
        try:
            opened = opener()
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not out_of_memory(error):
                raise
            self._emit(Working(""))
            self._emit(Failed(_sentence(error), "open"))
            return False
        if self._active is not None:
            self._active.stop_sample()
            self._active.close()
        self._active = opened
        opened.begin()
        return True


def _sentence(error: Exception) -> str:
    """What went wrong, for the person."""
    if isinstance(error, MemoryError) or out_of_memory(error):
        return "This model is too large for the memory here: take a smaller preset or batch."
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or error}."
    return str(error)
