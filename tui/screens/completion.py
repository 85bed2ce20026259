"""Completes what is typed into a form: a corpus (a name of the catalog, or a path), or settings."""

from textual.suggester import Suggester

from engine.config import all_settings
from tui.daemon import in_daemon
from tui.typed_text import texts


class CorpusSuggester(Suggester):
    """Suggests the first name or path that begins with what was typed; the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completion of `value`, or None. Folders are listed off the screen's thread."""
        return await in_daemon(lambda: complete(value), "completion")


def complete(typed: str) -> str | None:
    """What `typed` may continue to; None if it is empty, or to nothing."""
    return next(texts(typed), None) if typed else None


class SettingSuggester(Suggester):
    """Suggests the first key, or the first word of a value, that the last KEY=VALUE may continue
    to."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The completion of `value`, or None."""
        return complete_assignments(value)


def complete_assignments(typed: str) -> str | None:
    """What `typed`, KEY=VALUE with blanks between two, may continue to; None if it is to nothing."""
    last = typed.rpartition(" ")[2]
    key, equals, _ = last.partition("=")
    settings = all_settings()
    if equals:
        words = [f"{key}={word}" for word in settings[key].choices] if key in settings else []
    else:
        words = [f"{name}=" for name in settings] if last else []
    found = next((word for word in words if word.startswith(last)), None)
    return typed[: len(typed) - len(last)] + found if found else None
