"""`metrics.jsonl`: a run's history, one event per line, appended to while it trains.

It may have millions of lines: it is read as a stream, and only unwritten events are in memory.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from engine.protocol import RECORDED, Event, Recorded, from_json, to_json
from engine.storage.atomic import replace_file

FILE = "metrics.jsonl"
BLOCK = 1 << 20
"""Bytes copied at a time."""


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
        self._pending: list[bytes] = []
        self._file: BinaryIO | None = None
        self._complete = 0  # bytes of the file that are complete lines

    def open(self, folder: Path) -> None:
        """Open the file in a run's folder for appending. Lines of steps after the checkpoint are
        removed: those steps will be taken again. If a file is open already, its content is copied.
        OSError if it cannot be written."""
        path, previous = folder / FILE, self._file
        if previous is not None:
            previous.seek(0)
            replace_file(path, iter(lambda: previous.read(BLOCK), b""))
        elif self._step is None:
            replace_file(path, map(_line, read_history(*self._origin) if self._origin else ()))
        elif not _ends_with(path, self._step):
            replace_file(path, map(_line, read_history(folder, self._step)))
        self._file = path.open("a+b", buffering=0)
        self._complete = self._file.seek(0, os.SEEK_END)
        if previous is not None:
            previous.close()

    def record(self, event: Event) -> None:
        """Add an event, if it is of a recorded kind."""
        if isinstance(event, RECORDED):
            self._pending.append(_line(event))

    def flush(self) -> None:
        """Write the pending lines to the file; they survive a crash of this program, but not yet a
        power failure. OSError leaves complete lines in the file, and the pending ones for the next
        attempt."""
        if self._file is None or not self._pending:
            return
        content = memoryview(b"".join(self._pending))
        written = 0
        try:
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError:
            self._file.truncate(self._complete)
            raise
        self._complete += written
        self._pending.clear()

    def sync(self) -> None:
        """Flush and fsync: what was recorded survives a power failure. OSError as from `flush`."""
        self.flush()
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


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
