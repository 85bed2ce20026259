"""Completes a corpus: a name of the catalog, or a path."""

from textual.suggester import Suggester

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
