"""What a text, half typed, may be: a name of the catalog, or a path."""

import os
from collections.abc import Iterator
from pathlib import Path

from data.catalog import names
from data.safe_text import safe_text


def texts(typed: str) -> Iterator[str]:
    """The names of the catalog and the paths that begin with what was typed."""
    yield from (name for name in names() if name.startswith(typed))
    yield from paths(typed)


def paths(typed: str) -> Iterator[str]:
    """The paths that begin with what was typed; a folder ends in a slash. Hidden ones, only where a
    dot was typed; none that a terminal would obey."""
    folder, _, start = typed.rpartition(os.sep)
    try:
        where = Path(folder + os.sep if folder or typed.startswith(os.sep) else ".").expanduser()
        with os.scandir(where) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (OSError, RuntimeError, ValueError):
        return  # there is no such folder, or it cannot be read
    for entry in entries:
        hidden = entry.name.startswith(".") and not start
        if entry.name.startswith(start) and not hidden and safe_text(entry.name) == entry.name:
            yield typed.removesuffix(start) + entry.name + (os.sep if _is_folder(entry) else "")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder; a broken link is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False
