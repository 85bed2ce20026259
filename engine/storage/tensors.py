"""Files of tensors (safetensors), verified when they are read."""

import hashlib
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from engine.storage.manifest import HEADER_LIMIT, DamagedError


def read_verified(path: Path, max_bytes: int, sha256: str | None, what: str) -> bytes:
    """The content of a file of tensors, with `max_bytes` of tensor data at most.

    DamagedError, which calls it `what`, if it cannot be read, or is not the file with that sha256.
    Untrusted content is safe: no more is read than there may be.
    """
    limit = max_bytes + HEADER_LIMIT
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise DamagedError(f"{what}: {error.strerror}") from None
    if len(content) > limit:
        raise DamagedError(f"{what} is larger than the model")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedError(f"{what} has been changed")
    if int.from_bytes(content[:8], "little") > HEADER_LIMIT:
        raise DamagedError(f"{what} has a header that is too large")
    return content


def tensors_in(content: bytes, what: str) -> dict[str, Tensor]:
    """The tensors in the content of a file, by name. DamagedError, which calls it `what`."""
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise DamagedError(f"{what}: {error}") from None
    except KeyError as error:  # a number format that torch does not have, such as F4
        raise DamagedError(f"{what} has numbers in the format {error}") from None


def as_file(tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The content of a file with these tensors."""
    plain = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    return safetensors.torch.save(plain, metadata)
