"""`<home>/races/<name>.json`: which runs a race is between, and what came of it. The runs themselves
are saved as all runs are."""

import time
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from data.safe_text import safe_text
from engine.protocol import LABELS, Axis, RaceSummary, RaceVerdict, RepetitionInfo
from engine.settings import nearest
from engine.storage.atomic import make_folder, replace_file, sync_folder
from engine.storage.listing import last_used_first
from engine.storage.names import check_name, new_name
from engine.storage.paths import home, run_names
from engine.storage.run_info import TIME_FORMAT

FORMAT = 1
LONGEST = 1_000.0
"""Characters of a token, on the mean, that are believed."""
_LIMIT = 1 << 20  # bytes that are read


class RaceInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a race."""

    question: str
    axis: Axis
    seeds: int  # repetitions in all
    settings: tuple[tuple[str, ...], ...]  # of each side, KEY=VALUE: those not the same on all
    created: str
    characters_each: tuple[Annotated[float, Meta(gt=0, le=LONGEST)], ...] = ()
    """The mean length of a token in what each side is trained on; empty: all have the same tokens."""
    repetitions: tuple[RepetitionInfo, ...] = ()
    verdict: RaceVerdict | None = None  # the newest one
    format: int = FORMAT

    @property
    def ended(self) -> bool:
        """Whether all repetitions have ended."""
        return self.verdict is not None and self.verdict.final


def new_race(
    question: str,
    axis: Axis,
    seeds: int,
    settings: tuple[tuple[str, ...], ...],
    characters_each: tuple[float, ...] = (),
) -> RaceInfo:
    """A race without a repetition."""
    plain = question.encode("utf-8", "replace").decode()
    created = time.strftime(TIME_FORMAT, time.gmtime())
    return RaceInfo(plain, axis, seeds, settings, created, characters_each)


def race_names() -> list[str]:
    """The names of the saved races, sorted."""
    return sorted(path.stem for path in _folder().glob("[!.]*.json"))


def new_race_name() -> str:
    """A name that no race has, and with which no run's name begins."""
    beginnings = {"-".join(name.split("-")[:2]) for name in run_names()}
    return new_name({*race_names(), *run_names(), *beginnings})


def race_path(name: str) -> Path:
    """The file of a race."""
    return _folder() / f"{name}.json"


def read_race(name: str) -> RaceInfo:
    """A saved race. ValueError, with a user-facing message, where there is none or it cannot be
    read."""
    known = race_names()
    if name not in known:
        near = nearest(name, known) if known else ": none is saved yet"
        raise ValueError(f"There is no race {name!r}{near}.")
    try:
        with race_path(name).open("rb") as file:
            info = msgspec.json.decode(file.read(_LIMIT), type=RaceInfo)
    except OSError as error:
        raise ValueError(f"The race {name!r} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The race {name!r} cannot be read: {safe_text(str(error))}.") from None
    sides = len(info.settings)
    found = info.verdict
    fits = (
        2 <= sides <= 4
        and (found is None or len(found.losses) == sides)
        and (found is None or len(found.bits_per_byte) in (0, sides))
        and len(info.characters_each) in (0, sides)
        and all(
            len(one.runs) == sides and len(one.losses) in (0, sides) for one in info.repetitions
        )
    )
    if info.format != FORMAT or not info.repetitions or not fits:
        raise ValueError(
            f"The race {name!r} cannot be read: this version does not know its format."
        )
    return info


def write_race(name: str, info: RaceInfo) -> None:
    """Write the file of a race, atomically. OSError."""
    make_folder(_folder())
    replace_file(race_path(name), [msgspec.json.format(msgspec.json.encode(info))])


def delete_race(name: str) -> None:
    """Delete the file of a race; its sides stay as runs. ValueError, with a user-facing message,
    where there is none; OSError."""
    if name not in race_names():
        read_race(name)  # which refuses
    race_path(name).unlink()


def rename_race(name: str, new_name: str) -> None:
    """Rename a race. ValueError, with a user-facing message, where there is none, or for a name that
    is invalid or taken; OSError."""
    check_free(new_name)
    if name not in race_names():
        read_race(name)  # which refuses
    race_path(name).rename(race_path(new_name))
    sync_folder(_folder())


def check_free(name: str) -> None:
    """ValueError, with a user-facing message, for a name that no race can have, or that a race or a
    run has: a report is asked for by either."""
    check_name(name, "race")
    for kind, names in (("race", race_names()), ("run", run_names())):
        if name in names:
            raise ValueError(f"There is already a {kind} {name!r}.")


def note_of(race: str, label: str) -> str:
    """The note with which a side begins."""
    return f"race {race}, side {label}"


def with_run_renamed(info: RaceInfo, run: str, name: str) -> RaceInfo:
    """The same race, one of whose runs has another name."""
    repetitions = tuple(
        replace(one, runs=tuple(name if side == run else side for side in one.runs))
        for one in info.repetitions
    )
    return replace(info, repetitions=repetitions)


def rename_side(run: str, name: str) -> None:
    """Have the races that a renamed run is a side of know its new name. OSError."""
    for race in race_names():
        try:
            info = read_race(race)
        except ValueError:  # it names nothing that could be renamed
            continue
        renamed = with_run_renamed(info, run, name)
        if renamed != info:
            write_race(race, renamed)


def without_last_repetition(name: str, info: RaceInfo) -> None:
    """Take back a repetition of which no side was trained. OSError."""
    kept = replace(info, repetitions=info.repetitions[:-1])
    if kept.repetitions:
        write_race(name, kept)
    else:
        race_path(name).unlink(missing_ok=True)


def race_summaries() -> list[RaceSummary]:
    """The saved races, last used first; for one that cannot be opened, `problem` says why."""
    return last_used_first(race_names(), _summary)


def _summary(name: str) -> RaceSummary:
    used = race_path(name).stat().st_mtime
    try:
        info = read_race(name)
    except ValueError as error:
        return RaceSummary(name, "", "characters", (), 0, 0, used, problem=str(error))
    return RaceSummary(
        name=name,
        problem=_missing(info),
        question=info.question,
        axis=info.axis,
        runs=info.repetitions[-1].runs,
        repetitions=sum(bool(one.losses) for one in info.repetitions),
        seeds=info.seeds,
        used=used,
        verdict=info.verdict.sentence if info.verdict else "",
    )


def _missing(info: RaceInfo) -> str:
    """Which run is gone without which the race cannot be opened; empty: none is."""
    known = set(run_names())
    for repetition in (info.repetitions[-1], info.repetitions[0]):
        for label, run in zip(LABELS, repetition.runs, strict=False):
            if run not in known:
                return (
                    f"Its side {label}, the run {run!r}, was deleted or moved: the race cannot be "
                    "opened any more; the other sides are saved runs."
                )
    return ""


def _folder() -> Path:
    return home() / "races"
