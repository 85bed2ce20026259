"""Completes a corpus: a name of the catalog, or a path."""

import os
from pathlib import Path

from textual.suggester import Suggester

from data.catalog import names
from data.safe import safe_text


class CorpusSuggester(Suggester):
    """Suggests the first name or path that begins with what was typed; the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completion of `value`, or None."""
        return complete(value)


def complete(typed: str) -> str | None:
    """What `typed` may go on to: a name of the catalog, else a path; a folder ends in a slash."""
    if not typed:
        return None
    for name in names():
        if name.startswith(typed):
            return name
    folder, _, start = typed.rpartition(os.sep)
    try:
        where = Path(folder + os.sep if folder or typed.startswith(os.sep) else ".").expanduser()
        entries = sorted(
            (entry.name, entry.is_dir())
            for entry in os.scandir(where)
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        )
    except (OSError, RuntimeError, ValueError):
        return None  # a folder that is not there completes to nothing
    for name, is_folder in entries:
        if safe_text(name) == name:
            return typed[: len(typed) - len(start)] + name + (os.sep if is_folder else "")
    return None
