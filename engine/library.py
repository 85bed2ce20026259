"""The runs that are kept: which there are, other names and notes for them, how they compare."""

import shutil

import msgspec

from engine.checkpoints import DamagedError, checkpoints_of, read_manifest
from engine.files import rename_folder
from engine.history import read_history
from engine.lock import held
from engine.protocol import Evaluated, HeldOut, RunSummary
from engine.runs import (
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
    """The saved runs, last used first; what cannot be read is left out."""
    found = []
    for name in names():
        folder = folder_of(name)
        try:
            info = read_info(folder)
            checkpoint = checkpoints_of(folder)[-1]
            progress = read_manifest(checkpoint).progress
            used = checkpoint.stat().st_mtime
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        except (OSError, msgspec.DecodeError, IndexError, DamagedError):
            continue
        found.append(
            RunSummary(
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
        )
    return sorted(found, key=lambda summary: -summary.used)


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


def held_out(name: str) -> HeldOut:
    """How a run went, thinned evenly where its exams are many; the last is always told. ValueError,
    in a sentence, where it cannot be read."""
    check_known(name)
    losses = [
        (event.step, event.loss)
        for event in read_history(folder_of(name))
        if isinstance(event, Evaluated)
    ]
    stride = -(-len(losses) // COMPARED_POINTS)
    return HeldOut(name, tuple(losses[::-stride][::-1]) if losses else ())
