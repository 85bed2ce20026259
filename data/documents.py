"""The files that one text is made of, one after the other."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from data.decoding import Decoding, Read

_BYTES = 4  # of a hash


class Document(NamedTuple):
    """A file that has been looked through."""

    name: str
    """Its path below the folder that was named, with slashes."""
    read: Read
    decoding: Decoding


class Holdout(NamedTuple):
    """Which documents are held out, whole: a fraction of them, by a hash of seed and name. So a
    document stays on its side when others come or go."""

    seed: int
    fraction: float

    def place(self, name: str) -> float:
        """A number from 0 to 1 for a document, held out below `fraction`."""
        digest = hashlib.sha256(f"{self.seed} {name}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:_BYTES]) / (1 << 8 * _BYTES)


class Documents(NamedTuple):
    """A text in files."""

    files: tuple[Document, ...]
    """Those that are held out come last."""
    held_out: int = 0
    separator: str | None = None
    """Between two files; None: it is one file, whose text is taken as it is."""

    def pieces(self) -> Iterator[tuple[int, str]]:
        """The text in pieces, each with the number of the file that it is of. UnicodeDecodeError
        for a file that has changed since it was looked through; ValueError for one that has gone."""
        begun = False
        for number, (_, read, decoding) in enumerate(self.files):
            text = decoding.pieces(read)
            if self.separator is None:
                for piece in text:
                    yield number, piece
                continue
            ended = begun
            for piece in _without_blank_ends(text):
                if ended:
                    yield number - 1, self.separator
                yield number, piece
                begun, ended = True, False
        if self.separator is not None:
            yield len(self.files) - 1, "\n"

    def with_held_out(self, holdout: Holdout) -> "Documents":
        """The same files, those that are held out at the end; at least one is, and one is not.
        ValueError, with a user-facing message, where there are not enough of them."""
        places = {file.name: holdout.place(file.name) for file in self.files}
        if len(places) < 2:
            raise ValueError(
                "train.val_documents holds out whole documents: that takes two files or more, with "
                "names that differ."
            )
        names = {name for name, place in places.items() if place < holdout.fraction}
        names = names or {min(places, key=places.__getitem__)}
        if len(names) == len(places):
            names.remove(max(places, key=places.__getitem__))
        kept = [file for file in self.files if file.name not in names]
        held_out = [file for file in self.files if file.name in names]
        return self._replace(files=(*kept, *held_out), held_out=len(held_out))


def _without_blank_ends(pieces: Iterator[str]) -> Iterator[str]:
    """A text without the line breaks at its beginning and its end."""
    begun, breaks = False, ""
    for piece in pieces:
        text = piece if begun else piece.lstrip("\n")
        begun = begun or text != ""
        body = text.rstrip("\n")
        if body:
            yield breaks + body
            breaks = ""
        breaks += text[len(body) :]
