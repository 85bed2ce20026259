"""`metrics.jsonl`: a run's history, one event per line, appended to while it trains.

It may have millions of lines: it is read as a stream, and only unwritten events are in memory.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import BinaryIO, NamedTuple

from engine.protocol import RECORDED, Evaluated, Event, Recorded, from_json, to_json
from engine.storage.appended_file import AppendedFile
from engine.storage.atomic import replace_file

FILE = "metrics.jsonl"
MAX_LINE = 1 << 24
"""Bytes of a line from an untrusted source, at most: a sample has a million characters."""

EVALUATED_WITHIN = (1 << 16, 1 << 22)
"""Bytes of the end of a history in which its newest evaluation is sought: most have it in the first
of these."""
_EVALUATED = b'{"type":"Evaluated"'


class Origin(NamedTuple):
    """Where the history of a forked run comes from."""

    folder: Path
    step: int  # the last one


class History:
    """The history of a run that is being trained. Until `open` it is only in memory."""

    def __init__(self, step: int | None = None, origin: Origin | None = None) -> None:
        """`step` is that of the checkpoint from which a saved run continues; None: a new run, which
        may have an origin."""
        self._step = step
        self._origin = origin
        self._file = AppendedFile()

    def open(self, folder: Path) -> None:
        """Open the file in a run's folder for appending. Lines of steps after the checkpoint are
        removed: those steps will be taken again. If a file is open already, its content is copied.
        OSError if it cannot be written."""
        path = folder / FILE
        if self._file.is_open:
            replace_file(path, self._file.content())
        elif self._step is None:
            replace_file(path, map(_line, read_history(*self._origin) if self._origin else ()))
        elif not _ends_with(path, self._step):
            replace_file(path, map(_line, read_history(folder, self._step)))
        self._file.open(path)

    def record(self, event: Event) -> None:
        """Add an event, if it is of a recorded kind."""
        if isinstance(event, RECORDED):
            self._file.add(_line(event))

    def flush(self) -> None:
        """Write the pending lines to the file, as `AppendedFile.flush`."""
        self._file.flush()

    def sync(self) -> None:
        """Flush and fsync, as `AppendedFile.sync`."""
        self._file.sync()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_history(folder: Path, step: int | None = None) -> Iterator[Recorded]:
    """The recorded events, up to and including a step: later ones belong to a checkpoint that was
    lost. Unreadable lines are skipped (the last one may be incomplete). There are none without a
    file: a run may have been interrupted before it was created. OSError."""
    try:
        file = (folder / FILE).open("rb")
    except FileNotFoundError:
        return
    with file:
        for event in map(_event, file):
            if event is not None and (step is None or event.step <= step):
                yield event


def newest_evaluation(folder: Path) -> Evaluated | None:
    """The last evaluation with a loss that is a number, without reading all of the history; None
    where there is none near its end. OSError."""
    try:
        file = (folder / FILE).open("rb")
    except FileNotFoundError:
        return None
    with file:
        size = file.seek(0, os.SEEK_END)
        for reach in EVALUATED_WITHIN:
            file.seek(max(0, size - reach))
            for line in reversed(file.read(reach).split(b"\n")):  # the first may be incomplete
                event = _event(line) if line.startswith(_EVALUATED) else None
                if isinstance(event, Evaluated) and isfinite(event.loss):
                    return event
            if reach >= size:
                break
    return None


def history_lines(folder: Path, step: int) -> Iterator[bytes]:
    """The lines of the recorded events up to a step, as they are in the file. OSError."""
    return map(_line, read_history(folder, step))


def check_history(folder: Path) -> Iterator[None]:
    """Check that every line of a history is a recorded event, and yield after each. ValueError, with
    a user-facing message; no more than `MAX_LINE` bytes of it are in memory."""
    with (folder / FILE).open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            if not line.endswith(b"\n") or _event(line) is None:
                raise ValueError(f"Line {number:,} of {FILE} is not readable.")
            yield


class HistoryReader:
    """Reads a history while another program appends to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0  # bytes, of complete lines
        self._inode = 0
        with suppress(OSError):
            self._inode = (folder / FILE).stat().st_ino

    def new_events(self) -> Iterator[Recorded] | None:
        """The events since the last call; None if the file has been replaced meanwhile. OSError if
        there is no file."""
        file = (self.folder / FILE).open("rb")
        inode = os.fstat(file.fileno()).st_ino
        if self._inode not in (0, inode):
            file.close()
            return None
        self._inode = inode
        return self._rest(file)

    def name_now(self) -> str | None:
        """The present name of the run, which may have been renamed; None if it is gone."""
        for path in self.folder.parent.glob(f"[!.]*/{FILE}"):
            with suppress(OSError):
                if path.stat().st_ino == self._inode:
                    return path.parent.name
        return None

    def _rest(self, file: BinaryIO) -> Iterator[Recorded]:
        with file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):  # still being written
                    return
                self._read += len(line)
                event = _event(line)
                if event is not None:
                    yield event


def _ends_with(path: Path, step: int) -> bool:
    """Whether a history holds only complete lines of events up to this step."""
    try:
        with path.open("rb") as file:
            return all(
                line.endswith(b"\n") and (event := _event(line)) is not None and event.step <= step
                for line in file
            )
    except FileNotFoundError:
        return False


def _event(line: bytes) -> Recorded | None:
    """The event of a line, if it is readable and of a recorded kind."""
    try:
        event = from_json(line)
    except ValueError:
        return None
    return event if isinstance(event, RECORDED) else None


def _line(event: Event) -> bytes:
    return to_json(event).encode() + b"\n"
