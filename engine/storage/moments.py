"""Moments with their tensors: the weights of earlier steps of a run, kept to look back at.

A file is written atomically but not fsynced: after a power failure it may be damaged, which its
sha256 shows, and no more than a moment is lost.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from torch import Tensor

from engine.storage.atomic import clear_unfinished, replace_file
from engine.storage.manifest import HEADER_LIMIT, DamagedError
from engine.storage.moment_files import FOLDER, LATEST, Moment, moments_of
from engine.storage.tensors import as_file, read_verified, tensors_in

T = TypeVar("T")

MOST = 200
"""The most moments of a run, however small they are: more than a slider has places."""


class Circumstances(NamedTuple):
    """What is written with the weights of a moment."""

    loss: float | None  # validation loss of these very weights; None: they were not evaluated
    context_length: int  # with which they were trained


def read_moment(moment: Moment, max_bytes: int) -> tuple[dict[str, Tensor], Circumstances]:
    """Read and verify a moment. `max_bytes`: of tensor data for this model. DamagedError if it is
    corrupt, or is not a moment of this size; no code in it is run."""
    what = f"the file of step {moment.step:,} in {FOLDER}"
    content = read_verified(moment.path, max_bytes, moment.sha256, what)
    return tensors_in(content, what), _circumstances(content, what)


def write_moment(
    folder: Path, step: int, tensors: dict[str, Tensor], at: Circumstances, budget: int
) -> None:
    """Keep the weights of a step, in place of others where `budget` (bytes) has no room for more.
    Nothing where it has no room for one. OSError leaves those that are there."""
    metadata = {"context_length": str(at.context_length)}
    if at.loss is not None:
        metadata["loss"] = repr(at.loss)
    content = as_file(tensors, metadata)
    room = min(MOST, budget // len(content))
    if not room:
        return
    (folder / FOLDER).mkdir(exist_ok=True)
    earlier = {moment.step: moment for moment in moments_of(folder, step - 1)}
    if len(earlier) >= room:
        losses = {s: loss for s, m in earlier.items() if (loss := _loss(m)) is not None}
        if at.loss is not None:
            losses[step] = at.loss
        best = min(losses, key=lambda s: (losses[s], s), default=None)
        kept = {*thinned([*earlier, step], best, room)}
        _delete(moment for s, moment in earlier.items() if s not in kept)
    name = f"{step:010d}.{hashlib.sha256(content).hexdigest()}.safetensors"
    replace_file(folder / FOLDER / name, [content], durable=False)


def drop_after(folder: Path, step: int) -> None:
    """Delete the moments of later steps, which will be taken again, and what an interrupted write
    has left. OSError."""
    clear_unfinished(folder / FOLDER)
    _delete(moment for moment in moments_of(folder, LATEST) if moment.step > step)


def thinned(steps: Sequence[int], best: int | None, room: int) -> list[int]:
    """Which of these ascending steps stay where there is room for so many.

    The last, the first and the best, in this order. Of the others goes, one by one, the one whose
    neighbours are closest to each other on the scale of log(1 + step); of equals, the earliest. So
    what stays is spread evenly on that scale.
    """
    if len(steps) <= room:
        return list(steps)
    fixed = list(dict.fromkeys(s for s in (steps[-1], steps[0], best) if s is not None))[:room]
    kept = list(steps)
    places = [math.log1p(step) for step in steps]
    while len(kept) > room:
        free = (i for i in range(len(kept)) if kept[i] not in fixed)
        drop = min(free, key=lambda i: _gap(places, i))
        del kept[drop], places[drop]
    return kept


def _gap(places: list[float], i: int) -> float:
    """How far apart its neighbours are; the first and the last have one only."""
    return places[min(i + 1, len(places) - 1)] - places[max(i - 1, 0)]


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most so many of these, evenly chosen, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def _delete(moments: Iterable[Moment]) -> None:
    for moment in moments:
        moment.path.unlink(missing_ok=True)


class _Header(msgspec.Struct):
    """What the header of a safetensors file says in addition to its tensors."""

    metadata: dict[str, str] = msgspec.field(name="__metadata__", default_factory=dict)


def _circumstances(content: bytes, what: str) -> Circumstances:
    try:
        metadata = msgspec.json.decode(
            content[8 : 8 + _header_size(content)], type=_Header
        ).metadata
        loss = float(metadata["loss"]) if "loss" in metadata else None
        return Circumstances(loss, max(1, int(metadata["context_length"])))
    except (ValueError, KeyError, RecursionError) as error:
        raise DamagedError(f"{what} has no readable header ({error})") from None


def _header_size(content: bytes) -> int:
    return min(HEADER_LIMIT, int.from_bytes(content[:8], "little"))


def _loss(moment: Moment) -> float | None:
    """The validation loss of a moment, from the header of its file alone; None if it has none, or
    that cannot be read."""
    try:
        with moment.path.open("rb") as file:
            beginning = file.read(8)
            beginning += file.read(_header_size(beginning))
        return _circumstances(beginning, "").loss
    except (OSError, DamagedError):
        return None
