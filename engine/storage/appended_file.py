"""A file that grows by whole records, whatever fails in between."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK = 1 << 20
"""Bytes read at a time."""


class AppendedFile:
    """Appends records to a file. They wait in memory until it is open, and where it cannot be
    written."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._file: BinaryIO | None = None
        self._complete = 0  # bytes of the file that are complete records

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    def open(self, path: Path) -> None:
        """Append to this file from now on, which is created if there is none. OSError."""
        file = path.open("a+b", buffering=0)
        self.close()
        self._file, self._complete = file, file.seek(0, os.SEEK_END)

    def content(self) -> Iterator[bytes]:
        """What is in the file, block by block. OSError."""
        file = self._file
        assert file is not None, "it has been opened"
        file.seek(0)
        return iter(lambda: file.read(BLOCK), b"")

    def add(self, record: bytes) -> None:
        """Have a record written by the next `flush`."""
        self._pending.append(record)

    def flush(self) -> None:
        """Write the pending records; they survive a crash of this program, but not yet a power
        failure. OSError leaves whole records in the file, and the pending ones for the next
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
        """Flush and fsync: what was added survives a power failure. OSError as from `flush`."""
        self.flush()
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
