"""The files of a saved run: what their tensors are, and how they are damaged."""

import hashlib
from pathlib import Path

import torch

from engine.storage.moment_files import LATEST, moments_of
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run


def digest(name: str) -> str:
    """One hash of all tensors of a run's newest checkpoint."""
    total = hashlib.sha256()
    for group, tensors in sorted(load_run(name).state.items()):
        for key, tensor in sorted(tensors.items()):
            total.update(f"{group}.{key} {tuple(tensor.shape)}".encode())
            total.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def damage_moment(name: str, step: int) -> Path:
    """Change a bit of the weights that a run keeps of a step; their file."""
    path = next(m.path for m in moments_of(folder_of(name), LATEST) if m.step == step)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path
