"""Files that are at every moment there as they were, or as they are to be: never in between.

An OSError from here names what was to be written.

A file is written beside its place, forced to the disk, and renamed into it; then the folder is
forced to the disk, too, since a rename may otherwise be lost with the power. What a stop in the
middle leaves behind has a name of its own, and is cleared away.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

UNFINISHED = ".unfinished"
"""How the name of what is being written ends."""


def replace_file(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file from its parts. OSError leaves the one before in its place."""
    temporary = path.with_name(path.name + UNFINISHED)
    try:
        _write(temporary, parts)
        temporary.replace(path)
    except OSError as error:
        error.filename = str(path)
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def new_folder(final: Path, contents: Mapping[str, bytes]) -> None:
    """Make a folder with these files. OSError leaves nothing of it."""
    unfinished = final.with_name(final.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir()
        for name, content in contents.items():
            _write(unfinished / name, [content])
        sync_folder(unfinished)
        unfinished.rename(final)
    except OSError as error:
        error.filename = str(final)
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync_folder(final.parent)


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file where none is, and force it to the disk."""
    with path.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder where none is, and those that it is in, and force their names to the disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def rename_folder(folder: Path, target: Path) -> None:
    """Give a folder another name beside its own. OSError leaves it the one it had."""
    folder.rename(target)
    try:
        sync_folder(target.parent)
    except OSError:
        target.rename(folder)
        raise


def clear_unfinished(folder: Path) -> None:
    """Remove what a stop in the middle of writing has left in a folder."""
    for path in folder.glob("*" + UNFINISHED):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk."""
    if os.name != "posix":  # elsewhere a folder cannot be opened, and need not be
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(folder)
        raise
    finally:
        os.close(descriptor)
