"""Reads a text from its files: one, several, or every text file in a folder; or from standard input."""

import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from data.decoding import Read, look_through
from data.documents import Document, Documents
from data.folders import FoundFile, LeftOut, find_text_files
from data.raw_bytes import (
    LARGE_BYTES,
    MAX_BYTES,
    MAX_KEPT_BYTES,
    TAKE_A_PART,
    TooLargeError,
    check_size,
    explain,
    read_bytes,
    read_pieces,
)
from data.reading import Reading
from data.safe_text import safe_text
from data.standard_input import read_standard_input

_READ_WHOLE = 1 << 20  # bytes of a file, up to which it is read once to be looked through
_MOST_NAMED = 3  # of the files that are left out

OnRead = Callable[[int], None]
"""Called with the number of bytes of each piece of a large text, after it was read."""


class TextAndNote(NamedTuple):
    """A text, and one line on what was left out, replaced or guessed, or an empty string."""

    text: str
    note: str


class Found(NamedTuple):
    """The files of a text, before they are opened."""

    name: str
    """Of the file or folder, for messages."""
    paths: Sequence[Path]
    """That were named."""
    files: list[FoundFile]
    left_out: LeftOut
    single: bool
    """Whether it is one file, which was named."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def is_large(self) -> bool:
        """Whether it is read in pieces, again each time, rather than into memory."""
        return self.size > LARGE_BYTES


class Looked(NamedTuple):
    """The files of a text, looked through, and one line as in `TextAndNote`."""

    documents: Documents
    note: str


def read(path: Path, reading: Reading = Reading()) -> TextAndNote:
    """The text of a file or a folder, in memory.

    Raises ValueError, with a user-facing message, if it cannot be read or has nothing to learn.
    """
    found = find((path,), reading, MAX_BYTES)
    looked = look(found, reading)
    return TextAndNote(joined(looked.documents, found.name), looked.note)


def read_piped(name: str, reading: Reading) -> TextAndNote:
    """The text of standard input. Raises ValueError like `read`."""
    return decoded(read_standard_input(), name, reading)


def decoded(content: bytes, name: str, reading: Reading) -> TextAndNote:
    """The text of one file, for messages called `name`. Raises ValueError like `read`."""
    looked = _look_at_one(name, lambda: (content,), reading, empty=not content)
    return TextAndNote(joined(looked.documents, name), looked.note)


def find(paths: Sequence[Path], reading: Reading, limit: int) -> Found:
    """The files of a text. ValueError, with a user-facing message, if there are none, or of more
    bytes than `limit`; none of them is opened."""
    label = safe_text(str(paths[0])) + (f" and {len(paths) - 1} more" if paths[1:] else "")
    files: dict[Path, FoundFile] = {}
    left_out = LeftOut([], [], [])
    folders = 0
    for path in paths:
        name = safe_text(str(path))
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            raise ValueError(explain(error, name)) from error
        if stat.S_ISDIR(status.st_mode):
            folders += 1
            found, its_left_out = find_text_files(path, name, reading.ignore, limit)
            for one, other in zip(left_out, its_left_out, strict=True):
                one.extend(other)
        else:
            found = [FoundFile(path, path.name, status.st_size)]
        for file in found:  # a file that was named twice, also by links, is there once
            files.setdefault(file.path.absolute(), file)
    if reading.ignore and not folders:
        raise ValueError(f"'{label}' is a file: --ignore leaves files out of a folder.")
    size = sum(file.size for file in files.values())
    check_size(size, label, "name fewer files" if paths[1:] else TAKE_A_PART, limit)
    return Found(
        label, paths, list(files.values()), left_out, single=len(paths) == 1 and not folders
    )


def look(found: Found, reading: Reading, on_read: OnRead = lambda _: None) -> Looked:
    """Look through the files of a text: what of them is text, and in which encoding. ValueError,
    with a user-facing message, if it is none."""
    if found.single:
        file = found.files[0]
        read = _reader(found, file, 0, on_read)
        return _look_at_one(found.name, read, reading, empty=not file.size and not any(read()))
    documents: list[Document] = []
    unreadable = list(found.left_out.unreadable)
    length = replaced = 0
    guessed: Counter[str] = Counter()
    for file in found.files:
        try:
            read = _reader(found, file, length, on_read)
            content = read
            if found.is_large and file.size < _READ_WHOLE:
                content = _in_memory(read_bytes(file.path, found.name, length))
                on_read(file.size)
            decoding = look_through(content, safe_text(str(file.path)), reading.encoding)
        except TooLargeError:
            raise
        except ValueError:
            unreadable.append(file.name)
            continue
        length += file.size
        if not file.size:
            continue
        documents.append(Document(file.name, read, decoding))
        replaced += decoding.replaced
        guessed.update(filter(None, [decoding.guessed]))
    if not documents:
        missing = "readable text files" if unreadable else "text files"
        what = f"The folder '{found.name}'" if len(found.paths) == 1 else f"'{found.name}'"
        raise ValueError(f"{what} contains no {missing}.")
    notes = [_replaced_note(replaced, reading.encoding)]
    for encoding, number in guessed.items():
        what = "1 file" if number == 1 else f"{number:,} files"
        notes.append(f"{what} read as {encoding}, not UTF-8")
    notes.append(_left_out_note(found.left_out._replace(unreadable=unreadable)))
    separated = Documents(tuple(documents), separator=reading.separator)
    return Looked(separated, "; ".join(filter(None, notes)))


def joined(documents: Documents, name: str) -> str:
    """The text of files that fit into memory; ValueError, with a user-facing message, if there is
    nothing to learn in it."""
    text = "".join(piece for _, piece in documents.pieces())
    stripped = text.strip()
    check_content(stripped[:1], name, more=stripped.count(stripped[:1]) < len(stripped))
    return text


def check_content(character: str, name: str, *, more: bool) -> None:
    """ValueError, with a user-facing message, if there is nothing to learn in a text.

    `character`: one of it that is not whitespace, or empty; `more`: whether there are others.
    """
    if not character:
        raise ValueError(f"'{name}' contains only whitespace.")
    if not more:
        raise ValueError(
            f"'{name}' contains only the character '{safe_text(character)}': there is nothing to "
            "learn."
        )


def _reader(found: Found, file: FoundFile, before: int, on_read: OnRead) -> Read:
    """What reads the bytes of a file: once, into memory, or of a large text in pieces each time."""
    if found.is_large:
        return partial(_counted, file.path, found.name, before, on_read)
    return _in_memory(read_bytes(file.path, found.name, before))


def _in_memory(content: bytes) -> Read:
    return lambda: (content,)


def _counted(path: Path, name: str, before: int, on_read: OnRead) -> Iterator[bytes]:
    for piece in read_pieces(path, name, before, MAX_KEPT_BYTES):
        yield piece
        on_read(len(piece))


def _look_at_one(name: str, read: Read, reading: Reading, *, empty: bool) -> Looked:
    if empty:
        raise ValueError(f"'{name}' is empty.")
    decoding = look_through(read, name, reading.encoding)
    notes = [_replaced_note(decoding.replaced, reading.encoding)]
    if decoding.guessed:
        notes.append(f"read as {decoding.guessed}, not UTF-8; wrong letters? name its --encoding")
    document = Document(name, read, decoding)
    return Looked(Documents((document,)), "; ".join(filter(None, notes)))


def _left_out_note(left_out: LeftOut) -> str:
    """What was left out of a folder, with its first names; nothing: an empty string."""
    reasons = (
        ("not readable as text", left_out.unreadable),
        ("hidden, ignored or links", left_out.ignored),
        ("of another kind", left_out.other),
    )
    parts = []
    for reason, names in reasons:
        if names:
            shown = [safe_text(name) for name in names[:_MOST_NAMED]]
            more = ", …" if names[_MOST_NAMED:] else ""
            parts.append(f"{len(names):,} {reason} ({', '.join(shown)}{more})")
    return f"left out: {', '.join(parts)}" if parts else ""


def _replaced_note(replaced: int, encoding: str) -> str:
    if not replaced:
        return ""
    what, verb = ("byte", "is") if replaced == 1 else ("bytes", "are")
    return f"{replaced:,} {what} not {safe_text(encoding) or 'UTF-8'}, {verb} shown as \ufffd"
