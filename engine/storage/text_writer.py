"""Writes a large text as `engine.storage.kept_text` reads it: counted first, then encoded.

<home>/encoded/<sha256>.ids     the ids of its characters
             <sha256>.json    `KeptInfo`, written last
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from data.files import check_content
from data.statistics import CharacterCounts, PairCounts, code_points, summarized
from data.vocabulary import check_vocabulary
from engine.storage.atomic import make_folder, replace_file, replacing
from engine.storage.kept_text import KeptInfo, KeptText, id_type, info_of
from engine.storage.paths import NoSpaceError, free_space

Pieces = Callable[[], Iterator[tuple[int, str]]]
"""Gives a text in pieces, with the number of the document that each is of; the same each time."""

SAMPLED_PIECES = 16
"""Of a text with many different characters, the pairs are counted in so many pieces of about a
million characters, spread over it."""
SPACE_MARGIN = 100_000_000
"""Bytes of the disk that stay free."""


class Counted(NamedTuple):
    """What one pass over a text has found."""

    counts: CharacterCounts
    sha256: str
    pieces: int
    train_characters: int
    """Those of the documents before the first one that is held out."""


def count(pieces: Pieces, name: str, held_out_from: int) -> Counted:
    """Count a text. `held_out_from`: the number of the first document that is held out. ValueError,
    with a user-facing message, if there is nothing to learn in it, or too many characters."""
    counts, digest, number_of_pieces, train = CharacterCounts(), hashlib.sha256(), 0, 0
    for number, piece in pieces():
        counts.add(piece)
        digest.update(piece.encode("utf-8", "surrogatepass"))
        number_of_pieces += 1
        if number < held_out_from:
            train += len(piece)
    check_vocabulary(len(counts.points))
    seen = [chr(point) for point in counts.points if not chr(point).isspace()]
    check_content(seen[0] if seen else "", name, more=len(counts.points) > 1)
    return Counted(counts, digest.hexdigest(), number_of_pieces, train)


def write(folder: Path, counted: Counted, pieces: Pieces) -> KeptText:
    """Encode a text that was counted. NoSpaceError; OSError; ValueError, with a user-facing message,
    if it is not the text that was counted."""
    counts, points = counted.counts, counted.counts.points
    kind = np.dtype(id_type(len(points)))
    table = np.zeros(int(points[-1]) + 1, kind)
    table[points] = np.arange(len(points))
    make_folder(folder)
    _check_space(folder, counts.total * kind.itemsize)
    pairs = PairCounts(len(points))
    every = max(1, counted.pieces // SAMPLED_PIECES) if pairs.is_slow else 1
    unnamed = folder / f"{os.getpid()}.ids"  # another program may encode the same text
    written = 0
    with replacing(unnamed) as file:
        for number, (_, piece) in enumerate(pieces()):
            found = code_points(piece)
            written += len(found)
            if written > counts.total or int(found.max()) >= len(table):
                raise changed_error()
            ids = table[found]
            file.write(ids.data)
            if number % every:
                pairs.skip()
            else:
                pairs.add(ids.astype(np.int64))
        if written != counts.total:
            raise changed_error()
    info = info_of(summarized(counts, pairs), counted.sha256, pairs.counted)
    path = folder / f"{counted.sha256}.ids"
    unnamed.replace(path)
    replace_file(path.with_suffix(".json"), [msgspec.json.encode(info)])
    return KeptText(path, info)


def open_kept(folder: Path, sha256: str) -> KeptText | None:
    """The text with that digest, if it is kept; it counts as used now."""
    path = folder / f"{sha256}.ids"
    try:
        content = path.with_suffix(".json").read_bytes()
        text = KeptText(path, msgspec.json.decode(content, type=KeptInfo))
        os.utime(path)
        os.utime(path.with_suffix(".json"))
    except (OSError, ValueError):  # it is not kept, or not whole
        return None
    return text if text.sha256 == sha256 else None


def changed_error() -> ValueError:
    """For a text that is not the same each time it is read."""
    return ValueError("The text has changed while it was read: open it again.")


def _check_space(folder: Path, needed: int) -> None:
    free = free_space(folder)
    if free < needed + SPACE_MARGIN:
        raise NoSpaceError(
            f"To open this text takes {needed / 1e6:,.0f} MB in {folder}, where {free / 1e6:,.0f} MB "
            "are free. TINYGPT_HOME names another folder."
        )
