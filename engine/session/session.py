"""The only loop: takes commands, does one tick of work, tells what happened. No thread in it.

Commands are taken between units of work (a training step, or a slice of an evaluation, with a
slice of writing beside it), so a pause waits for one step at most.
"""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from engine.protocol import (
    AnnotateRun,
    Busy,
    Close,
    Command,
    Compare,
    Compared,
    DeleteRun,
    Event,
    Failed,
    ListRuns,
    Measure,
    Open,
    OpenRun,
    Pause,
    RenameRun,
    Rollback,
    RunChanged,
    RunsListed,
    Sample,
    Save,
    SetLearningRate,
    Step,
    Stop,
    StopSample,
    Train,
)
from engine.session.active_run import ActiveRun
from engine.session.followed_run import FollowedRun
from engine.session.loader import open_fresh, open_saved, out_of_memory

OUT_OF_MEMORY = (
    "The memory ran out. Space opens the run as it was saved last; "
    "a smaller batch, context or preset needs less."
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
        """`emit` takes the events; `gate` is called before each tick of work (tests hold it)."""
        self._emit = emit
        self._clock = clock
        self._gate = gate
        self._closed = False
        self._active: ActiveRun | FollowedRun | None = None

    def run(self, inbox: SimpleQueue[Command]) -> None:
        """Work until Close. Idle, it sleeps on the inbox."""
        try:
            while not self._closed:
                command = self._next(inbox)
                if command is not None:
                    self._dispatch(command)
                elif self._active is not None:
                    self._gate()
                    self._work(self._active)
        finally:
            if self._active is not None:
                self._active.close()

    def _next(self, inbox: SimpleQueue[Command]) -> Command | None:
        """The next command; None when there is work to do before one comes."""
        timeout = self._active.timeout if self._active is not None else None
        try:
            return inbox.get(block=timeout != 0, timeout=timeout or None)
        except Empty:
            return None

    def _work(self, active: ActiveRun | FollowedRun) -> None:
        """One tick of work."""
        try:
            active.tick()
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            self._leave()  # a step may have been taken by halves
            self._emit(Failed(OUT_OF_MEMORY, "engine"))
            return
        if isinstance(active, FollowedRun) and active.over and not self._open_saved(active.name):
            active.give_up()

    def _dispatch(self, command: Command) -> None:
        match command:
            case Open(config):
                self._save_and_open(lambda: open_fresh(config, self._emit, self._clock))
            case OpenRun(name, changed_text):
                self._save_and_open(
                    lambda: open_saved(name, self._emit, self._clock, changed_text=changed_text)
                )
            case Close(save):
                self._closed = not save or self._save()
            case ListRuns() | RenameRun() | AnnotateRun() | DeleteRun() | Compare():
                self._manage_runs(command)
            case _ if isinstance(self._active, FollowedRun):
                self._follow(self._active, command)
            case _ if self._active is not None:
                self._train(self._active, command)
            case _:
                pass  # the run failed to open, and that was told: there is nothing to command

    def _train(self, active: ActiveRun, command: Command) -> None:
        """What a run of our own is told."""
        match command:
            case Train():
                active.train()
            case Pause():
                active.pause()
            case Step():
                active.step_once()
            case Stop():
                active.end()
            case Rollback():
                self._rollback(active)
            case SetLearningRate(learning_rate):
                active.set_learning_rate(learning_rate)
            case Sample(sample_id, prompt, sample_config):
                active.sample(sample_id, prompt, sample_config)
            case StopSample():
                active.stop_sample()
            case Measure():
                self._measure(active, command)
            case Save():
                active.save()

    def _follow(self, followed: FollowedRun, command: Command) -> None:
        """What a run that another program trains is told."""
        match command:
            case Sample(sample_id, prompt, sample_config):
                followed.sample(sample_id, prompt, sample_config)
            case StopSample():
                followed.stop_sample()
            case Measure():
                self._measure(followed, command)
            case _:
                followed.refuse()

    def _manage_runs(
        self, command: ListRuns | RenameRun | AnnotateRun | DeleteRun | Compare
    ) -> None:
        """What is asked of the saved runs; the open one may be among them."""
        from engine.storage import library

        active = self._active if isinstance(self._active, ActiveRun) else None
        try:
            match command:
                case ListRuns():
                    self._emit(RunsListed(tuple(library.summaries())))
                case RenameRun(run, name):
                    if active is not None and run == active.name:
                        active.rename(name)
                    else:
                        library.rename(run, name)
                    self._emit(RunChanged(run, name))
                case AnnotateRun(run, note):
                    if active is not None and run == active.name:
                        active.annotate(note)
                    else:
                        library.annotate(run, note)
                    self._emit(RunChanged(run, run))
                case DeleteRun(run):
                    library.delete(run)
                    self._emit(RunChanged(run, ""))
                case Compare(names):
                    self._emit(Compared(tuple(library.run_curve(name) for name in names)))
        except (ValueError, OSError) as error:
            self._emit(Failed(_sentence(error), "runs"))

    def _measure(self, beside: ActiveRun | FollowedRun, command: Measure) -> None:
        from engine.training.measuring import measure

        try:
            self._emit(measure(command.config, beside.context))
        except (ValueError, ArithmeticError) as error:
            self._emit(Failed(str(error), "measure"))
        except (MemoryError, RuntimeError) as error:
            self._emit(Failed(f"A step of that size cannot be taken here: {error}", "measure"))

    def _save(self) -> bool:
        """Whether all there is to save is saved; if not, that was told."""
        return not isinstance(self._active, ActiveRun) or self._active.save()

    def _save_and_open(self, opener: Callable[[], ActiveRun | FollowedRun | None]) -> None:
        """Open a run in place of the active one, which stays as it is if that fails."""
        if self._save():
            self._replace(opener)

    def _open_saved(self, name: str) -> bool:
        return self._replace(lambda: open_saved(name, self._emit, self._clock))

    def _rollback(self, active: ActiveRun) -> None:
        """Open the active run's last checkpoint in its place: what came after it is dropped."""
        if self._open_saved(active.name) and isinstance(self._active, ActiveRun):
            self._active.set_learning_rate(active.learning_rate / 2)
            self._active.train()

    def _replace(self, opener: Callable[[], ActiveRun | FollowedRun | None]) -> bool:
        """The run that `opener` opens takes the place of the active one, unless there is none,
        which is told."""
        try:
            opened = opener()
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not out_of_memory(error):
                raise
            self._emit(Busy(""))
            self._emit(Failed(_sentence(error), "open"))
            return False
        if opened is None:
            return False
        self._leave()
        self._active = opened
        opened.begin()
        return True

    def _leave(self) -> None:
        """Let the active run go as it stands."""
        if self._active is not None:
            self._active.stop_sample()
            self._active.close()
            self._active = None


def _sentence(error: Exception) -> str:
    """What went wrong, for the person."""
    if isinstance(error, MemoryError) or out_of_memory(error):
        return "This model is too large for the memory here: take a smaller preset or batch."
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or error}."
    return str(error)
