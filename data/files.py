"""A text from a path: one file, or every text file of a folder.

Nothing here waits: a pipe, a socket or a device is refused before it is opened.
"""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from data.decoding import Decoded, decode
from data.safe_text import safe_text

LIMIT = 1_000_000_000
"""The most bytes that are read, of one file or of a folder together."""

MOST_ENTRIES = 100_000
"""The most entries of a folder, with its subfolders, that are looked at."""

_SUFFIXES = """
    .txt .text .md .markdown .rst .adoc .org .tex .bib .srt .csv .tsv .json .jsonl .yaml .yml
    .toml .ini .cfg .xml .html .htm .css .py .pyi .js .ts .jsx .tsx .java .kt .scala .c .h .cc
    .cpp .hpp .cs .go .rs .rb .php .pl .lua .r .jl .hs .ml .ex .erl .clj .lisp .el .scm .swift
    .dart .sql .sh .bash .fish .ps1 .bat .vim .abc .ly .pgn .fountain
"""
TEXT_SUFFIXES = frozenset(_SUFFIXES.split())
"""Which files of a folder are taken for text. A file that is named by itself needs none of them."""

_CHUNK = 1 << 24
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    # Should a pipe take the file's place after it was checked, opening it must not wait.
    | getattr(os, "O_NONBLOCK", 0)
)
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Reading(NamedTuple):
    """A text, and one line on what of it was left out or replaced, or nothing."""

    text: str
    note: str


class TooLargeError(ValueError):
    """More bytes than LIMIT: the one fault of a file that is a fault of its folder, too."""


def read(path: Path) -> Reading:
    """The text of a file or a folder. ValueError, with one sentence, for what cannot be read."""
    name = safe_text(str(path))
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise ValueError(_why(error, name)) from error
    reading = _folder(path, name) if stat.S_ISDIR(mode) else _single(path, name)
    kept = reading.text.strip()
    if not kept:
        raise ValueError(f"'{name}' holds nothing but blank space.")
    if kept.count(kept[0]) == len(kept):
        raise ValueError(
            f"'{name}' holds one character only, '{safe_text(kept[0])}': nothing to learn from."
        )
    return reading


def _single(path: Path, name: str) -> Reading:
    content = _content(path, name, LIMIT)
    if not content:
        raise ValueError(f"'{name}' is empty.")
    decoded = decode(content, name)
    return Reading(decoded.text, _note(decoded.replaced, 0))


def _folder(path: Path, name: str) -> Reading:
    texts: list[str] = []
    left = LIMIT
    replaced = 0
    members, skipped = _text_files(path, name)
    for member in members:
        try:
            content = _content(member, name, left)
            left -= len(content)
            decoded = decode(content, name) if content else Decoded("", 0)
        except TooLargeError:
            raise
        except ValueError:
            skipped += 1
            continue
        replaced += decoded.replaced
        if text := decoded.text.strip("\n"):
            texts.append(text)
    if not texts:
        lack = "no text file that can be read" if skipped else "no text files"
        raise ValueError(f"The folder '{name}' holds {lack}.")
    return Reading("\n\n".join(texts) + "\n", _note(replaced, skipped))


def _text_files(folder: Path, name: str) -> tuple[list[Path], int]:
    """The text files below a folder, in one order everywhere, and how many folders were closed."""
    closed: list[OSError] = []
    found: list[Path] = []
    entries = 0
    for here, folders, files in os.walk(folder, onerror=closed.append):
        entries += len(folders) + len(files)
        if entries > MOST_ENTRIES:
            raise ValueError(
                f"The folder '{name}' holds more than {MOST_ENTRIES:,} files: choose a smaller one."
            )
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for each in sorted(files):
            member = Path(here, each)
            if not each.startswith(".") and member.suffix.lower() in TEXT_SUFFIXES:
                found.append(member)
    if closed and not entries:
        raise ValueError(_why(closed[0], name)) from closed[0]
    return found, len(closed)


def _content(path: Path, name: str, limit: int) -> bytes:
    """The bytes of a regular file. They are read, not mapped: a file may shrink underneath."""
    chunks: list[bytes] = []
    length = 0
    try:
        _refuse_special(path.stat().st_mode, name)
        with os.fdopen(os.open(path, _OPEN_FLAGS), "rb", buffering=0) as file:
            _refuse_special(os.fstat(file.fileno()).st_mode, name)
            while chunk := file.read(_CHUNK):
                chunks.append(chunk)
                length += len(chunk)
                if length > limit:
                    raise TooLargeError(f"'{name}' holds more than {LIMIT / 1e9:g} GB of text.")
    except OSError as error:
        raise ValueError(_why(error, name)) from error
    return b"".join(chunks)


def _refuse_special(mode: int, name: str) -> None:
    for is_kind, kind in _SPECIAL:
        if is_kind(mode):
            raise ValueError(f"'{name}' is {kind}, not a text file.")


def _why(error: OSError | ValueError, name: str) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"There is no file or folder '{name}'."
        case PermissionError():
            return f"You have no permission to read '{name}'."
        case OSError(errno=errno.ELOOP):
            return f"'{name}' is a link that leads back to itself."
        case OSError(errno=errno.ENAMETOOLONG):
            return "That name is too long for a file."
        case OSError():
            return f"'{name}' cannot be read: {safe_text(error.strerror or str(error))}."
        case _:  # a NUL, or a surrogate that no file system can hold
            return f"'{name}' cannot be the name of a file."


def _note(replaced: int, skipped: int) -> str:
    parts: list[str] = []
    if replaced:
        parts.append(
            "1 byte was not UTF-8 and is shown as \ufffd"
            if replaced == 1
            else f"{replaced:,} bytes were not UTF-8 and are shown as \ufffd"
        )
    if skipped:
        parts.append(
            "1 file or folder could not be read as text and was left out"
            if skipped == 1
            else f"{skipped:,} files or folders could not be read as text and were left out"
        )
    return "; ".join(parts)
