"""Reads a text from a path: one file, or every text file in a folder.

Never blocks: a pipe, a socket or a device is refused before it is opened.
"""

import errno
import os
import stat
from pathlib import Path
from typing import NamedTuple

from data.decoding import Decoded, decode
from data.safe_text import safe_text

MAX_BYTES = 1_000_000_000
"""The maximum size of a file, or of the files of a folder together."""

MAX_ENTRIES = 100_000
"""The maximum number of entries in a folder and its subfolders."""

_SUFFIXES = """
    .txt .text .md .markdown .rst .adoc .org .tex .bib .srt .csv .tsv .json .jsonl .yaml .yml
    .toml .ini .cfg .xml .html .htm .css .py .pyi .js .ts .jsx .tsx .java .kt .scala .c .h .cc
    .cpp .hpp .cs .go .rs .rb .php .pl .lua .r .jl .hs .ml .ex .erl .clj .lisp .el .scm .swift
    .dart .sql .sh .bash .fish .ps1 .bat .vim .abc .ly .pgn .fountain
"""
TEXT_SUFFIXES = frozenset(_SUFFIXES.split())
"""The files that are read from a folder. A single file may have any suffix."""

_CHUNK_BYTES = 1 << 24
OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    # If the file is replaced by a pipe after it was checked, opening it must not block.
    | getattr(os, "O_NONBLOCK", 0)
)
"""How a file is opened that may be anything."""
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class TextAndNote(NamedTuple):
    """A text, and one line on what was left out or replaced, or an empty string."""

    text: str
    note: str


class TooLargeError(ValueError):
    """More than `MAX_BYTES`. Unlike other errors of a file, it makes its whole folder unreadable."""


def read(path: Path) -> TextAndNote:
    """The text of a file or a folder.

    Raises ValueError, with a user-facing message, if it cannot be read or has nothing to learn.
    """
    name = safe_text(str(path))
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise ValueError(_explain(error, name)) from error
    result = _read_folder(path, name) if stat.S_ISDIR(mode) else _read_file(path, name)
    stripped = result.text.strip()
    if not stripped:
        raise ValueError(f"'{name}' contains only whitespace.")
    if stripped.count(stripped[0]) == len(stripped):
        character = safe_text(stripped[0])
        raise ValueError(
            f"'{name}' contains only the character '{character}': there is nothing to learn."
        )
    return result


def _read_file(path: Path, name: str) -> TextAndNote:
    content = _read_bytes(path, name, MAX_BYTES)
    if not content:
        raise ValueError(f"'{name}' is empty.")
    decoded = decode(content, name)
    return TextAndNote(decoded.text, _note(decoded.replaced, 0))


def _read_folder(path: Path, name: str) -> TextAndNote:
    texts: list[str] = []
    remaining = MAX_BYTES
    replaced = 0
    found, skipped = find_text_files(path, name)
    for file in found:
        try:
            content = _read_bytes(file, name, remaining)
            remaining -= len(content)
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
        missing = "readable text files" if skipped else "text files"
        raise ValueError(f"The folder '{name}' contains no {missing}.")
    return TextAndNote("\n\n".join(texts) + "\n", _note(replaced, skipped))


def find_text_files(folder: Path, name: str) -> tuple[list[Path], int]:
    """The text files below a folder, sorted, and how many subfolders could not be read."""
    errors: list[OSError] = []
    found: list[Path] = []
    entries = 0
    for parent, folders, files in os.walk(folder, onerror=errors.append):
        entries += len(folders) + len(files)
        if entries > MAX_ENTRIES:
            raise ValueError(
                f"The folder '{name}' contains more than {MAX_ENTRIES:,} files: choose a smaller one."
            )
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        found.extend(
            Path(parent, file)
            for file in sorted(files)
            if not file.startswith(".") and Path(file).suffix.lower() in TEXT_SUFFIXES
        )
    if errors and not entries:
        raise ValueError(_explain(errors[0], name)) from errors[0]
    return found, len(errors)


def _read_bytes(path: Path, name: str, limit: int) -> bytes:
    """The bytes of a regular file.

    They are read, not memory-mapped: a mapped file that is truncated kills the process.
    """
    chunks: list[bytes] = []
    length = 0
    try:
        _refuse_special(path.stat().st_mode, name)
        with os.fdopen(os.open(path, OPEN_FLAGS), "rb", buffering=0) as file:
            _refuse_special(os.fstat(file.fileno()).st_mode, name)
            while chunk := file.read(_CHUNK_BYTES):
                chunks.append(chunk)
                length += len(chunk)
                if length > limit:
                    raise TooLargeError(
                        f"'{name}' contains more than {MAX_BYTES / 1e9:g} GB of text."
                    )
    except OSError as error:
        raise ValueError(_explain(error, name)) from error
    return b"".join(chunks)


def _refuse_special(mode: int, name: str) -> None:
    for is_kind, kind in _SPECIAL:
        if is_kind(mode):
            raise ValueError(f"'{name}' is {kind}, not a text file.")


def _explain(error: OSError | ValueError, name: str) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"There is no file or folder '{name}'."
        case PermissionError():
            return f"You do not have permission to read '{name}'."
        case OSError(errno=errno.ELOOP):
            return f"'{name}' is a link that points back to itself."
        case OSError(errno=errno.ENAMETOOLONG):
            return "That file name is too long."
        case OSError():
            return f"'{name}' cannot be read: {safe_text(error.strerror or str(error))}."
        case _:  # ValueError: it contains NUL or a surrogate that cannot be encoded
            return f"'{name}' is not a valid file name."


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
