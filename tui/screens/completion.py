"""Completes a corpus: a name of the catalog, or a path."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from threading import Thread

from textual.suggester import Suggester

from data.catalog import names
from data.safe_text import safe_text


class CorpusSuggester(Suggester):
    """Suggests the first name or path that begins with what was typed; the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completion of `value`, or None. Folders are listed off the screen's thread."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[str | None] = loop.create_future()

        def report(completion: str | None) -> None:
            if not found.done():  # cancelled when the form closes
                found.set_result(completion)

        def work() -> None:
            completion = complete(value)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(report, completion)

        # A daemon thread instead of asyncio's pool: a network folder that does not answer must not
        # hold up the end of the program.
        Thread(target=work, name="completion", daemon=True).start()
        return await found


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
