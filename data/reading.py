"""How a text is read from its files: in which encoding, and what is left out of a folder."""

from msgspec import Struct

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
