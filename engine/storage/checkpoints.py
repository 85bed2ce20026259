"""Checkpoints: all that the next step of a run depends on, as files that are whole or not there.

    checkpoints/000007/model.safetensors  optimizer.safetensors  manifest.json

The manifest holds the sha256 of each file, and of itself. The two newest stay, and the best.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import safetensors
import safetensors.torch
from msgspec import Struct
from torch import Tensor

from engine.device import Machine
from engine.protocol import Phase
from engine.storage.atomic import make_folder, new_folder, rename_folder

State = dict[str, dict[str, Tensor]]
"""What a trainer's `state_dict()` gives: tensors by group and name."""

GENERATIONS = 2
"""Checkpoints that are kept, beside the best."""
GROUPS = ("model", "optimizer")
MANIFEST = "manifest.json"
MANIFEST_LIMIT = 1 << 16
"""Bytes. A manifest of ours has about a thousand."""
HEADER_LIMIT = 1 << 20
"""Bytes that a safetensors file may have beyond its numbers: names and shapes."""


class Progress(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run stands, apart from its tensors."""

    step: int
    steps: int
    minutes: float
    elapsed: float
    learning_rate: float
    evaluated: int  # the last step that was evaluated; -1: none
    loss: float | None  # of that evaluation
    best_loss: float | None
    done: bool

    @property
    def phase(self) -> Phase:
        """The phase in which such a run is opened."""
        if self.done:
            return "done"
        return "paused" if self.step else "untrained"

    @property
    def examined(self) -> bool:
        """Whether `loss` is that of these very weights."""
        return self.loss is not None and self.evaluated == self.step


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`."""

    progress: Progress
    machine: Machine
    sha256: dict[str, str]
    digest: str = ""
    """The sha256 of this manifest as it is without it."""

    def sealed(self) -> "Manifest":
        """With its digest."""
        bare = msgspec.structs.replace(self, digest="")
        digest = hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
        return msgspec.structs.replace(self, digest=digest)


class DamagedError(ValueError):
    """A checkpoint that is not as it was written."""


def checkpoints_of(folder: Path) -> list[Path]:
    """A run's checkpoints, oldest first; one that was never finished has another name. OSError
    where they cannot be listed (`glob` would show none)."""
    try:
        return sorted(p for p in (folder / "checkpoints").iterdir() if p.name.isdecimal())
    except FileNotFoundError:
        return []


def read_manifest(checkpoint: Path) -> Manifest:
    """The manifest of a checkpoint. DamagedError, in a few words."""
    try:
        with (checkpoint / MANIFEST).open("rb") as file:
            content = file.read(MANIFEST_LIMIT + 1)
        manifest = msgspec.json.decode(content, type=Manifest)
    except OSError as error:
        raise DamagedError(
            f"the manifest of checkpoint {checkpoint.name}: {error.strerror}"
        ) from None
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise DamagedError(
            f"checkpoint {checkpoint.name} has no readable manifest ({error})"
        ) from None
    if manifest.sealed() != manifest:
        raise DamagedError(f"the manifest of checkpoint {checkpoint.name} has been changed")
    return manifest


def read_checkpoint(checkpoint: Path, largest: int) -> tuple[Manifest, State]:
    """A checkpoint, if it is whole. `largest`: bytes that a group of the model's tensors has.

    DamagedError, in a few words, for one that has been changed, or was never ours: nothing in it is
    run, and no more of it is read than a checkpoint of this model can have.
    """
    manifest = read_manifest(checkpoint)
    state: State = {}
    for name in GROUPS:
        try:
            with (checkpoint / f"{name}.safetensors").open("rb") as file:
                content = file.read(largest + HEADER_LIMIT + 1)
        except OSError as error:
            raise DamagedError(
                f"{name} in checkpoint {checkpoint.name}: {error.strerror}"
            ) from None
        if len(content) > largest + HEADER_LIMIT:
            raise DamagedError(f"{name} in checkpoint {checkpoint.name} is larger than the model")
        if hashlib.sha256(content).hexdigest() != manifest.sha256.get(name):
            raise DamagedError(f"{name} in checkpoint {checkpoint.name} has been changed")
        if int.from_bytes(content[:8], "little") > HEADER_LIMIT:
            raise DamagedError(
                f"{name} in checkpoint {checkpoint.name} has a header out of all bounds"
            )
        try:
            state[name] = safetensors.torch.load(content)
        except safetensors.SafetensorError as error:
            raise DamagedError(f"{name} in checkpoint {checkpoint.name}: {error}") from None
    return manifest, state


def write_checkpoint(folder: Path, progress: Progress, machine: Machine, state: State) -> None:
    """Add a checkpoint to a run, then let go of those that are not needed any more."""
    checkpoints = folder / "checkpoints"
    make_folder(checkpoints)
    contents = {
        name: safetensors.torch.save({k: t.contiguous().cpu() for k, t in state[name].items()})
        for name in GROUPS
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = msgspec.json.encode(Manifest(progress, machine, digests).sealed())
    files = {f"{name}.safetensors": content for name, content in contents.items()}
    number = 1 + max((int(p.name) for p in checkpoints_of(folder)), default=0)
    new_folder(checkpoints / f"{number:06d}", {**files, MANIFEST: msgspec.json.format(manifest)})
    _prune(folder)


def set_aside(damaged: Iterable[Path]) -> None:
    """Take damaged checkpoints out of the way: they must not count as the newest. The next
    checkpoints clear them away."""
    for checkpoint in damaged:
        target = checkpoint.with_name(f"{checkpoint.name}.damaged")
        shutil.rmtree(target, ignore_errors=True)
        rename_folder(
            checkpoint, target
        )  # one by one: the newest that is there is to be the newest


def best_of(folder: Path) -> Path | None:
    """The checkpoint with the lowest loss on held-out text, of those examined where they stand."""
    examined = []
    for checkpoint in checkpoints_of(folder):
        try:
            progress = read_manifest(checkpoint).progress
        except DamagedError:
            continue
        if progress.examined:
            examined.append((progress.loss, checkpoint.name, checkpoint))
    return min(examined)[2] if examined else None


def _prune(folder: Path) -> None:
    found = checkpoints_of(folder)
    kept = {*found[-GENERATIONS:], best_of(folder)}
    for checkpoint in found:
        if checkpoint not in kept:
            shutil.rmtree(checkpoint, ignore_errors=True)
    if len(found) >= GENERATIONS:
        for damaged in (folder / "checkpoints").glob("*.damaged"):
            shutil.rmtree(damaged, ignore_errors=True)
