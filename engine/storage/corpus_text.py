"""The text of a run as its file holds it: in UTF-8, a chunk at a time, since it may be large."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from data.raw_bytes import LARGE_BYTES
from data.text import LargeText, Text, chunks

FILE = "corpus.txt"
OTHER = "training.txt"
"""The text that a run is trained on in place of its own."""

Report = Callable[[str, float], None]
"""Called with what is being done, and the fraction done. It may raise, to end it."""


def unreported(_what: str, _done: float) -> None:
    """Reports to nobody."""


def utf8_chunks(text: Text) -> Iterator[bytes]:
    """The bytes of `corpus.txt`. A lone surrogate is kept, as three bytes."""
    for chunk in chunks(text):
        yield chunk.encode("utf-8", "surrogatepass")


def sha256_of(text: Text) -> str:
    """The digest by which the text of a run is recognized."""
    if isinstance(text, LargeText):
        return text.sha256
    digest = hashlib.sha256()
    for chunk in utf8_chunks(text):
        digest.update(chunk)
    return digest.hexdigest()


def read_corpus(folder: Path, report: Report = unreported) -> Text:
    """The text of a run; `report` gets the progress. OSError; ValueError (UnicodeDecodeError,
    or with a user-facing message)."""
    path = folder / FILE
    if path.stat().st_size <= LARGE_BYTES:
        return _read(path)
    from engine.storage.large_texts import read_large  # imports NumPy, which small texts load later

    return read_large(path, report)


def read_other_text(folder: Path) -> str:
    """The text that a run is trained on in place of its own. OSError; UnicodeDecodeError."""
    return _read(folder / OTHER)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogatepass")


def has_written(folder: Path, text: Text) -> None:
    """The text of a run has just been written: opening it need not read a large one again."""
    if isinstance(text, LargeText):
        from engine.storage.large_texts import remember  # as above

        remember(folder / FILE, text)
