"""The texts that were downloaded, kept in the home folder.

<home>/texts/<name>-<hash of the address>/copy.json    what is known of the copy (`Copy`)
                                          <sha256>     its bytes, named by what is in them
                                          part, part.json    a download in progress

A copy counts once its copy.json names it, which is written last, atomically; so a program that is
killed at any moment leaves the former copy, or none. Its bytes are compared with their sha256
whenever they are read.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from data.atomic import replace_file, sync_folder
from data.home import home
from data.raw_bytes import read_bytes
from data.safe_text import safe_text

_COPY = "copy.json"
_META_LIMIT = 1 << 16


class Copy(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a copy."""

    address: str  # as the user gave it
    url: str  # where it came from, after redirects
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size: int  # bytes
    fetched: float  # seconds since 1970: when it was last known to be the newest
    validator: str = ""  # the server's name for this version
    charset: str = ""  # as the server stated it
    note: str = ""  # what was left out

    @property
    def seconds_old(self) -> float:
        """The time since it was downloaded, or last known to be the newest."""
        return max(0.0, time.time() - self.fetched)

    @property
    def age(self) -> str:
        """How old it is, in words."""
        for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
            if self.seconds_old >= length:
                number = int(self.seconds_old // length)
                return f"{number:,} {unit}{'' if number == 1 else 's'} old"
        return "new"

    @property
    def date(self) -> str:
        """The day on which it was downloaded, in UTC."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.fetched))


def texts_folder() -> Path:
    """The folder that holds all copies."""
    return home() / "texts"


def folder_of(address: str) -> Path:
    """The folder of the copy of a text."""
    digest = hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:16]
    last = re.sub(r"[^a-z0-9]+", "-", address.casefold().rstrip("/").rpartition("/")[2]).strip("-")
    return texts_folder() / f"{last[:40] or 'text'}-{digest}"


def copy_of(address: str) -> Copy | None:
    """The copy of a text, if there is one."""
    copy = _read(folder_of(address) / _COPY)
    return copy if copy is not None and copy.address == address else None


def all_copies() -> Iterator[Copy]:
    """Every copy that is here."""
    for path in sorted(texts_folder().glob(f"*/{_COPY}")):
        if (copy := _read(path)) is not None:
            yield copy


def path_of(copy: Copy) -> Path:
    """The file with the bytes of a copy."""
    return folder_of(copy.address) / copy.sha256


def content_of(copy: Copy) -> bytes | None:
    """The bytes of a copy; None if they are gone or damaged."""
    try:
        content = read_bytes(path_of(copy), safe_text(copy.address))
    except ValueError:
        return None
    return content if hashlib.sha256(content).hexdigest() == copy.sha256 else None


def keep(copy: Copy, finished: Path) -> None:
    """Make a finished file in the folder of the copy, which the disk holds, the copy. OSError."""
    folder = folder_of(copy.address)
    finished.replace(path_of(copy))
    sync_folder(folder)
    _write(copy)
    for path in folder.iterdir():
        if re.fullmatch(r"[0-9a-f]{64}", path.name) and path.name != copy.sha256:
            path.unlink(missing_ok=True)  # a former copy


def renew(copy: Copy) -> Copy:
    """Note that a copy is still the newest. OSError."""
    now = msgspec.structs.replace(copy, fetched=time.time())
    _write(now)
    return now


def _write(copy: Copy) -> None:
    content = msgspec.json.format(msgspec.json.encode(copy))
    replace_file(folder_of(copy.address) / _COPY, [content])


def _read(path: Path) -> Copy | None:
    with suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        return msgspec.json.decode(file.read(_META_LIMIT), type=Copy)
    return None
