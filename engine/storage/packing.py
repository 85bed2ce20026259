"""Packs a run into one file that can be opened elsewhere (`engine.storage.unpacking`).

    amber-otter/run.json  metrics.jsonl  ladder.json  corpus.txt  training.txt
                checkpoints/000007/manifest.json  model.safetensors  optimizer.safetensors
                moments/0000000250.<sha256>.safetensors

It is a zip archive of what a run consists of, as it was at its newest checkpoint; what belongs to
this machine (locks, event files, the folder of the text) is not in it. Entries are stored, not
compressed: weights hardly get smaller, the same run gives the same bytes wherever it is packed, and
an archive from an untrusted source is never larger than it looks.

Another program may train the run meanwhile. Checkpoints and moments are whole from the moment on
that they are there, but may be deleted at any time: checkpoints are all opened at the beginning,
and a moment that is gone is left out.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import BufferedReader
from itertools import islice
from pathlib import Path
from stat import S_IFREG
from typing import NamedTuple
from zipfile import ZipFile, ZipInfo

from engine.storage.atomic import replacing
from engine.storage.history import FILE as HISTORY
from engine.storage.history import history_lines
from engine.storage.ladder_file import FILE as LADDER
from engine.storage.ladder_file import read_ladder
from engine.storage.manifest import (
    GROUPS,
    MANIFEST,
    DamagedError,
    Manifest,
    checkpoints_of,
    read_manifest,
)
from engine.storage.moment_files import FOLDER as MOMENTS
from engine.storage.moment_files import Moment, moments_of
from engine.storage.names import NAME
from engine.storage.paths import check_exists, folder_of
from engine.storage.run_info import (
    TOKENIZER_FILE,
    RunInfo,
    UnreadableInfoError,
    info_content,
    read_info,
    without_folder,
)
from engine.storage.run_texts import texts_of

CHUNK = 1 << 22
"""Bytes copied at a time."""
LINES = 5_000
"""Lines of the history copied at a time."""
SAME_DATE = (1980, 1, 1, 0, 0, 0)
REGULAR_FILE = (S_IFREG | 0o644) << 16


class PackedFile(NamedTuple):
    """What was packed."""

    step: int  # of the newest checkpoint
    size: int  # bytes


class _Checkpoint(NamedTuple):
    """A checkpoint whose files are open: they can be read even when it is deleted."""

    name: str
    manifest: Manifest
    groups: dict[str, BufferedReader]

    @property
    def is_whole(self) -> bool:
        """Whether its files are those that the manifest names."""
        return all(_digest(self.groups[name]) == self.manifest.sha256.get(name) for name in GROUPS)

    @property
    def size(self) -> int:
        """Bytes of its tensors."""
        return sum(os.fstat(file.fileno()).st_size for file in self.groups.values())


class _Entry(NamedTuple):
    """A file of the archive."""

    name: str
    chunks: Iterator[bytes]


def pack(name: str, path: Path, *, moments: bool) -> Iterator[float | PackedFile]:
    """Pack a run into a file. `moments`: with the weights that were kept of earlier steps.

    Yields the fractions done, then the result. ValueError, with a user-facing message, if there is
    no such run or it cannot be read; OSError. On an error, or if the work is given up, the file is
    as it was.
    """
    check_exists(name)
    folder = folder_of(name)
    with ExitStack() as stack:
        checkpoints = []
        for checkpoint in _open_checkpoints(folder, stack):
            if checkpoint.is_whole:
                checkpoints.append(checkpoint)
            yield 0.0
        if not checkpoints:
            raise ValueError(f"The run {name!r} has no complete checkpoint.")
        try:
            info = read_info(folder)
        except UnreadableInfoError as error:
            raise ValueError(f"The run {name!r} cannot be read: {error}.") from None
        step = checkpoints[-1].manifest.progress.step
        kept = moments_of(folder, step) if moments else []
        total = sum(checkpoint.size for checkpoint in checkpoints)
        total += sum(moment.size for moment in kept)
        total += sum((folder / file).stat().st_size for file in texts_of(info))
        done = 0
        parent = name if NAME.fullmatch(name) else "run"
        file = stack.enter_context(replacing(path))
        archive = stack.enter_context(ZipFile(file, "w"))
        for entry in _entries(folder, info, checkpoints, kept):
            with archive.open(_header(f"{parent}/{entry.name}"), "w", force_zip64=True) as target:
                for chunk in entry.chunks:
                    target.write(chunk)
                    done += len(chunk)
                    yield min(1.0, done / total)  # the history comes in addition
    yield PackedFile(step, path.stat().st_size)


def _open_checkpoints(folder: Path, stack: ExitStack) -> list[_Checkpoint]:
    """The checkpoints of a run, oldest first, without those that are just being deleted."""
    found = []
    for path in checkpoints_of(folder):
        with suppress(DamagedError, FileNotFoundError):
            manifest = read_manifest(path)
            groups = {
                name: stack.enter_context((path / f"{name}.safetensors").open("rb"))
                for name in GROUPS
            }
            found.append(_Checkpoint(path.name, manifest, groups))
    return found


def _entries(
    folder: Path, info: RunInfo, checkpoints: list[_Checkpoint], kept: list[Moment]
) -> Iterator[_Entry]:
    """The files of a run, as it was at the last of these checkpoints."""
    yield _Entry("run.json", iter([info_content(without_folder(info))]))
    if info.tokenizer is not None:
        yield _Entry(TOKENIZER_FILE, iter([(folder / TOKENIZER_FILE).read_bytes()]))
    step = checkpoints[-1].manifest.progress.step
    yield _Entry(HISTORY, _joined(history_lines(folder, step)))
    if read_ladder(folder, info) is not None:
        yield _Entry(LADDER, iter([(folder / LADDER).read_bytes()]))
    for checkpoint in checkpoints:
        where = f"checkpoints/{checkpoint.name}"
        for name, file in checkpoint.groups.items():
            yield _Entry(f"{where}/{name}.safetensors", _chunks(file))
        yield _Entry(f"{where}/{MANIFEST}", iter([checkpoint.manifest.as_file()]))
    for moment in kept:
        with suppress(FileNotFoundError), moment.path.open("rb") as file:  # it may be deleted
            if _digest(file) == moment.sha256:
                yield _Entry(f"{MOMENTS}/{moment.path.name}", _chunks(file))
    for name in texts_of(info):
        with (folder / name).open("rb") as file:
            yield _Entry(name, _chunks(file))


def _header(name: str) -> ZipInfo:
    """The same wherever and whenever it is written."""
    header = ZipInfo(name, SAME_DATE)
    header.create_system = 3  # Unix, whose attributes follow
    header.external_attr = REGULAR_FILE
    return header


def _chunks(file: BufferedReader) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(CHUNK), b"")


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    return iter(lambda: b"".join(islice(lines, LINES)), b"")


def _digest(file: BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
