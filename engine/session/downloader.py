"""Downloads texts in a thread of its own: a server that is slow to answer holds nothing up."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event as Flag
from threading import Thread

from data.download.copies import Copy
from data.download.progress import Control, Progress
from engine.protocol import Command, DownloadEnded, Downloading, DownloadText, Failed, Opening
from engine.session.opened_run import Clock, Emit

INTERVAL = 0.1
"""Seconds between two reports, and at most between two looks at the thread."""


class Downloader:
    """One download at a time, and the commands that wait for it."""

    def __init__(self, emit: Emit, clock: Clock) -> None:
        self._emit = emit
        self._clock = clock
        self._command: DownloadText | None = None
        self._waiting: list[Command] = []
        self._work: Future[Copy] = Future()
        self._stop = Flag()
        self._progress: Progress | None = None
        self._reported_at = 0.0

    @property
    def active(self) -> bool:
        """Whether a download is in progress."""
        return self._command is not None

    @property
    def opens(self) -> bool:
        """Whether a run is to be opened on the text in progress."""
        return bool(self._waiting)

    def add(self, command: Command) -> None:
        """Have a command wait, too."""
        self._waiting.append(command)

    def start(self, command: DownloadText, then: Opening | None = None) -> None:
        """Start a download, unless one is in progress, which is reported. `then`: what opens a run
        on it."""
        if self.active:
            reason = "A text is being downloaded already: wait for that, or cancel it."
            self._emit(Failed(reason, "open"))
            return
        self._command, self._waiting = command, [then] if then else []
        self._work, self._stop, self._progress = Future(), Flag(), None
        self._emit(Downloading(command.text, "", 0, -1))
        work = _work_of(command, Control(self._report, self._stop), self._work)
        # A daemon: the end of the program does not wait for a server.
        Thread(target=work, name="download", daemon=True).start()

    def work(self) -> list[Command]:
        """Report how far the download is, or what came of it: then what has waited for it."""
        command, progress = self._command, self._progress
        if command is None:
            return []
        if self._work.done():
            return self._end(command)
        if progress is not None and self._clock() >= self._reported_at + INTERVAL:
            self._reported_at = self._clock()
            self._progress = None
            self._emit(Downloading(command.text, *progress))
        return []

    def cancel(self) -> None:
        """Cancel the download in progress, and report that."""
        if self._command is not None:
            self._stop.set()
            self._fail(
                self._command,
                "The download was cancelled. If the server allows it, the next one goes on from there.",
            )

    def close(self) -> None:
        """Give up the download in progress. What has come of it is kept for the next one."""
        self._stop.set()

    def _report(self, progress: Progress) -> None:
        self._progress = progress  # in the thread of the download

    def _end(self, command: DownloadText) -> list[Command]:
        try:
            self._work.result()
        except ValueError as error:
            self._fail(command, str(error))
        except OSError as error:
            where = error.filename or "The disk"
            self._fail(command, f"The text cannot be kept: {where}: {error.strerror}.")
        else:
            self._command = None
            self._emit(DownloadEnded(command.text, complete=True))
        waiting, self._waiting = self._waiting, []
        return waiting

    def _fail(self, command: DownloadText, reason: str) -> None:
        self._command, self._waiting = None, []
        self._emit(DownloadEnded(command.text, complete=False))
        self._emit(Failed(reason, "open"))


def _work_of(command: DownloadText, control: Control, result: Future[Copy]) -> Callable[[], None]:
    """What the thread of a download does."""

    def work() -> None:
        from data.download.downloading import download  # brings an HTTP client

        try:
            found = download(command.text, command.limit_mb, control, again=command.again)
        # The top of the thread: it is raised where the result is taken.
        except BaseException as error:  # noqa: BLE001
            result.set_exception(error)
        else:
            result.set_result(found)

    return work
