"""Atomic, durable writes: a file is found either as it was or complete, never in between.

New content is written to a temporary file in the same folder, fsynced, and renamed over it; then the
parent folder is fsynced too, since a power failure may otherwise undo the rename. What an interrupted
write leaves behind ends in `.unfinished`.

An OSError raised here carries the path of the target in `filename`.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished"
"""The suffix of files and folders that are still being written."""


def replace_file(path: Path, parts: Iterable[bytes], *, durable: bool = True) -> None:
    """Write a file from its parts. On OSError the previous file is still in place. One that is not
    `durable` is not fsynced: after a power failure it may be there with other content."""
    with replacing(path, durable=durable) as file:
        file.writelines(parts)


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` at the end, as in `replace_file`. On any
    error, and if the work is given up, the previous file is still in place."""
    temporary = path.with_name(path.name + UNFINISHED)
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = str(path)
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Fsync a folder, which makes the names in it durable."""
    if os.name != "posix":  # Windows cannot open a folder, and does not need it
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(folder)
        raise
    finally:
        os.close(descriptor)
