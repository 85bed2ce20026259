"""`metrics.jsonl`: a run's history, one event a line, written on while it trains."""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from engine.files import replace_file
from engine.protocol import RECORDED, Event, from_json, to_json

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

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_history(folder: Path, step: int) -> list[Event]:
    """The recorded events up to a step: a later one belongs to a checkpoint that was lost. A line
    that cannot be read (the last may be cut) is left out."""
    events: list[Event] = []
    for line in (folder / FILE).read_bytes().splitlines():
        try:
            event = from_json(line)
        except ValueError:
            continue
        if isinstance(event, RECORDED) and event.step <= step:
            events.append(event)
    return events


def _line(event: Event) -> bytes:
    return to_json(event).encode() + b"\n"
