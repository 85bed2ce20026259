"""Atomic, durable writes of files, as in `data.atomic`, and of whole folders.

What an interrupted write leaves behind is removed by `clear_unfinished`.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from data.atomic import UNFINISHED as UNFINISHED
from data.atomic import make_folder as make_folder
from data.atomic import replace_file as replace_file
from data.atomic import replacing as replacing
from data.atomic import sync_folder as sync_folder


def new_folder(final: Path, contents: Mapping[str, bytes]) -> None:
    """Create a folder with these files. On OSError nothing of it is left."""
    unfinished = final.with_name(final.name + UNFINISHED)
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir()
        for name, content in contents.items():
            write_new(unfinished / name, [content])
        sync_folder(unfinished)
        unfinished.rename(final)
    except OSError as error:
        error.filename = str(final)
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync_folder(final.parent)


def write_new(path: Path, parts: Iterable[bytes]) -> None:
    """Write a new file, and fsync it."""
    with path.open("wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def rename_folder(folder: Path, target: Path) -> None:
    """Rename a folder within its parent, durably. On OSError it keeps its old name."""
    folder.rename(target)
    try:
        sync_folder(target.parent)
    except OSError:
        target.rename(folder)
        raise


def clear_unfinished(folder: Path) -> None:
    """Remove what interrupted writes have left in a folder."""
    for path in folder.glob("*" + UNFINISHED):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
