"""`ladder.json`: the losses of simple models of a run's text, so that they are measured once."""

from contextlib import suppress
from math import isfinite
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.storage.atomic import replace_file
from engine.storage.run_info import RunInfo

Rungs = tuple[tuple[str, float], ...]
"""Names, and losses in nats per character."""

FILE = "ladder.json"
METHOD = 1
"""Of the models and what they read: rungs by another one are measured again."""
_LIMIT = 1 << 16  # bytes that are read


class _Ladder(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: the rungs, and what they follow from."""

    method: int
    sha256: str  # of the text
    val_fraction: float
    vocabulary: int
    rungs: Rungs = ()


def read_ladder(folder: Path, info: RunInfo) -> Rungs | None:
    """The rungs of a run; None where there is no such file, or it is damaged or of another text."""
    try:
        with (folder / FILE).open("rb") as file:
            saved = msgspec.json.decode(file.read(_LIMIT), type=_Ladder)
    except (OSError, ValueError, RecursionError):
        return None
    fits = msgspec.structs.replace(saved, rungs=()) == _ladder_of(info)
    return saved.rungs if fits and all(isfinite(loss) for _, loss in saved.rungs) else None


def write_ladder(folder: Path, info: RunInfo, rungs: Rungs) -> None:
    """Write the rungs of a run, if that is possible: otherwise they are measured again."""
    content = msgspec.structs.replace(_ladder_of(info), rungs=rungs)
    with suppress(OSError):
        replace_file(folder / FILE, [msgspec.json.format(msgspec.json.encode(content))])


def _ladder_of(info: RunInfo) -> _Ladder:
    corpus = info.corpus
    return _Ladder(METHOD, corpus.sha256, info.config.train.val_fraction, len(corpus.characters))
