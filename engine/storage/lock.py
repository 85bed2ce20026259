"""A run has one writer at a time: a file lock, and a record of which process holds it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import filelock
import msgspec
from msgspec import Meta, Struct

from engine.launch import host
from engine.storage.atomic import replace_file

TIMEOUT = 0.2
"""Seconds to retry for: another program may hold the lock for a moment, just to test it."""

MAX_TIMESTAMP = 250e9
"""Seconds since the epoch (the year 9892): the largest that `time.localtime` takes everywhere."""


class Holder(Struct, frozen=True):
    """`holder.json`: the process that holds the lock."""

    pid: int
    since: Annotated[float, Meta(ge=0, le=MAX_TIMESTAMP)]  # seconds since the epoch
    host: str = ""  # where it runs: the folder may be on a shared file system; empty: here

    @property
    def is_here(self) -> bool:
        """Whether the process is, or was, on this machine."""
        return self.host in ("", host())

    def __str__(self) -> str:
        then, now = time.localtime(self.since), time.localtime()
        today = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
        since = time.strftime("%H:%M" if today else "%H:%M on %d %B", then)
        where = "" if self.is_here else f" on {self.host}"
        return f"process {self.pid}{where}, since {since}"


class RunLock:
    """Held by the process that writes a run. The system releases it when that process ends, even by
    a kill."""

    def __init__(self, folder: Path) -> None:
        self._holder = folder / "holder.json"
        self._path = folder / "lock"
        self._lock = filelock.FileLock(self._path, timeout=TIMEOUT)
        self._inode = 0

    def acquire(self) -> None:
        """ValueError, with a user-facing message, if another program holds it; OSError if it cannot
        be created."""
        try:
            self._lock.acquire(poll_interval=TIMEOUT / 10)
        except filelock.Timeout:
            name, holder = self._holder.parent.name, self.holder()
            who = f" ({holder})" if holder else ""
            raise ValueError(f"The run {name!r} is open in another program{who}.") from None
        self._inode = self._path.stat().st_ino
        holder = Holder(os.getpid(), time.time(), host())
        replace_file(self._holder, [msgspec.json.encode(holder)])

    def release(self) -> None:
        """Let other programs write the run."""
        self._lock.release()

    def is_in(self, folder: Path) -> bool:
        """Whether the acquired lock file is still the one in this folder: the run may have been moved
        or deleted meanwhile."""
        try:
            return (folder / "lock").stat().st_ino == self._inode
        except OSError:
            return False

    def held_elsewhere(self) -> str:
        """A description of the other program that holds it; empty if none does."""
        if not self._path.exists():
            return ""
        try:
            with self._lock.acquire(blocking=False):
                return ""
        except filelock.Timeout:
            holder = self.holder()
        except OSError:  # a read-only folder
            return ""
        if holder is None:
            return "an unknown process"
        return "" if holder.is_here and holder.pid == os.getpid() else str(holder)

    def holder(self) -> Holder | None:
        """The process that acquired it last, which may have released it since."""
        try:
            return msgspec.json.decode(self._holder.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError, RecursionError):
            return None


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Hold the lock of a run's folder. ValueError, with a user-facing message, if another program
    holds it."""
    lock = RunLock(folder)
    lock.acquire()
    try:
        yield folder
    finally:
        lock.release()
