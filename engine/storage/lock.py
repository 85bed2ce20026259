"""One writer for each run: who holds it, and since when."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import filelock
import msgspec
from msgspec import Meta, Struct

from engine.storage.atomic import replace_file

PATIENCE = 0.2
"""Seconds in which it is tried again: another program may just look whether it is held."""

LAST_SECOND = 250e9
"""Seconds since the epoch: the year 9892. A file may hold a number that is no time."""


class Holder(Struct, frozen=True):
    """Who holds a run."""

    pid: int
    since: Annotated[float, Meta(ge=0, le=LAST_SECOND)]  # seconds since the epoch

    def __str__(self) -> str:
        then, now = time.localtime(self.since), time.localtime()
        today = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
        since = time.strftime("%H:%M" if today else "%H:%M on %d %B", then)
        return f"process {self.pid}, since {since}"


class RunLock:
    """Held by the process that writes a run; it goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._holder = folder / "holder.json"
        self._path = folder / "lock"
        self._lock = filelock.FileLock(self._path, timeout=PATIENCE)
        self._inode = 0

    def take(self) -> None:
        """ValueError, in a sentence, when another holds it; OSError where none can be made."""
        try:
            self._lock.acquire(poll_interval=PATIENCE / 10)
        except filelock.Timeout:
            name, holder = self._holder.parent.name, self._read_holder()
            who = f" ({holder})" if holder else ""
            raise ValueError(f"The run {name!r} is open in another program{who}.") from None
        self._inode = self._path.stat().st_ino
        holder = Holder(os.getpid(), time.time())
        replace_file(self._holder, [msgspec.json.encode(holder)])

    def release(self) -> None:
        """Let others write."""
        self._lock.release()

    def is_in(self, folder: Path) -> bool:
        """Whether what was taken is the lock of this folder still: someone may have moved or deleted
        it."""
        try:
            return (folder / "lock").stat().st_ino == self._inode
        except OSError:
            return False

    def held_elsewhere(self) -> str:
        """Which other program holds it, in words, or nothing."""
        if not self._path.exists():
            return ""
        try:
            with self._lock.acquire(blocking=False):
                return ""
        except filelock.Timeout:
            holder = self._read_holder()
        except OSError:  # a folder where nothing can be written
            return ""
        if holder is None:
            return "which did not leave its number"
        return "" if holder.pid == os.getpid() else str(holder)

    def _read_holder(self) -> Holder | None:
        try:
            return msgspec.json.decode(self._holder.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError, RecursionError):
            return None


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """A run's folder, in which no other program writes meanwhile. ValueError, in a sentence, when
    one does now."""
    lock = RunLock(folder)
    lock.take()
    try:
        yield folder
    finally:
        lock.release()
