"""What a text is made of, before it is opened: all of a small one, the beginning of a large one."""

import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import NamedTuple

from data import catalog
from data.decoding import decode
from data.folders import find_text_files
from data.raw_bytes import OPEN_FLAGS, TAKE_A_PART, check_size
from data.reading import Reading
from data.safe_text import safe_text
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
    files = [] if name_or_path in catalog.names() else _files(name_or_path, reading)
    size = sum(size for _, size in files)
    check_size(size, safe_text(name_or_path), TAKE_A_PART)
    whole = size <= PREVIEW_BYTES
    if whole:
        characters = set(catalog.load(name_or_path, reading).text)
    else:
        characters = _characters([path for path, _ in files], reading)
    check_vocabulary(len(characters))
    return Preview(len(characters), whole)


def _files(given: str, reading: Reading) -> list[tuple[Path, int]]:
    """The files of a text with their sizes; none where there is nothing to read."""
    try:
        path = Path(given).expanduser()
        folder = S_ISDIR(path.stat().st_mode)
    except (OSError, RuntimeError, ValueError):
        return []
    found = find_text_files(path, safe_text(given), reading.ignore).files if folder else [path]
    files = []
    for file in found:
        with suppress(OSError):
            status = file.stat()
            if S_ISREG(status.st_mode):
                files.append((file, status.st_size))
    return files


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
