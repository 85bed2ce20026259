"""The text of a run as its file holds it: in UTF-8, a chunk at a time, since it may be large."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

FILE = "corpus.txt"
OTHER = "training.txt"
"""The text that a run is trained on in place of its own."""

CHUNK = 1 << 20
"""Characters that are encoded at a time."""


def utf8_chunks(text: str) -> Iterator[bytes]:
    """The bytes of `corpus.txt`. A lone surrogate is kept, as three bytes."""
    for first in range(0, len(text), CHUNK):
        yield text[first : first + CHUNK].encode("utf-8", "surrogatepass")


def sha256_of(text: str) -> str:
    """The digest by which the text of a run is recognized."""
    digest = hashlib.sha256()
    for chunk in utf8_chunks(text):
        digest.update(chunk)
    return digest.hexdigest()


def read_corpus(folder: Path, file: str = FILE) -> str:
    """The text of a run. OSError; UnicodeDecodeError."""
    return (folder / file).read_bytes().decode("utf-8", "surrogatepass")
