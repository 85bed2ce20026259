"""Reads the bytes of untrusted files, up to a limit.

Never blocks: a pipe, a socket or a device is refused before it is opened.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from data.safe_text import safe_text

MAX_BYTES = 1_000_000_000
"""The maximum size of a file that is read into memory, or of the files of a folder together."""

LARGE_BYTES = 16_000_000
"""From this size on a text is not read into memory, but kept in a file of its own
(`engine.storage.kept_text`)."""

MAX_KEPT_BYTES = 10_000_000_000
"""The maximum size of such a text."""

TAKE_A_PART = "take a part of it"
"""What to do about a single text that is too large."""

_CHUNK_BYTES = 1 << 20
OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    # If the file is replaced by a pipe after it was checked, opening it must not block.
    | getattr(os, "O_NONBLOCK", 0)
)
"""How a file is opened that may be anything."""
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class TooLargeError(ValueError):
    """More than can be read. Unlike other errors of a file, it makes its whole folder unreadable."""


def check_size(size: int, name: str, advice: str, limit: int) -> None:
    """TooLargeError, with a user-facing message that ends in `advice`, for more bytes than that."""
    if size > limit:
        raise TooLargeError(
            f"'{name}' has {_gigabytes(size)} of text, and at most {_gigabytes(limit)} can be "
            f"read: {advice}."
        )


def read_bytes(path: Path, name: str, before: int = 0) -> bytes:
    """The bytes of a regular file, of which `before` were read from other files of its folder.
    Errors as from `read_pieces`."""
    return b"".join(read_pieces(path, name, before, MAX_BYTES))


def read_pieces(path: Path, name: str, before: int, limit: int) -> Iterator[bytes]:
    """The bytes of a regular file in pieces, at most `limit` with those `before` it.

    ValueError, with a user-facing message that contains `name`; TooLargeError by the size that the
    file has, before it is read, or by what comes.

    They are read, not memory-mapped: a mapped file that is truncated kills the process.
    """
    length = before
    try:
        status = path.stat()
        _refuse_special(status.st_mode, name)
        check_size(before + status.st_size, name, TAKE_A_PART, limit)
        with os.fdopen(os.open(path, OPEN_FLAGS), "rb", buffering=0) as file:
            _refuse_special(os.fstat(file.fileno()).st_mode, name)
            while chunk := file.read(_CHUNK_BYTES):
                length += len(chunk)
                check_size(length, name, TAKE_A_PART, limit)
                yield chunk
    except OSError as error:
        raise ValueError(explain(error, name)) from error


def explain(error: OSError | ValueError, name: str) -> str:
    """A user-facing message for an error of the file system."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"There is no file or folder '{name}'."
        case PermissionError():
            return f"You do not have permission to read '{name}'."
        case OSError(errno=errno.ELOOP):
            return f"'{name}' is a link that points back to itself."
        case OSError(errno=errno.ENAMETOOLONG):
            return "That file name is too long."
        case OSError():
            return f"'{name}' cannot be read: {safe_text(error.strerror or str(error))}."
        case _:  # ValueError: it contains NUL or a surrogate that cannot be encoded
            return f"'{name}' is not a valid file name."


def _refuse_special(mode: int, name: str) -> None:
    for is_kind, kind in _SPECIAL:
        if is_kind(mode):
            raise ValueError(f"'{name}' is {kind}, not a text file.")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
