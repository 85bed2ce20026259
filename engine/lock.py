"""One writer for each run: who holds it, and since when."""

import os
import time
from pathlib import Path

import filelock
import msgspec
from msgspec import Struct

from engine.files import replace_file


class Holder(Struct, frozen=True):
    """Who holds a run."""

    pid: int
    since: float  # seconds since the epoch


class RunLock:
    """Held by the process that writes a run; it goes with the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._holder = folder / "holder.json"
        self._lock = filelock.FileLock(folder / "lock", blocking=False)

    def take(self) -> None:
        """ValueError, in a sentence, when another holds it; OSError where none can be made."""
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise ValueError(self._sentence()) from None
        holder = Holder(os.getpid(), time.time())
        replace_file(self._holder, msgspec.json.encode(holder))

    def release(self) -> None:
        """Let others write."""
        self._lock.release()

    def _sentence(self) -> str:
        name = self._holder.parent.name
        try:
            holder = msgspec.json.decode(self._holder.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return f"The run {name!r} is open in another program."
        since = time.strftime("%H:%M on %d %B", time.localtime(holder.since))
        return f"The run {name!r} is open in another program (process {holder.pid}, since {since})."
