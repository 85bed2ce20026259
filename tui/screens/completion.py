"""Completes a corpus: a name of the catalog, or a path."""

import os
from pathlib import Path

from textual.suggester import Suggester

from data.catalog import names
from data.safe_text import safe_text
from tui.daemon import in_daemon


class CorpusSuggester(Suggester):
    """Suggests the first name or path that begins with what was typed; the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completion of `value`, or None. Folders are listed off the screen's thread."""
        return await in_daemon(lambda: complete(value), "completion")


def complete(typed: str) -> str | None:
    """What `typed` may continue to: a name of the catalog, else a path; a folder ends in a slash."""
    if not typed:
        return None
    for name in names():
        if name.startswith(typed):
            return name
    folder, _, start = typed.rpartition(os.sep)
    try:
        where = Path(folder + os.sep if folder or typed.startswith(os.sep) else ".").expanduser()
        with os.scandir(where) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (OSError, RuntimeError, ValueError):
        return None  # there is no such folder, or it cannot be read
    for entry in entries:
        hidden = entry.name.startswith(".") and not start
        if entry.name.startswith(start) and not hidden and safe_text(entry.name) == entry.name:
            return typed.removesuffix(start) + entry.name + (os.sep if _is_folder(entry) else "")
    return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder; a broken link is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False
