"""Opens large texts: read, counted and encoded once, and kept in a file for the next time.

    <home>/encoded/<key>.seen    which files, as they were, gave which text (`Seen`)

They are recognized by what the system says of the files (inode, size, times), so the second time
they are not read. When all of it takes more than `MOST_KEPT` bytes, the texts go that were not
opened for the longest time; what an interrupted encoding has left goes after an hour.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from os import stat_result
from pathlib import Path

import msgspec
from msgspec import Struct

from data.catalog import Corpus, arranged, described
from data.decoding import decode_exactly
from data.documents import Documents, Holdout
from data.files import Found, OnRead, look
from data.raw_bytes import MAX_KEPT_BYTES, read_pieces
from data.reading import Reading
from data.text import LargeText
from engine.storage.atomic import UNFINISHED, replace_file
from engine.storage.corpus_text import Report
from engine.storage.kept_text import KeptText
from engine.storage.paths import home
from engine.storage.text_writer import Pieces, changed_error, count, open_kept, write

MOST_KEPT = 20_000_000_000
"""Bytes of all kept texts."""
ABANDONED = 3600.0
"""Seconds after which an unfinished file is one that nobody writes."""
_RECENT = 0.1  # seconds: a file may change once more without another time


class Seen(Struct, frozen=True, forbid_unknown_fields=True):
    """The text that some files gave."""

    files: str  # a digest of what the system says of them
    sha256: str  # of the text
    note: str = ""
    documents: int = 1
    held_out: int = 0
    train_characters: int = 0


class Meter:
    """How far the reading of a text is."""

    def __init__(self, size: int, report: Report) -> None:
        """`size`: in bytes."""
        self._size = size
        self._report = report
        self._what = ""
        self._read = 0

    def begin(self, what: str) -> None:
        """Begin to read it all, for a purpose."""
        self._what, self._read = what, 0
        self._report(what, 0.0)

    def add(self, size: int) -> None:
        """So many bytes have been read."""
        self._read += size
        self._report(self._what, min(1.0, self._read / max(1, self._size)))


def texts_folder() -> Path:
    """Where large texts are kept."""
    return home() / "encoded"


def load_large(
    found: Found,
    reading: Reading,
    holdout: Holdout | None,
    report: Report,
    check: Callable[[OnRead], None] | None = None,
) -> Corpus:
    """The corpus of files, with its text. `check` looks at the files before they are read, and
    raises where they are not as they should be. ValueError, with a user-facing message, as from
    `data.catalog.load`; OSError if it cannot be kept."""
    key = _key(found.paths, repr(reading), repr(holdout))
    files = [file.path for file in found.files]
    now = _state_of(files)
    seen = _seen(key, now)
    if seen is not None and (text := open_kept(texts_folder(), seen.sha256)) is not None:
        return _corpus(found, reading, seen, text)
    meter = Meter(found.size, report)
    if check is not None:
        meter.begin(f"checking {found.name}")
        check(meter.add)
    meter.begin(f"reading {found.name}")
    looked = look(found, reading, meter.add)
    documents = arranged(looked.documents, holdout)
    begun = time.time()
    text, train = _keep(documents.pieces, found.name, _held_out_from(documents), meter)
    if _state_of(files) != now:
        raise changed_error()
    seen = Seen(now, text.sha256, looked.note, len(documents.files), documents.held_out, train)
    _remember(key, seen, files, begun)
    return _corpus(found, reading, seen, text)


def read_large(path: Path, report: Report) -> KeptText:
    """The text of a saved run, from its large `corpus.txt`. OSError; ValueError (UnicodeDecodeError,
    or with a user-facing message)."""
    now, key = _state_of([path]), _key([path])
    seen = _seen(key, now)
    if seen is not None and (text := open_kept(texts_folder(), seen.sha256)) is not None:
        return text
    meter = Meter(path.stat().st_size, report)

    def content() -> Iterator[bytes]:
        for piece in read_pieces(path, path.name, 0, MAX_KEPT_BYTES * 4):
            yield piece
            meter.add(len(piece))

    def pieces() -> Iterator[tuple[int, str]]:
        return ((0, piece) for piece in decode_exactly(content()))

    begun = time.time()
    text, _ = _keep(pieces, path.name, 1, meter)
    _remember(key, Seen(now, text.sha256), [path], begun)
    return text


def remember(path: Path, text: LargeText) -> None:
    """That a file has been written from a text, so that opening it need not read it."""
    with suppress(OSError):
        seen = Seen(_state_of([path]), text.sha256)
        replace_file(_seen_path(_key([path])), [msgspec.json.encode(seen)])


def _keep(pieces: Pieces, name: str, held_out_from: int, meter: Meter) -> tuple[KeptText, int]:
    """The text, counted, and encoded unless it is kept already; and the characters of its documents
    that are not held out."""
    meter.begin(f"counting {name}")
    counted = count(pieces, name, held_out_from)
    folder = texts_folder()
    text = open_kept(folder, counted.sha256)
    if text is None:
        clean(folder, MOST_KEPT - counted.counts.total)
        meter.begin(f"encoding {name}")
        text = write(folder, counted, pieces)
    return text, counted.train_characters


def _held_out_from(documents: Documents) -> int:
    return len(documents.files) - documents.held_out


def _corpus(found: Found, reading: Reading, seen: Seen, text: KeptText) -> Corpus:
    note = seen.note
    if text.info.pairs < len(text) - 1:
        sampled = (
            f"letter pairs were counted in {text.info.pairs:,} characters, spread over the text"
        )
        note = "; ".join(filter(None, (note, sampled)))
    return msgspec.structs.replace(
        described(found, reading, Documents(()), note),
        text=text,
        documents=seen.documents,
        held_out=seen.held_out,
        train_characters=seen.train_characters if seen.held_out else 0,
    )


# What was seen before.


def _key(paths: Iterable[Path], *how: str) -> str:
    parts = (*(str(path.absolute()) for path in paths), *how)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _state_of(files: Iterable[Path]) -> str:
    """A digest of what the system says of some files: another one if any of them has changed."""
    digest = hashlib.sha256()
    for file in files:
        try:
            of = file.stat()
        except OSError:
            digest.update(b"gone")
            continue
        facts = (of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns)
        digest.update(f"{file.absolute()}\0{facts}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _seen_path(key: str) -> Path:
    return texts_folder() / f"{key}.seen"


def _seen(key: str, now: str) -> Seen | None:
    """What these files gave, if they were as they are now."""
    try:
        seen = msgspec.json.decode(_seen_path(key).read_bytes(), type=Seen)
    except (OSError, ValueError, RecursionError):
        return None
    return seen if seen.files == now else None


def _remember(key: str, seen: Seen, files: Iterable[Path], begun: float) -> None:
    """Keep what was seen, unless a file is so new that its next change may not show in its times."""
    with suppress(OSError):
        if max(file.stat().st_ctime for file in files) < begun - _RECENT:
            replace_file(_seen_path(key), [msgspec.json.encode(seen)])


def clean(folder: Path, most: int) -> None:
    """Delete the texts that were not opened for the longest time, until the others take no more than
    `most` bytes, and what was left unfinished. A text that is open in a program stays readable
    there."""
    size = 0
    for path, status in sorted(_files(folder), key=lambda file: -file[1].st_mtime):
        unfinished = path.name.endswith(UNFINISHED) or path.stem.isdigit()
        if unfinished:
            if time.time() - status.st_mtime > ABANDONED:
                path.unlink(missing_ok=True)
            continue
        size += status.st_size
        if size > most:
            with suppress(OSError):  # Windows keeps a file that is open
                path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, stat_result]]:
    for path in folder.glob("*"):
        with suppress(OSError):
            yield path, path.stat()
