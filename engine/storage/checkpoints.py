"""Checkpoints with their tensors: all that the next step of a run depends on.

A checkpoint is written atomically and verified when it is read (`engine.storage.manifest`).
Retention: the two newest are kept, and the best.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from engine.device import Machine
from engine.storage.atomic import make_folder, new_folder, rename_folder
from engine.storage.manifest import (
    GROUPS,
    MANIFEST,
    Manifest,
    Progress,
    best_of,
    checkpoints_of,
    read_manifest,
)
from engine.storage.tensors import as_file, read_verified, tensors_in

State = dict[str, dict[str, Tensor]]
"""A trainer's `state_dict()`: tensors by group and name."""

KEEP_NEWEST = 2
"""How many of the newest checkpoints are kept, besides the best."""
MOST_KEPT = KEEP_NEWEST + 1


def read_checkpoint(checkpoint: Path, max_group_bytes: int) -> tuple[Manifest, State]:
    """Read and verify a checkpoint. `max_group_bytes`: of tensor data in one group for this model.

    DamagedError if it is corrupt or is not a checkpoint of this size. Untrusted content is safe: no
    code in it is run, and no more is read than a checkpoint of this model can have.
    """
    manifest = read_manifest(checkpoint)
    state: State = {}
    for name in GROUPS:
        what = f"{name} in checkpoint {checkpoint.name}"
        path = checkpoint / f"{name}.safetensors"
        content = read_verified(path, max_group_bytes, manifest.sha256.get(name), what)
        state[name] = tensors_in(content, what)
    return manifest, state


def write_checkpoint(folder: Path, progress: Progress, machine: Machine, state: State) -> None:
    """Add a checkpoint to a run, then delete those that are no longer needed. OSError leaves the
    previous checkpoints in place."""
    checkpoints = folder / "checkpoints"
    make_folder(checkpoints)
    contents = {name: as_file(state[name]) for name in GROUPS}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = Manifest(progress, machine, digests).sealed().as_file()
    files = {f"{name}.safetensors": content for name, content in contents.items()}
    number = 1 + max((int(p.name) for p in checkpoints_of(folder)), default=0)
    new_folder(checkpoints / f"{number:06d}", {**files, MANIFEST: manifest})
    _prune(folder)


def set_aside(dropped: Iterable[Path]) -> None:
    """Rename checkpoints so that they no longer count; later checkpoints delete them.

    One after the other, oldest first: an interruption leaves either the newest checkpoint in place
    or the one that the run was opened from.
    """
    for checkpoint in dropped:
        target = checkpoint.with_name(f"{checkpoint.name}.damaged")
        shutil.rmtree(target, ignore_errors=True)
        rename_folder(checkpoint, target)


def _prune(folder: Path) -> None:
    found = checkpoints_of(folder)
    kept = {*found[-KEEP_NEWEST:], best_of(folder)}
    for checkpoint in found:
        if checkpoint not in kept:
            shutil.rmtree(checkpoint, ignore_errors=True)
    if len(found) >= KEEP_NEWEST:
        for damaged in (folder / "checkpoints").glob("*.damaged"):
            shutil.rmtree(damaged, ignore_errors=True)
