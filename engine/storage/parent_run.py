"""The run that another is forked from, as it was at the step of the fork."""

from pathlib import Path
from typing import NamedTuple

from data.text import Text
from engine.device import Machine
from engine.model.tokenizer import Tokenizer
from engine.storage.checkpoints import State, read_checkpoint
from engine.storage.corpus_text import Report, unreported
from engine.storage.manifest import DamagedError, Progress, read_manifest
from engine.storage.moment_files import LATEST, moment_at, moments_of
from engine.storage.moments import read_moment
from engine.storage.paths import check_exists, folder_of
from engine.storage.run_info import RunInfo
from engine.storage.run_texts import read_other
from engine.storage.saved_run import max_group_bytes, read_files, with_text

NEWEST = -1
"""The step that stands for the newest checkpoint."""


class ParentRun(NamedTuple):
    """A run at an earlier step."""

    name: str
    folder: Path
    info: RunInfo
    text: Text
    tokenizer: Tokenizer
    step: int
    machine: Machine  # that trained it
    progress: Progress | None  # of its checkpoint; None: only the weights were kept
    state: State  # without "optimizer" if only the weights were kept
    other: str = ""  # the text that it is trained on in place of its own


def load_parent(
    name: str, step: int, report: Report = unreported, *, changed_text: bool = False
) -> ParentRun:
    """A run at a step: from its checkpoint, or else from its kept weights. `report` gets the
    progress of reading a large text. `changed_text`: accept a text other than the one it was trained
    on.

    ValueError, with a user-facing message, if there is neither, or the run cannot be read."""
    check_exists(name)
    folder = folder_of(name)
    files = read_files(name, folder, report)
    info, text, tokenizer, checkpoints = files
    with_text(name, files, accepted=changed_text)
    other = read_other(name, folder, info)
    machine: Machine | None = None
    damage: DamagedError | None = None
    for checkpoint in reversed(checkpoints):
        try:
            manifest = read_manifest(checkpoint)
            machine = machine or manifest.machine
            if step not in (manifest.progress.step, NEWEST):
                continue
            manifest, state = read_checkpoint(checkpoint, max_group_bytes(info))
        except DamagedError as error:
            damage = damage or error
            continue
        progress = manifest.progress
        here = (name, folder, info, text, tokenizer, progress.step)
        return ParentRun(*here, manifest.machine, progress, state, other)
    if machine is None or step == NEWEST:
        raise ValueError(
            f"The run {name!r} has no complete checkpoint: {damage or 'there is none at all'}."
        )
    moment = moment_at(moments_of(folder, LATEST), step)
    try:
        weights, _ = read_moment(moment, max_group_bytes(info))
    except DamagedError as error:
        raise ValueError(f"The weights of step {step:,} cannot be used: {error}.") from None
    here = (name, folder, info, text, tokenizer, step)
    return ParentRun(*here, machine, None, {"model": weights}, other)
