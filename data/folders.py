"""Finds the text files in a folder and its subfolders."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from data.raw_bytes import check_size, explain
from data.safe_text import safe_text

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

IGNORED = (".*", "node_modules/", "venv/", "__pycache__/")
"""Patterns of what is always left out, unless a later pattern takes it back: "!.notes/"."""


class LeftOut(NamedTuple):
    """What of a folder is no part of its text: paths below it, those of folders with a slash."""

    unreadable: list[str]
    ignored: list[str]
    """Hidden, by a pattern, or links to folders."""
    other: list[str]
    """By their suffix."""


class FoundFile(NamedTuple):
    """A text file that may be read."""

    path: Path
    name: str
    """Its path below the folder, with slashes."""
    size: int


def find_text_files(
    folder: Path, name: str, ignore: Sequence[str], limit: int
) -> tuple[list[FoundFile], LeftOut]:
    """The text files in a folder that no pattern leaves out, in order. Links to folders are not
    followed, so that no folder contains itself.

    ValueError, with a user-facing message that contains `name`, if there is too much of it, more
    than `limit` bytes: it costs no more than a look at each file's size.
    """
    is_ignored = _matcher(ignore)
    errors: list[OSError] = []
    found: list[FoundFile] = []
    left_out = LeftOut([], [], [])
    entries = size = 0
    for parent, folders, files in os.walk(folder, onerror=errors.append):
        entries += len(folders) + len(files)
        if entries > MAX_ENTRIES:
            raise ValueError(
                f"The folder '{name}' contains more than {MAX_ENTRIES:,} files: choose a smaller "
                "one, or leave folders out with --ignore."
            )
        below = "" if parent == str(folder) else f"{Path(parent).relative_to(folder).as_posix()}/"
        kept = sorted(
            each
            for each in folders
            if not is_ignored(f"{below}{each}/") and not Path(parent, each).is_symlink()
        )
        left_out.ignored.extend(f"{below}{each}/" for each in sorted({*folders} - {*kept}))
        folders[:] = kept
        for file in sorted(files):
            path = Path(parent, file)
            if is_ignored(below + file):
                left_out.ignored.append(below + file)
            elif path.suffix.lower() in TEXT_SUFFIXES:
                found.append(FoundFile(path, below + file, _size_of(path)))
                size += found[-1].size
            else:
                left_out.other.append(below + file)
        check_size(size, name, "choose a folder in it, or leave files out with --ignore", limit)
    if errors and not entries:
        raise ValueError(explain(errors[0], name)) from errors[0]
    left_out.unreadable.extend(_below(folder, error) for error in errors)
    return found, left_out


def _below(folder: Path, error: OSError) -> str:
    """The folder, below the one that was named, that could not be read."""
    return f"{os.path.relpath(error.filename or folder, folder)}/"


def _matcher(ignore: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path, relative to the folder, is left out; that of a subfolder ends in a slash."""
    from pathspec import GitIgnoreSpec  # which a single file does not need

    try:
        return GitIgnoreSpec.from_lines((*IGNORED, *ignore)).match_file
    except ValueError:
        shown = safe_text(", ".join(ignore))
        raise ValueError(
            f"A pattern to ignore is written as in a .gitignore, which '{shown}' is not."
        ) from None


def _size_of(file: Path) -> int:
    """Bytes of a file; 0 for one that is gone or cannot be looked at: reading it will tell."""
    try:
        return file.stat().st_size
    except OSError:
        return 0
