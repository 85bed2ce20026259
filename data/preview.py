"""What a text is made of, before it is opened: all of a small one, the beginning of a large one."""

import os
from pathlib import Path
from typing import NamedTuple

from data import catalog
from data.decoding import decode
from data.raw_bytes import MAX_KEPT_BYTES, OPEN_FLAGS
from data.reading import Reading
from data.safe_text import safe_text
from data.text import distinct
from data.vocabulary import check_vocabulary

PREVIEW_BYTES = 8_000_000
"""Up to this size a text is read whole: a fraction of a second."""


class Preview(NamedTuple):
    """What is known of a text."""

    vocabulary: int
    """Distinct characters of what was read."""
    whole: bool
    """Whether that was all of it."""


def preview(name_or_path: str, reading: Reading = Reading()) -> Preview:
    """Count the distinct characters of a corpus of the catalog, a file or a folder.

    ValueError, with a user-facing message, if there is no such text or it cannot be used.
    """
    found = catalog.find(name_or_path, reading, MAX_KEPT_BYTES)
    if found is None and (copy := catalog.large_copy(name_or_path, reading)) is not None:
        found, reading = copy.found, copy.reading
    whole = found is None or found.size <= PREVIEW_BYTES
    if found is None or whole:
        characters = distinct(catalog.load(name_or_path, reading).text)
    else:
        characters = _characters([file.path for file in found.files], reading)
    check_vocabulary(len(characters))
    return Preview(len(characters), whole)


def _characters(files: list[Path], reading: Reading) -> set[str]:
    """The distinct characters of the first `PREVIEW_BYTES` of some files; in a folder, those that
    are no text are left out."""
    characters: set[str] = set()
    remaining = PREVIEW_BYTES
    for file in files:
        try:
            with os.fdopen(os.open(file, OPEN_FLAGS), "rb") as opened:
                content = opened.read(remaining)
            remaining -= len(content)
            complete = content[: content.rfind(b"\n") + 1] or content  # no character cut in two
            characters.update(decode(complete, safe_text(file.name), reading.encoding).text)
        except OSError:
            continue
        except ValueError:
            if len(files) == 1:
                raise
        if remaining <= 0:
            break
    return characters
