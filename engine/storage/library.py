"""The runs that are kept: which there are, other names and notes for them, how they compare."""

import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.protocol import Evaluated, RunCurve, RunSummary
from engine.storage.atomic import rename_folder
from engine.storage.checkpoints import DamagedError, Progress, checkpoints_of, read_manifest
from engine.storage.history import read_history
from engine.storage.lock import held
from engine.storage.run import (
    check_known,
    folder_of,
    free_folder,
    names,
    read_info,
    with_note,
    write_info,
)

COMPARED_POINTS = 500
"""Losses of a run that are told for a comparison, at most: more than a chart has columns."""


def summaries() -> list[RunSummary]:
    """The saved runs, last used first; one that cannot be opened says why."""
    found = []
    for name in names():
        with suppress(OSError):  # it is just being deleted
            found.append(_summary(name))
    return sorted(found, key=lambda summary: -summary.used)


def _summary(name: str) -> RunSummary:
    folder = folder_of(name)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    newest = next(filter(None, map(_progress, reversed(checkpoints_of(folder)))), None)
    try:
        info = read_info(folder)
    except (OSError, msgspec.DecodeError):
        return _unreadable(name, size, "its run.json cannot be read")
    if newest is None:
        return _unreadable(name, size, "it has no checkpoint that is whole")
    progress, used = newest
    return RunSummary(
        name=name,
        corpus=info.corpus.name,
        preset=info.config.preset,
        step=progress.step,
        steps=progress.steps,
        best_loss=progress.best_loss,
        used=used,
        size=size,
        note=info.note,
    )


def _progress(checkpoint: Path) -> tuple[Progress, float] | None:
    """Where a checkpoint stands, and when it was written; None where that cannot be read."""
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
    """Remove a run and all that is in it. ValueError, in a sentence, while it is being trained."""
    check_known(name)
    with held(folder_of(name)) as folder:
        gone = folder.with_name(f".{name}.deleted")
        rename_folder(folder, gone)
        shutil.rmtree(gone)


def rename(name: str, new_name: str) -> None:
    """Give a run another name. ValueError, in a sentence, for one that cannot be, or while it is
    being trained."""
    check_known(name)
    with held(folder_of(name)) as folder:
        rename_folder(folder, free_folder(new_name))


def annotate(name: str, note: str) -> None:
    """Keep a note with a run. ValueError, in a sentence, while it is being trained elsewhere."""
    check_known(name)
    with held(folder_of(name)) as folder:
        write_info(folder, with_note(read_info(folder), note))


def held_out(name: str) -> RunCurve:
    """How a run went, thinned evenly where its exams are many; the last is always told. ValueError,
    in a sentence, where it cannot be read."""
    check_known(name)
    losses = [
        (event.step, event.loss)
        for event in read_history(folder_of(name))
        if isinstance(event, Evaluated)
    ]
    stride = -(-len(losses) // COMPARED_POINTS)
    return RunCurve(name, tuple(losses[::-stride][::-1]) if losses else ())
