"""Reads a text from a path: one file, or every text file in a folder; or from standard input."""

import stat
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from data.decoding import decode
from data.folders import find_text_files
from data.raw_bytes import TooLargeError, explain, read_bytes
from data.reading import Reading
from data.safe_text import safe_text
from data.standard_input import read_standard_input


class TextAndNote(NamedTuple):
    """A text, and one line on what was left out, replaced or guessed, or an empty string."""

    text: str
    note: str


def read(path: Path, reading: Reading = Reading()) -> TextAndNote:
    """The text of a file or a folder.

    Raises ValueError, with a user-facing message, if it cannot be read or has nothing to learn.
    """
    name = safe_text(str(path))
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise ValueError(explain(error, name)) from error
    if stat.S_ISDIR(mode):
        return _with_content(_read_folder(path, name, reading), name)
    if reading.ignore:
        raise ValueError(f"'{name}' is a file: --ignore leaves files out of a folder.")
    return _with_content(_decoded(read_bytes(path, name), name, reading), name)


def read_piped(name: str, reading: Reading) -> TextAndNote:
    """The text of standard input. Raises ValueError like `read`."""
    return _with_content(_decoded(read_standard_input(), name, reading), name)


def _with_content(result: TextAndNote, name: str) -> TextAndNote:
    """The same text; ValueError, with a user-facing message, if there is nothing to learn in it."""
    stripped = result.text.strip()
    if not stripped:
        raise ValueError(f"'{name}' contains only whitespace.")
    if stripped.count(stripped[0]) == len(stripped):
        character = safe_text(stripped[0])
        raise ValueError(
            f"'{name}' contains only the character '{character}': there is nothing to learn."
        )
    return result


def _decoded(content: bytes, name: str, reading: Reading) -> TextAndNote:
    if not content:
        raise ValueError(f"'{name}' is empty.")
    decoded = decode(content, name, reading.encoding)
    notes = [_replaced_note(decoded.replaced, reading.encoding)]
    if decoded.guessed:
        notes.append(f"read as {decoded.guessed}, not UTF-8; wrong letters? name its --encoding")
    return TextAndNote(decoded.text, "; ".join(filter(None, notes)))


def _read_folder(path: Path, name: str, reading: Reading) -> TextAndNote:
    texts: list[str] = []
    length = replaced = 0
    guessed: Counter[str] = Counter()
    found, skipped = find_text_files(path, name, reading.ignore)
    for file in found:
        try:
            content = read_bytes(file, name, length)
            length += len(content)
            if not content:
                continue
            decoded = decode(content, name, reading.encoding)
        except TooLargeError:
            raise
        except ValueError:
            skipped += 1
            continue
        replaced += decoded.replaced
        guessed.update(filter(None, [decoded.guessed]))
        if text := decoded.text.strip("\n"):
            texts.append(text)
    if not texts:
        missing = "readable text files" if skipped else "text files"
        raise ValueError(f"The folder '{name}' contains no {missing}.")
    notes = [_replaced_note(replaced, reading.encoding)]
    notes += [f"{_files(n)} read as {encoding}, not UTF-8" for encoding, n in guessed.items()]
    if skipped:
        notes.append(f"{_files(skipped, 'or folder')} not readable as text, left out")
    return TextAndNote("\n\n".join(texts) + "\n", "; ".join(filter(None, notes)))


def _files(number: int, other: str = "") -> str:
    """A number of files, or of files and the like: "1 file", "2 files or folders"."""
    ending = "" if number == 1 else "s"
    return f"{number:,} file{ending}" + (f" {other}{ending}" if other else "")


def _replaced_note(replaced: int, encoding: str) -> str:
    if not replaced:
        return ""
    what, verb = ("byte", "is") if replaced == 1 else ("bytes", "are")
    return f"{replaced:,} {what} not {safe_text(encoding) or 'UTF-8'}, {verb} shown as \ufffd"
