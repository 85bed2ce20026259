"""`metrics.jsonl`: a run's history, one event a line, written on while it trains."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from engine.files import replace_file
from engine.protocol import RECORDED, Event, Recorded, from_json, to_json

FILE = "metrics.jsonl"


class History:
    """The history of a run that is being written. Until `open` it is kept in memory."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._waiting = [_line(event) for event in events]
        self._file: BinaryIO | None = None
        self._good = 0  # bytes of the file that are whole lines

    def open(self, folder: Path) -> None:
        """Write it as it stands, and from here on to its end. What the file held beyond, of steps
        after the checkpoint, is gone: those steps are taken again."""
        content = b"".join(self._waiting)
        replace_file(folder / FILE, content)
        self._file = (folder / FILE).open("ab", buffering=0)
        self._good = len(content)
        self._waiting.clear()

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


def read_history(folder: Path, step: int | None = None) -> list[Event]:
    """The recorded events, up to a step: a later one belongs to a checkpoint that was lost. A line
    that cannot be read (the last may be cut) is left out."""
    events = _events_of((folder / FILE).read_bytes())
    return [event for event in events if step is None or event.step <= step]


class HistoryReader:
    """Reads a history while another program writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0  # bytes: whole lines
        self._inode = 0

    def new_events(self) -> list[Event] | None:
        """What has come since the last time; None where it was begun anew meanwhile. OSError where
        there is none."""
        with (self.folder / FILE).open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if self._inode not in (0, inode):
                return None
            self._inode = inode
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return [*_events_of(whole)]


def _events_of(content: bytes) -> list[Recorded]:
    """The events of all lines that can be read."""
    events: list[Recorded] = []
    for line in content.splitlines():
        try:
            event = from_json(line)
        except ValueError:
            continue
        if isinstance(event, RECORDED):
            events.append(event)
    return events


def _line(event: Event) -> bytes:
    return to_json(event).encode() + b"\n"
