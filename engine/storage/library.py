"""The saved runs: list, rename, annotate, delete, compare. Needs no torch: nothing here reads a
tensor."""

import os
import shutil
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from engine.protocol import Evaluated, RunCurve, RunSummary, StepDone, Tokens
from engine.storage.atomic import rename_folder
from engine.storage.history import read_history
from engine.storage.listing import last_used_first
from engine.storage.lock import Holder, RunLock, locked
from engine.storage.manifest import (
    DamagedError,
    Progress,
    checkpoints_of,
    parameter_count,
    read_manifest,
)
from engine.storage.paths import check_exists, folder_of, free_folder, run_names
from engine.storage.recorded_tokens import recorded_tokens
from engine.storage.run_info import (
    UnknownFormatError,
    UnreadableInfoError,
    read_info,
    with_note,
    write_info,
)

MAX_CURVE_POINTS = 500
"""The most points of a `RunCurve`: more than a chart has columns."""


def summaries() -> list[RunSummary]:
    """The saved runs, last used first; for one that cannot be opened, `problem` says why."""
    return last_used_first(run_names(), _summary)


def _summary(name: str) -> RunSummary:
    folder = folder_of(name)
    size = _size(folder)
    checkpoints = checkpoints_of(folder)[::-1]
    newest = next(filter(None, map(_progress, checkpoints)), None)
    try:
        info = read_info(folder)
    except UnknownFormatError as error:
        return _unreadable(name, size, str(error))
    except (OSError, UnreadableInfoError):
        return _unreadable(name, size, "its run.json cannot be read")
    if newest is None:
        return _unreadable(name, size, "it has no complete checkpoint")
    progress, used = newest
    best = progress.best_loss
    return RunSummary(
        name=name,
        corpus=info.corpus.name,
        preset=info.config.preset,
        step=progress.step,
        steps=progress.steps,
        best_loss=best,
        used=used,
        size=size,
        note=info.note,
        parameters=next(filter(None, map(parameter_count, checkpoints)), 0),
        parent=info.parent.run if info.parent else "",
        parent_step=info.parent.step if info.parent else 0,
        done=progress.done,
        tokenizer=info.config.model.tokenizer,
        best_bits_per_byte=None
        if best is None
        else recorded_tokens(folder, info).bits_per_byte(best),
    )


def _size(folder: Path | str) -> int:
    """Bytes of all files in a folder. OSError if one of them is just being deleted."""
    size = 0  # of some dozen files in each run: `Path.rglob` takes several times as long
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                size += _size(entry.path)
            elif entry.is_file():
                size += entry.stat().st_size
    return size


def _progress(checkpoint: Path) -> tuple[Progress, float] | None:
    """The progress of a checkpoint, and when it was written; None if that cannot be read."""
    try:
        return read_manifest(checkpoint).progress, checkpoint.stat().st_mtime
    except (OSError, DamagedError):
        return None


def _unreadable(name: str, size: int, problem: str) -> RunSummary:
    return RunSummary(
        name=name,
        corpus="",
        preset="",
        step=0,
        steps=0,
        best_loss=None,
        used=folder_of(name).stat().st_mtime,
        size=size,
        problem=problem,
    )


def delete(name: str) -> None:
    """Delete a run. ValueError, with a user-facing message, while a program writes it."""
    check_exists(name)
    with locked(folder_of(name)) as folder:
        deleted = folder.with_name(f".{name}.deleted")
        rename_folder(folder, deleted)
        shutil.rmtree(deleted)


def rename(name: str, new_name: str) -> None:
    """Rename a run. ValueError, with a user-facing message, for a name that is invalid or taken, or
    while a program writes the run."""
    check_exists(name)
    with locked(folder_of(name)) as folder:
        rename_folder(folder, free_folder(new_name))


def annotate(name: str, note: str) -> None:
    """Set the note of a run. ValueError, with a user-facing message, while a program writes it."""
    check_exists(name)
    with locked(folder_of(name)) as folder:
        write_info(folder, with_note(read_info(folder), note))


def run_curve(name: str) -> RunCurve:
    """The validation losses of a run, thinned evenly if there are many; the last is always among
    them. ValueError, with a user-facing message, if it does not exist; OSError."""
    check_exists(name)
    folder = folder_of(name)
    evaluations = list(_evaluations(folder))
    stride = -(-len(evaluations) // MAX_CURVE_POINTS)
    thinned = evaluations[::-stride][::-1] if evaluations else []
    all_counted = all(one.characters or not one.step for one in thinned)
    tokens = Tokens()
    try:
        info = read_info(folder)
        corpus = info.corpus
        tokens = recorded_tokens(folder, info)
    except UnreadableInfoError:  # its history can be drawn all the same
        corpus = None
    return RunCurve(
        name,
        tuple((one.step, one.loss) for one in thinned),
        corpus.name if corpus else "",
        corpus.sha256 if corpus else "",
        tuple(one.characters for one in thinned) if all_counted else (),
        tuple(one.seconds for one in thinned),
        tokens,
    )


def run_in_training(later_than: str = "") -> str:
    """The run that another process writes, if it can be followed; of several, the one that was begun
    last. Empty: there is none. `later_than`: only one that was begun after this run."""
    for name, _ in _holders():
        if name == later_than:
            break
        folder = folder_of(name)
        if RunLock(folder).held_elsewhere() and checkpoints_of(folder):
            return name
    return ""


def run_written_by(pid: int, since: float) -> str:
    """The run that a process has written last since a time (seconds since the epoch); empty if it
    has written none."""
    for name, holder in _holders():
        if holder.is_here and holder.pid == pid and holder.since >= since:
            return name
    return ""


def _holders() -> list[tuple[str, Holder]]:
    """Each run with the process that has written it last, the latest first."""
    found = [
        (name, holder) for name in run_names() if (holder := RunLock(folder_of(name)).holder())
    ]
    return sorted(found, key=lambda run: -run[1].since)


class _Evaluation(NamedTuple):
    """A validation loss, and how much of training had been done."""

    step: int
    loss: float
    characters: int
    seconds: float


def _evaluations(folder: Path) -> Iterator[_Evaluation]:
    """Those of a run whose loss is a number, in their order."""
    characters = 0
    for event in read_history(folder):
        if isinstance(event, StepDone):
            characters += event.tokens
        elif isinstance(event, Evaluated) and isfinite(event.loss):
            yield _Evaluation(event.step, event.loss, characters, event.elapsed)
