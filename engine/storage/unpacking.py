"""Unpacks a run from a file that was packed elsewhere (`engine.storage.packing`).

The file may be from an untrusted source. Only the files of a run are accepted, under their own
names, stored as they are, so that they take no more room than the archive does. They are written to
a folder apart, verified there as when a run is opened, and renamed into place once all is well.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from stat import S_IFMT, S_IFREG
from typing import NamedTuple
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from data.safe_text import safe_text
from engine.config import RunConfig
from engine.storage.arriving import free_name, unfinished_run
from engine.storage.atomic import rename_folder, sync_folder, write_new
from engine.storage.checkpoints import State, read_checkpoint
from engine.storage.history import FILE as HISTORY
from engine.storage.history import check_history
from engine.storage.ladder_file import FILE as LADDER
from engine.storage.ladder_file import read_ladder
from engine.storage.manifest import DamagedError, checkpoints_of, read_manifest
from engine.storage.moment_files import LATEST, moments_of
from engine.storage.moments import read_moment
from engine.storage.names import NAME
from engine.storage.packing import CHUNK, LINES
from engine.storage.paths import NoSpaceError, free_folder, free_space, runs_folder
from engine.storage.run_texts import read_other
from engine.storage.saved_run import max_group_bytes, read_files, with_text

Check = Callable[[State, RunConfig, int], None]
"""ValueError, with a user-facing message, for tensors that are not those of a model with this
config and so many tokens."""

FILE = re.compile(
    r"run\.json|tokenizer\.json|metrics\.jsonl|ladder\.json|(corpus|training)\.txt"
    r"|checkpoints/[0-9]{6,9}/(manifest\.json|(model|optimizer)\.safetensors)"
    r"|moments/[0-9]{10,19}\.[0-9a-f]{64}\.safetensors"
)
MOST_FILES = 1_000
DIRECTORY_LIMIT = 1 << 20
"""Bytes of the list of files in an archive; a genuine one has some hundred for each."""
ARCHIVE_ERRORS = (
    *(BadZipFile, EOFError, NotImplementedError, RuntimeError),
    *(UnicodeDecodeError, struct.error, OverflowError),
)
"""What `zipfile` raises for archives that are damaged or forged."""


class UnpackedRun(NamedTuple):
    """A run that was unpacked."""

    name: str
    step: int  # of its newest checkpoint


def unpack(path: Path, name: str, check: Check) -> Iterator[float | UnpackedRun]:
    """Make a saved run of a packed one. `name`: of the run; empty: the one that it was packed with,
    or one like it if that is taken.

    Yields the fractions done, then the result. ValueError, with a user-facing message, if it cannot be
    accepted, or the name is invalid or taken; OSError. On an error, or if the work is given up,
    nothing of it is left.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path} is not a file.")
    with _ShortReads(path) as file:
        with _refusing(path):
            archive = ZipFile(file)
            parent, entries = _checked(archive, path)
        name = name or free_name(parent)
        target = free_folder(name)
        _check_space(entries)
        with unfinished_run(name) as folder:
            for fraction in _written(archive, entries, folder, path):
                yield fraction / 2
            for fraction in _verified(name, folder, check):
                yield (1 + fraction) / 2
            step = read_manifest(checkpoints_of(folder)[-1]).progress.step
            rename_folder(folder, target)
    yield UnpackedRun(name, step)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """ValueError, with a user-facing message, where the archive is damaged or forged."""
    try:
        yield
    except ARCHIVE_ERRORS as error:
        reason = safe_text(str(error) or type(error).__name__)
        raise ValueError(f"{path.name} is damaged, or not a packed run: {reason}.") from None


class _ShortReads(io.FileIO):
    """A file of which `DIRECTORY_LIMIT` bytes are read at a time, at most: `zipfile` reads the whole
    list of files at once, however large it claims to be."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file; a longer rest needs further calls."""
        limited = DIRECTORY_LIMIT if size is None or size < 0 else min(size, DIRECTORY_LIMIT)
        return super().read(limited)


def _checked(archive: ZipFile, path: Path) -> tuple[str, dict[str, ZipInfo]]:
    """The name of the run in an archive, and its entries by their path in the run's folder.
    ValueError, with a user-facing message, if there is anything but the files of one run."""
    entries: dict[str, ZipInfo] = {}
    parents = set()

    def refuse(reason: str) -> None:
        raise ValueError(f"{path.name} is not a packed run: {safe_text(reason)}.")

    for entry in archive.infolist():
        parent, _, file = entry.filename.partition("/")
        parents.add(parent)
        kind = S_IFMT(entry.external_attr >> 16)
        if len(entries) == MOST_FILES:
            refuse("it has too many files")
        if not NAME.fullmatch(parent) or not FILE.fullmatch(file) or kind not in (0, S_IFREG):
            refuse(f"{entry.filename[:60]!r} is not a file of a run")
        if file in entries:
            refuse(f"it has {file!r} twice")
        if entry.compress_type != ZIP_STORED or entry.compress_size != entry.file_size:
            refuse(f"{file!r} is compressed")
        entries[file] = entry
    if missing := {"run.json", "corpus.txt", HISTORY} - entries.keys():
        refuse(f"it has no {min(missing)}")
    if len(parents) > 1:
        refuse("it has more than one folder")
    if _size(entries) > path.stat().st_size:
        refuse("its files claim to be larger than it is")
    return parents.pop(), entries


def _size(entries: dict[str, ZipInfo]) -> int:
    """Bytes of all files."""
    return sum(entry.file_size for entry in entries.values())


def _check_space(entries: dict[str, ZipInfo]) -> None:
    folder, size = runs_folder(), _size(entries)
    free = free_space(folder)
    if free < size:
        raise NoSpaceError(
            f"To unpack this run takes {size / 1e6:,.0f} MB in {folder}, "
            f"where {free / 1e6:,.0f} MB are free."
        )


def _written(
    archive: ZipFile, entries: dict[str, ZipInfo], folder: Path, path: Path
) -> Iterator[float]:
    """Write the entries of the archive at `path` to a folder; yields the fractions done."""
    size, written = _size(entries), 0
    for name, entry in entries.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with _refusing(path), archive.open(entry) as source:
            write_new(target, iter(partial(source.read, CHUNK), b""))
        written += entry.file_size
        yield written / size
    for parent in {(folder / name).parent for name in entries}:
        sync_folder(parent)


def _verified(name: str, folder: Path, check: Check) -> Iterator[float]:
    """Read everything as when the run is opened; yields the fractions done. ValueError, with a
    user-facing message, if anything would be refused then."""
    files = read_files(name, folder)
    info, checkpoints = files.info, files.checkpoints
    with_text(name, files, accepted=True)  # if it has changed, opening it asks
    read_other(name, folder, info)
    if not checkpoints:
        raise ValueError(f"The run {name!r} has no complete checkpoint.")
    if (folder / LADDER).exists() and read_ladder(folder, info) is None:
        raise ValueError(f"The run {name!r} is damaged: {LADDER} cannot be read.")
    for number, _ in enumerate(check_history(folder)):
        if number % LINES == 0:
            yield 0.0
    limit, moments = max_group_bytes(info), moments_of(folder, LATEST)
    parts = len(checkpoints) + len(moments)
    try:
        for number, checkpoint in enumerate(checkpoints):
            _, state = read_checkpoint(checkpoint, limit)
            check(state, info.config, info.vocabulary)
            yield number / parts
        for number, moment in enumerate(moments, len(checkpoints)):
            weights, _ = read_moment(moment, limit)
            check({"model": weights}, info.config, info.vocabulary)
            yield number / parts
    except DamagedError as error:
        raise ValueError(f"The run {name!r} is damaged: {error}.") from None
