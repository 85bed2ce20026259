"""How a text is read from its files: in which encoding, and what is left out of a folder."""

from msgspec import Struct


class Reading(Struct, frozen=True, forbid_unknown_fields=True):
    """What a user may say about the reading of a text."""

    encoding: str = ""
    """A name that Python knows, like cp1251; empty: UTF-8, or what the bytes look like."""
    ignore: tuple[str, ...] = ()
    """Patterns, as in a .gitignore, of what is left out of a folder; a later one wins."""
