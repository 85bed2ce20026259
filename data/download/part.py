"""The part of a file that has come so far, kept so that a later program can go on from there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from data.atomic import replace_file
from data.download.connection import Answer, ChangedThereError

SYNC_BYTES = 8_000_000
"""After so many bytes, the disk is made to hold them: more than that is not fetched again."""
_STATE_LIMIT = 1 << 16


class _State(Struct, frozen=True, forbid_unknown_fields=True):
    """`part.json`."""

    url: str  # after redirects
    validator: str
    length: int  # of the whole; -1: not known
    charset: str
    compressed: bool
    received: int = 0  # bytes that the disk is known to hold


_NOTHING = _State("", "", -1, "", compressed=False)


class Part:
    """A file that grows. Use it in a `with`; what it holds at the end stays for the next one."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "part"
        self._state_path = folder / "part.json"
        self.state = _NOTHING
        self.received = 0
        self._synced = 0
        self._file: BinaryIO

    def __enter__(self) -> "Part":
        self._file = self.path.open("ab+")
        with suppress(OSError, ValueError, RecursionError), self._state_path.open("rb") as file:
            self.state = msgspec.json.decode(file.read(_STATE_LIMIT), type=_State)
        held = os.fstat(self._file.fileno()).st_size
        if self.state.validator and 0 <= self.state.received <= held:
            self._truncate(self.state.received)
        else:
            self.reset()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.received:
                self.sync()
        finally:
            self._file.close()
            if not self.received:
                self.path.unlink(missing_ok=True)

    @property
    def complete(self) -> bool:
        """Whether all of it has come, as far as its length tells."""
        return self.received == self.state.length

    def begin(self, answer: Answer) -> None:
        """Take the answer to a request for the rest, or for all. ChangedThereError for one that does
        not fit what is here."""
        if answer.start:
            state = self.state
            fits = answer.start == self.received and answer.length in (-1, state.length)
            if not fits or (answer.validator and answer.validator != state.validator):
                raise ChangedThereError("The text has changed there in the meantime.")
            return
        self._truncate(0)
        self.state = _State(
            answer.url, answer.validator, answer.length, answer.charset, answer.compressed
        )
        self.sync()

    def write(self, chunk: bytes) -> None:
        """Add bytes. OSError."""
        self._file.write(chunk)
        self.received += len(chunk)
        if self.received - self._synced >= SYNC_BYTES:
            self.sync()

    def sync(self) -> None:
        """Have the disk hold what has come. OSError."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = self.received
        self.state = msgspec.structs.replace(self.state, received=self.received)
        replace_file(self._state_path, [msgspec.json.encode(self.state)])

    def reset(self) -> None:
        """Forget what has come. OSError."""
        self._truncate(0)
        self.state = _NOTHING
        self._state_path.unlink(missing_ok=True)

    def _truncate(self, size: int) -> None:
        self._file.truncate(size)
        self._file.seek(size)
        self.received = self._synced = size
