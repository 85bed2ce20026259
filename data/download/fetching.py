"""Downloads a file over HTTP: goes on where it was cut, and takes no more than was agreed to."""

import gzip
import hashlib
import os
import shutil
import time
import zlib
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from data.download.address import host_of
from data.download.connection import (
    Answer,
    ChangedThereError,
    InterruptedDownloadError,
    chunks,
    request,
)
from data.download.copies import Copy, copy_of, folder_of, keep, renew
from data.download.part import Part
from data.download.progress import Control, Progress, megabytes

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try."""
MAX_WAIT = 60.0
"""Seconds that a server may ask to wait."""
ENOUGH = 1_000_000
"""Bytes after which a try counts as a success: the pauses begin again."""
SLOW_SECONDS, SLOW_BYTES = 30.0, 30_000
"""A connection that brings less than so much in this time counts as cut."""
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


class Wanted(Struct, frozen=True):
    """A file to download."""

    address: str  # as the user gave it, by which the copy is found
    url: str
    limit: int  # bytes, compressed or not
    sha256: str = ""  # of its bytes; empty: not known


def fetch(wanted: Wanted, control: Control, *, again: bool = False) -> Copy:
    """Download a file, or the rest of it. `again`: even if there is a copy, unless that is still
    the newest version.

    ValueError, with a user-facing message, if that is not possible; OSError. What there was before
    stays, and what has come is kept for the next try, unless it is known to be wrong.
    """
    known = copy_of(wanted.address) if again else None
    folder = folder_of(wanted.address)
    with Part(folder) as part:
        if not part.complete:
            answer = _complete(part, wanted, known, control)
            if answer.unchanged and known is not None:
                return renew(known)
        part.sync()
    state = part.state
    try:
        finished = _expanded(part.path, state.compressed, wanted)
        with finished.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if wanted.sha256 not in ("", digest):
            raise ValueError(
                f"What came from {host_of(state.url)} is another text than expected (its sha256 is "
                f"{digest[:12]}…, not {wanted.sha256[:12]}…): it was thrown away."
            )
        size = finished.stat().st_size
        now = time.time()
        copy = Copy(wanted.address, state.url, digest, size, now, state.validator, state.charset)
        keep(copy, finished)
    finally:
        for name in ("part", "part.json", "expanded"):
            (folder / name).unlink(missing_ok=True)
    return copy


def _complete(part: Part, wanted: Wanted, known: Copy | None, control: Control) -> Answer:
    """Fetch what is missing, in several tries if need be; the last answer."""
    tries, most = 0, part.received
    while True:
        control.check()
        try:
            return _once(part, wanted, known, control)
        except InterruptedDownloadError as error:
            if isinstance(error, ChangedThereError):
                part.reset()
            if part.received >= most + ENOUGH:
                tries, most = 0, part.received
            if tries == len(PAUSES) or error.wait > MAX_WAIT:
                raise ValueError(_last_words(str(error), error.wait, part)) from None
            seconds = max(PAUSES[tries], error.wait)
            tries += 1
            note = f"{error} Trying again in {seconds:.0f} s." if seconds >= 1 else str(error)
            control.report(Progress(wanted.url, part.received, part.state.length, note))
            control.wait(seconds)


def _last_words(reason: str, wait: float, part: Part) -> str:
    """Why it has ended, and what is left."""
    if wait > MAX_WAIT:
        reason += f" It asks to wait {wait:,.0f} seconds."
    if part.received and part.state.validator:
        reason += (
            f" What has come, {megabytes(part.received)}, is kept: the next try goes on there."
        )
    return reason


def _once(part: Part, wanted: Wanted, known: Copy | None, control: Control) -> Answer:
    """Fetch what is missing with one request. InterruptedDownloadError if that was cut."""
    resumes = bool(part.received and part.state.validator)
    control.report(Progress(wanted.url, part.received if resumes else 0, part.state.length))
    answer = request(
        wanted.url,
        start=part.received if resumes else 0,
        validator=part.state.validator,
        known=known.validator if known is not None and not resumes else "",
    )
    with closing(answer.body):
        if answer.unchanged:
            return answer
        if answer.length > wanted.limit:
            raise ValueError(_too_large(megabytes(answer.length), wanted))
        part.begin(answer)
        _check_space(part, wanted)
        clock = _Pace()
        for chunk in chunks(answer):
            control.check()
            if part.received + len(chunk) > wanted.limit:
                part.reset()
                raise ValueError(_too_large(f"more than {megabytes(wanted.limit)}", wanted))
            part.write(chunk)
            clock.count(len(chunk), answer)
            control.report(Progress(answer.url, part.received, answer.length))
    if answer.length >= 0 and not part.complete:
        host = host_of(answer.url)
        raise InterruptedDownloadError(
            f"The connection to {host} was cut after {part.received:,} of {answer.length:,} bytes."
        )
    return answer


class _Pace:
    """Notices a connection that is too slow to be of use."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, received: int, answer: Answer) -> None:
        """InterruptedDownloadError if too little has come in the last seconds."""
        self._bytes += received
        now = time.monotonic()
        if now - self._since < SLOW_SECONDS:
            return
        if self._bytes < SLOW_BYTES:
            raise InterruptedDownloadError(
                f"{host_of(answer.url)} sends less than {SLOW_BYTES / SLOW_SECONDS / 1000:.0f} KB a "
                "second."
            )
        self._since, self._bytes = now, 0


def _check_space(part: Part, wanted: Wanted) -> None:
    """ValueError, with a user-facing message, where the disk has no room for the rest."""
    missing = part.state.length - part.received
    free = shutil.disk_usage(part.path.parent).free
    if missing > free:
        raise ValueError(
            f"{wanted.address} needs {megabytes(missing)} more, and the disk of {part.path.parent} "
            f"has {megabytes(free)}."
        )


def _expanded(path: Path, compressed: bool, wanted: Wanted) -> Path:
    """The file itself, or what it holds if it was compressed with gzip, on its way or where it came
    from. ValueError, with a user-facing message, if that is damaged or larger than agreed."""
    with path.open("rb") as file:
        if file.read(len(_GZIP)) != _GZIP:
            if compressed:
                raise ValueError(f"What {host_of(wanted.url)} calls gzip is none.")
            return path
    target = path.with_name("expanded")
    size = 0
    try:
        with gzip.open(path) as packed, target.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > wanted.limit:
                    raise ValueError(
                        _too_large(f"expanded more than {megabytes(wanted.limit)}", wanted)
                    )
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ValueError(f"The gzip file from {host_of(wanted.url)} is damaged.") from None
    return target


def _too_large(size: str, wanted: Wanted) -> str:
    return (
        f"{wanted.address} has {size}, and at most {megabytes(wanted.limit)} are downloaded: "
        "--download-limit says how much may be."
    )
