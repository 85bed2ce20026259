"""A folder for TensorBoard: the history of a run up to a step, as its event file has it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from engine.export.source import Source
from engine.protocol import Precision
from engine.storage.event_file import contents, record
from engine.storage.event_log import Summaries, new_file_name
from engine.storage.history import read_history

SLICE = 200
"""Events between two slices: some hundredths of a second."""


def check(source: Source) -> None:
    """Any run can be written."""


def notes(source: Source) -> tuple[str, ...]:
    """What the figures do not say."""
    return (
        "Each record has been read back as it was written. tensorboard --logdir shows the folder.",
    )


def write(source: Source, folder: Path, precision: Precision) -> Iterator[float]:
    """Write the folder, in slices: the fractions done. ValueError, with a user-facing message, if
    the records do not read back as they were written; OSError."""
    folder.mkdir()
    path = folder / new_file_name()
    written = hashlib.sha256()
    with path.open("wb") as file:
        for number, content in enumerate(_contents(source)):
            file.write(record(content))
            written.update(content)
            if number % SLICE == 0:
                yield 0.0
    read = hashlib.sha256()
    with path.open("rb") as file:
        for number, content in enumerate(contents(file)):
            read.update(content)
            if number % SLICE == 0:
                yield 0.5
    if read.digest() != written.digest():
        raise ValueError("What was written does not read back as it was: nothing was exported.")


def _contents(source: Source) -> Iterator[bytes]:
    summaries = Summaries(source.info.created)
    yield from summaries.beginning()
    for event in read_history(source.folder, source.step):
        yield from summaries.of(event)
