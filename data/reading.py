"""How a text is read from its files: in which encoding, and what is left out of a folder."""

from msgspec import Struct
from msgspec.structs import replace

SEPARATOR = "\n\n"
"""Between two files: a blank line, which adds no character to the vocabulary."""


class Reading(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may say about the reading of a text."""

    encoding: str = ""
    """A name that Python knows, like cp1251; empty: UTF-8, or what the bytes look like."""
    ignore: tuple[str, ...] = ()
    """Patterns, as in a .gitignore, of what is left out of a folder; a later one wins."""
    more: tuple[str, ...] = ()
    """Further files and folders, which come after the one that the config names."""
    separator: str = SEPARATOR
    """What is put between two files."""
    download_mb: int = 200
    """The most that is downloaded of a text, in millions of bytes."""

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing about files."""
        return replace(self, download_mb=Reading().download_mb) == Reading()
