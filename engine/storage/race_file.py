"""`<home>/races/<name>.json`: which runs a race is between, and what came of it. The runs themselves
are saved as all runs are."""

import time
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from data.safe_text import safe_text
from engine.protocol import Axis, RaceSummary, RaceVerdict
from engine.settings import nearest
from engine.storage.atomic import make_folder, replace_file
from engine.storage.names import new_name
from engine.storage.paths import home, run_names
from engine.storage.run_info import TIME_FORMAT

FORMAT = 1
_LIMIT = 1 << 20  # bytes that are read


class HeatInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """One heat: a run for each side, all with one seed."""

    seed: int
    runs: tuple[str, ...]  # their names
    mark: float = 0.0  # where its sides were compared at its end, on the axis of the race
    losses: tuple[float | None, ...] = ()  # of the sides there; empty: it has not ended


class RaceInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of a race."""

    question: str
    axis: Axis
    seeds: int  # heats in all
    settings: tuple[tuple[str, ...], ...]  # of each side, KEY=VALUE: those not the same on all
    created: str
    heats: tuple[HeatInfo, ...] = ()
    verdict: RaceVerdict | None = None  # the newest one
    format: int = FORMAT

    @property
    def ended(self) -> bool:
        """Whether all heats have ended."""
        return self.verdict is not None and self.verdict.final


def new_race(
    question: str, axis: Axis, seeds: int, settings: tuple[tuple[str, ...], ...]
) -> RaceInfo:
    """A race without a heat."""
    plain = question.encode("utf-8", "replace").decode()
    return RaceInfo(plain, axis, seeds, settings, time.strftime(TIME_FORMAT, time.gmtime()))


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
    fits = 2 <= sides <= 4 and all(
        len(heat.runs) == sides and len(heat.losses) in (0, sides) for heat in info.heats
    )
    if info.format != FORMAT or not info.heats or not fits:
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


def rename_side(run: str, name: str) -> None:
    """Have the races that a renamed run is a side of know its new name. OSError."""
    for race in race_names():
        try:
            info = read_race(race)
        except ValueError:  # it names nothing that could be renamed
            continue
        heats = tuple(
            replace(heat, runs=tuple(name if one == run else one for one in heat.runs))
            for heat in info.heats
        )
        if heats != info.heats:
            write_race(race, replace(info, heats=heats))


def without_last_heat(name: str, info: RaceInfo) -> None:
    """Take back a heat of which no side was trained. OSError."""
    kept = replace(info, heats=info.heats[:-1])
    if kept.heats:
        write_race(name, kept)
    else:
        race_path(name).unlink(missing_ok=True)


def race_summaries() -> list[RaceSummary]:
    """The saved races, last used first; for one that cannot be opened, `problem` says why."""
    found = []
    for name in race_names():
        with suppress(FileNotFoundError):  # it is being deleted right now
            found.append(_summary(name, race_path(name).stat().st_mtime))
    return sorted(found, key=lambda summary: -summary.used)


def _summary(name: str, used: float) -> RaceSummary:
    try:
        info = read_race(name)
    except ValueError as error:
        return RaceSummary(name, "", "characters", (), 0, 0, used, problem=str(error))
    return RaceSummary(
        name=name,
        question=info.question,
        axis=info.axis,
        runs=info.heats[-1].runs,
        heats=sum(bool(heat.losses) for heat in info.heats),
        seeds=info.seeds,
        used=used,
        verdict=info.verdict.sentence if info.verdict else "",
    )


def _folder() -> Path:
    return home() / "races"
