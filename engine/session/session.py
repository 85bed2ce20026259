"""The engine's loop: takes commands, does one tick of work, emits events. No thread in it.

Commands are carried out between two ticks (a slice of a training step or of an evaluation, with a
slice of sampling after it), so a pause waits for a micro-batch at most.
"""

import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING

from msgspec.structs import replace

from data.catalog import DownloadNeededError
from engine.config import RunConfig
from engine.launch import RankLostError
from engine.memory import is_out_of_memory
from engine.protocol import (
    INSIGHT_COMMANDS,
    Activity,
    Busy,
    CancelDownload,
    Close,
    Command,
    ConfirmationRequired,
    DownloadText,
    Event,
    ExportRun,
    Failed,
    Fork,
    GatherReport,
    ImportRun,
    Measure,
    Open,
    Opening,
    OpenRace,
    OpenRun,
    OpenSavedRace,
    PackRun,
    Pause,
    Rollback,
    Sample,
    Save,
    SetExcerptPrompt,
    SetLearningRate,
    Step,
    Stop,
    StopSample,
    Teach,
    Train,
    UnpackRun,
)
from engine.session.downloader import INTERVAL, Downloader
from engine.session.exporter import Exporter
from engine.session.followed_run import FollowedRun
from engine.session.inbox import Inbox
from engine.session.opened_run import Clock, Emit, OpenedRun
from engine.session.opening import How, opened
from engine.session.saved_runs import MANAGING, manage, message_of
from engine.session.text_loading import StoppedError

if TYPE_CHECKING:  # imports torch, which is loaded with the first run
    from engine.session.context import RunContext

OUT_OF_MEMORY = (
    "The memory ran out. Space opens the run as it was saved last; "
    "a smaller batch, context or preset needs less."
)

ONLY_FOLLOWED = "Here the run is only followed: nothing is trained or changed."
WHILE_FOLLOWING = (Close, OpenRun, Sample, StopSample, *INSIGHT_COMMANDS)
"""The commands of a session that only follows."""

WHILE_DOWNLOADING = (Close, CancelDownload, Open, OpenRun)
"""The commands that do not wait for the run that is opened after a download."""

PLAIN: dict[type[Command], Callable[[OpenedRun], None]] = {
    Pause: lambda run: run.pause(),
    Step: lambda run: run.step_once(),
    Stop: lambda run: run.end(),
    Save: lambda run: run.save(),
    StopSample: lambda run: run.stop_sample(),
}
"""Commands to the open run that carry nothing."""


class Session:
    """Holds at most one open run, and carries out commands on it and on the saved runs."""

    def __init__(
        self,
        emit: Emit,
        *,
        clock: Clock = time.perf_counter,
        gate: Callable[[], None] = lambda: None,
        saving: bool = True,
        follows: bool = False,
    ) -> None:
        """`gate` is called before each tick (tests block in it). `saving`: whether runs that are
        trained are saved. `follows`: whether a run is never trained or changed, only followed, and
        after it those that other programs train next."""
        self._emit = emit
        self._clock = clock
        self._gate = gate
        self._saving = saving
        self._follows = follows
        self._closed = False
        self._run: OpenedRun | None = None
        self._inbox = Inbox(SimpleQueue())
        self._exporter = Exporter(emit, clock)
        self._downloader = Downloader(emit, clock)

    def run(self, inbox: SimpleQueue[Command]) -> None:
        """Work until Close; sleep on the inbox while there is nothing to do."""
        self._inbox = Inbox(inbox)
        try:
            while not self._closed:
                command = self._next()
                if command is not None:
                    self._dispatch(command)
                    continue
                self._gate()
                if self._run is not None:
                    self._work(self._run)
                self._exporter.work()
                for waiting in self._downloader.work():
                    self._dispatch(waiting)
        finally:
            self._exporter.close()
            self._downloader.close()
            if self._run is not None:
                self._run.close()

    def _next(self) -> Command | None:
        """The next command; None if a tick is due before one comes."""
        timeout = self._run.timeout if self._run is not None else None
        if self._exporter.active:
            timeout = 0.0
        elif self._downloader.active:
            timeout = min(INTERVAL, INTERVAL if timeout is None else timeout)
        return self._inbox.next(timeout)

    def _dispatch(self, command: Command) -> None:
        """Carry out a command. One that needs an open run does nothing if there is none: that it
        could not be opened has been reported."""
        run = self._run
        if run is None and self._downloader.opens and not isinstance(command, WHILE_DOWNLOADING):
            self._downloader.add(command)
            return
        match command:
            case _ if self._follows and not isinstance(command, WHILE_FOLLOWING):
                self._emit(Failed(ONLY_FOLLOWED, "open"))
            case OpenRun() | Open() | Fork() | OpenRace() | OpenSavedRace():
                if run is None or run.try_save():
                    self._open(command)
            case DownloadText():
                self._downloader.start(command)
            case CancelDownload():
                self._downloader.cancel()
            case Close(save):
                self._closed = not save or run is None or run.try_save()
            case _ if isinstance(command, MANAGING):
                self._emit(manage(command, run))
            case ExportRun(run=name) | PackRun(run=name):
                self._export(command, name)
            case GatherReport(names):
                self._export(command, *names)
            case UnpackRun() | ImportRun():
                self._exporter.start(command)
            case Measure(config, characters) if run:
                self._measure(config, characters, run.context)
            case Train(steps, minutes) if run:
                run.train(steps, minutes)
            case Pause() | Step() | Stop() | Save() | StopSample() if run:
                PLAIN[type(command)](run)
            case Rollback() if run:
                run.roll_back(lambda: self._reopen(run.name))
            case SetLearningRate(learning_rate) if run:
                run.set_learning_rate(learning_rate)
            case Teach() if run:
                self._try("teach", lambda: run.teach(command))
            case Sample(sample_id, prompt, sample_config, step) if run:
                self._try("sample", lambda: run.sample(sample_id, prompt, sample_config, step))
            case SetExcerptPrompt(prompt) if run:
                self._try("sample", lambda: run.set_excerpt_prompt(prompt))
            case _ if run and isinstance(command, INSIGHT_COMMANDS):
                run.inspect(command)

    def _work(self, run: OpenedRun) -> None:
        """One tick."""
        try:
            run.tick()
        except RankLostError as error:  # the weights are those of the last whole step
            self._emit(Failed(str(error), "engine"))
            return
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            self._leave()  # a step may have been taken in part
            self._emit(Failed(OUT_OF_MEMORY, "engine"))
            return
        if isinstance(run, FollowedRun) and run.released and self._reopen(run.name) is None:
            run.give_up()

    # Opening.

    def _reopen(self, name: str) -> OpenedRun | None:
        """Replace the open run, as it stands, by the saved one of this name."""
        return self._open(OpenRun(name))

    def _open(self, command: Opening | OpenRun | OpenSavedRace) -> OpenedRun | None:
        """Replace the open run by the one that the command opens. If that fails, or has to wait for
        a download, the open run stays, that is reported, and None is returned."""
        try:
            how = How(saving=self._saving, interrupted=self._inbox.asks_to_end)
            run = opened(command, self._emit, self._clock, how, follows=self._follows)
        except StoppedError:
            self._emit(Busy(""))
            if not self._inbox.skip_to_close():  # the others were about that run
                self._emit(Failed("Stopped before the text was read.", "open"))
            return None
        except DownloadNeededError as needed:
            assert isinstance(command, Opening), "what is saved has its text"
            self._emit(Busy(""))
            self._download(command, needed)
            return None
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise
            self._emit(Busy(""))
            self._emit(Failed(message_of(error), "open"))
            return None
        if run is not None:
            self._leave()
            self._run = run
            run.begin()
        return run

    def _download(self, command: Opening, needed: DownloadNeededError) -> None:
        """Download the text that a command needs, and carry it out then; unless the user has still
        to be asked."""
        if command.download:
            wanted = DownloadText(needed.address, needed.limit_mb)
            self._downloader.start(wanted, replace(command, download=False))
        else:
            self._emit(ConfirmationRequired(needed.question, replace(command, download=True)))

    def _leave(self) -> None:
        """Close the open run without saving."""
        if self._run is not None:
            self._run.stop_sample()
            self._run.close()
            self._run = None

    # Exports, samples and costs.

    def _export(self, command: ExportRun | PackRun | GatherReport, *wanted: str) -> None:
        """Export, pack or report saved runs; the open one as it is now."""
        run, names = self._run, [name.rpartition(":")[2].partition("@")[0] for name in wanted]
        is_open = run and any(name == run.name or run.find(name) for name in names)
        if not is_open or run is None or run.try_save():
            self._exporter.start(command)

    def _try(self, activity: Activity, act: Callable[[], None]) -> None:
        try:
            act()
        except ValueError as error:
            self._emit(Failed(str(error), activity))

    def _measure(self, config: RunConfig, characters: int, context: "RunContext") -> None:
        from engine.training.cost import measure  # imports torch, loaded with the first run

        try:
            event: Event = measure(
                config, config.model.vocabulary_of(characters), context.hardware, context.workers
            )
        except (ValueError, ArithmeticError) as error:
            event = Failed(str(error), "measure")
        except (MemoryError, RuntimeError) as error:
            event = Failed(f"A step of that size cannot be taken here: {error}", "measure")
        self._emit(event)
