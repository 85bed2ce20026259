"""Checkpoint folders and their manifests: everything about a checkpoint except its tensors.

    checkpoints/000007/model.safetensors  optimizer.safetensors  manifest.json

The manifest holds the sha256 of both files, and of itself.
"""

import hashlib
from math import prod
from os import SEEK_END
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.device import Machine
from engine.protocol import Extended, Phase

GROUPS = ("model", "optimizer")
"""Of tensors: a file each."""
MANIFEST = "manifest.json"
MANIFEST_LIMIT = 1 << 16
"""Bytes read of a manifest; a genuine one has about a thousand."""

HEADER_LIMIT = 1 << 20
"""Bytes of a safetensors file besides the tensor data: the names and shapes."""


class Progress(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The state of a run, apart from its tensors. Fields with a default are newer than the others:
    they are omitted where they have it, so that the digest of an older manifest holds."""

    step: int
    steps: int  # planned
    minutes: float  # planned; 0: the steps decide
    elapsed: float  # seconds trained so far
    learning_rate: float  # before the schedule
    evaluated: int  # the last step that was evaluated; -1: none
    loss: float | None  # of that evaluation; None: it was not a number
    best_loss: float | None
    done: bool
    extended: Extended | None = None  # the last time, unless that was by an earlier version
    skipped: int = 0  # batches left out, since the step with them could not be taken
    taught: str = ""  # the digest of what is taught (`engine.storage.teaching`); empty: nothing

    @property
    def phase(self) -> Phase:
        """The phase in which the run is opened."""
        if self.done:
            return "done"
        return "paused" if self.step else "untrained"

    @property
    def loss_is_current(self) -> bool:
        """Whether `loss` was measured with the weights of this very step."""
        return self.loss is not None and self.evaluated == self.step


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """`manifest.json`."""

    progress: Progress
    machine: Machine
    sha256: dict[str, str]  # by tensor group
    digest: str = ""
    """The sha256 of this manifest with an empty digest."""

    def sealed(self) -> "Manifest":
        """The same manifest with its digest."""
        unsealed = msgspec.structs.replace(self, digest="")
        digest = hashlib.sha256(msgspec.json.encode(unsealed)).hexdigest()
        return msgspec.structs.replace(self, digest=digest)

    def as_file(self) -> bytes:
        """The content of a `manifest.json`."""
        return msgspec.json.format(msgspec.json.encode(self))


class DamagedError(ValueError):
    """A checkpoint is corrupt, or was not written by this program. The message is a clause."""


def checkpoints_of(folder: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first. OSError if they cannot be listed."""
    try:  # not `glob`, which hides errors
        return sorted(p for p in (folder / "checkpoints").iterdir() if p.name.isdecimal())
    except FileNotFoundError:
        return []


def read_manifest(checkpoint: Path) -> Manifest:
    """The manifest of a checkpoint. DamagedError if it is missing or corrupt."""
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


class _Tensor(Struct):
    """What the header of a safetensors file says of a tensor."""

    shape: tuple[int, ...] = (0,)


def parameter_count(checkpoint: Path) -> int:
    """How many numbers its model has, from the shapes in the header of the file; 0 where that cannot
    be read."""
    try:
        with (checkpoint / "model.safetensors").open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > HEADER_LIMIT:
                return 0
            tensors = msgspec.json.decode(file.read(size), type=dict[str, _Tensor])
            numbers = sum(prod(tensor.shape) for tensor in tensors.values())
            return numbers if 0 < 4 * numbers <= file.seek(0, SEEK_END) else 0
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return 0


def best_of(folder: Path) -> Path | None:
    """The checkpoint with the lowest validation loss, among those that were evaluated at the step at
    which they were saved."""
    candidates = []
    for checkpoint in checkpoints_of(folder):
        try:
            progress = read_manifest(checkpoint).progress
        except DamagedError:
            continue
        if progress.loss_is_current:
            candidates.append((progress.loss, checkpoint.name, checkpoint))
    return min(candidates)[2] if candidates else None
