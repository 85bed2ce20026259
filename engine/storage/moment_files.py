"""Moments: the weights of earlier steps of a run, kept to look back at. They hold the model alone,
not what the next step depends on: that is a checkpoint.

    moments/0000000250.<sha256>.safetensors

Which there are; nothing here reads a tensor.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FOLDER = "moments"
LATEST = 2**63
"""A step after all others."""


class Moment(NamedTuple):
    """One file."""

    step: int
    size: int  # bytes
    path: Path

    @property
    def sha256(self) -> str:
        """Of its content, according to its name."""
        return self.path.name.split(".")[1]


def is_regular(step: int) -> bool:
    """Whether the weights of a step are kept without an evaluation: 0, 1, 2, 4, 8, ..."""
    return step & (step - 1) == 0


def moments_of(folder: Path, last: int) -> list[Moment]:
    """The moments of a run up to the step `last`, oldest first. OSError if they cannot be listed."""
    found = []
    try:  # not `glob`, which hides errors
        paths = list((folder / FOLDER).iterdir())
    except FileNotFoundError:
        return []
    for path in paths:
        step = path.name.partition(".")[0]
        if path.suffix == ".safetensors" and step.isdecimal() and int(step) <= last:
            try:
                found.append(Moment(int(step), path.stat().st_size, path))
            except FileNotFoundError:  # its writer is just deleting it
                continue
    return sorted(found)


def moment_at(moments: Sequence[Moment], step: int) -> Moment:
    """The moment of a step. ValueError, with a user-facing message, if there is none."""
    for moment in moments:
        if moment.step == step:
            return moment
    near = sorted(moments, key=lambda moment: abs(moment.step - step))[:2]
    steps = " and ".join(f"{moment.step:,}" for moment in sorted(near))
    known = f"; near it: {steps}" if near else ": none of this run are"
    raise ValueError(f"The weights of step {step:,} are not kept{known}.")
