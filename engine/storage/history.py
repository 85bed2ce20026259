"""`metrics.jsonl`: a run's history, one event a line, written on while it trains.

It may have millions of lines: it is read as a stream, and only what is not yet written is in
memory.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from engine.protocol import RECORDED, Event, Recorded, from_json, to_json
from engine.storage.atomic import replace_file

FILE = "metrics.jsonl"
BLOCK = 1 << 20
"""Bytes that are copied at once."""


class History:
    """The history of a run that is being written. Until `open` it is kept in memory."""

    def __init__(self, step: int | None = None) -> None:
        """`step`: of the checkpoint that a saved run goes on from."""
        self._step = step
        self._waiting: list[bytes] = []
        self._file: BinaryIO | None = None
        self._good = 0  # bytes of the file that are whole lines

    def open(self, folder: Path) -> None:
        """Write on from here. What the file holds of steps after the checkpoint goes: those steps
        are taken again. A history that is open already is copied. OSError where it cannot be
        written."""
        path, before = folder / FILE, self._file
        if before is not None:
            before.seek(0)
            replace_file(path, iter(lambda: before.read(BLOCK), b""))
        elif self._step is None:
            replace_file(path, [])
        elif not _ends_with(path, self._step):
            replace_file(path, map(_line, read_history(folder, self._step)))
        self._file = path.open("a+b", buffering=0)
        self._good = self._file.seek(0, os.SEEK_END)
        if before is not None:
            before.close()

    def record(self, event: Event) -> None:
        """Keep an event, if it is one for the record."""
        if isinstance(event, RECORDED):
            self._waiting.append(_line(event))

    def flush(self) -> None:
        """Hand what has been recorded to the system: it outlives this program then. OSError leaves
        whole lines in the file, and the rest for the next time."""
        if self._file is None or not self._waiting:
            return
        content = memoryview(b"".join(self._waiting))
        written = 0
        try:
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError:
            self._file.truncate(self._good)
            raise
        self._good += written
        self._waiting.clear()

    def save(self) -> None:
        """Force all that has been recorded to the disk. OSError as in `flush`."""
        self.flush()
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_history(folder: Path, step: int | None = None) -> Iterator[Recorded]:
    """The recorded events, up to a step: a later one belongs to a checkpoint that was lost. A line
    that cannot be read (the last may be cut) is left out. None where there is no history: a run
    may have been stopped before its first line."""
    try:
        file = (folder / FILE).open("rb")
    except FileNotFoundError:
        return
    with file:
        for event in map(_event, file):
            if event is not None and (step is None or event.step <= step):
                yield event


class HistoryReader:
    """Reads a history while another program writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0  # bytes: whole lines
        self._inode = 0
        with suppress(OSError):
            self._inode = (folder / FILE).stat().st_ino

    def new_events(self) -> Iterator[Recorded] | None:
        """What has come since the last time; None where it was begun anew meanwhile. OSError where
        there is none."""
        file = (self.folder / FILE).open("rb")
        inode = os.fstat(file.fileno()).st_ino
        if self._inode not in (0, inode):
            file.close()
            return None
        self._inode = inode
        return self._rest(file)

    def name_now(self) -> str | None:
        """The name of the run whose history it has become; None where it is gone."""
        for path in self.folder.parent.glob(f"[!.]*/{FILE}"):
            with suppress(OSError):
                if path.stat().st_ino == self._inode:
                    return path.parent.name
        return None

    def _rest(self, file: BinaryIO) -> Iterator[Recorded]:
        with file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):  # it is just being written
                    return
                self._read += len(line)
                event = _event(line)
                if event is not None:
                    yield event


def _ends_with(path: Path, step: int) -> bool:
    """Whether a history holds nothing but whole lines of events up to this step."""
    try:
        with path.open("rb") as file:
            return all(
                line.endswith(b"\n") and (event := _event(line)) is not None and event.step <= step
                for line in file
            )
    except FileNotFoundError:
        return False


def _event(line: bytes) -> Recorded | None:
    """The event of a line, if it can be read and is one for the record."""
    try:
        event = from_json(line)
    except ValueError:
        return None
    return event if isinstance(event, RECORDED) else None


def _line(event: Event) -> bytes:
    return to_json(event).encode() + b"\n"
