"""Where a run from elsewhere is put together: in a folder apart, which is renamed once it is whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.storage.atomic import UNFINISHED, make_folder
from engine.storage.lock import locked
from engine.storage.paths import runs_folder


def free_name(name: str) -> str:
    """The name, or the first of NAME-2, NAME-3, ... that is free."""
    taken = {path.name for path in runs_folder().glob("*")}
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[:55]}-{number}"
    return free


@contextmanager
def unfinished_run(name: str) -> Iterator[Path]:
    """A folder for a run that is not listed, and removed unless it is renamed. It is locked, which
    tells it from an abandoned one."""
    folder = runs_folder() / f".{name}{UNFINISHED}"
    make_folder(runs_folder())
    _clear_abandoned()
    folder.mkdir()
    try:
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_abandoned() -> None:
    """Remove what programs that were killed while they unpacked have left."""
    for folder in runs_folder().glob(f".*{UNFINISHED}"):
        with suppress(ValueError, OSError), locked(folder):
            shutil.rmtree(folder)
