"""Commands about the saved races, which are carried out without opening one."""

from contextlib import suppress

from engine.protocol import (
    LABELS,
    DeleteRace,
    Event,
    ListRaces,
    RaceChanged,
    RacesListed,
    RenameRace,
)
from engine.session.opened_run import OpenedRun
from engine.session.race import Race
from engine.storage import library
from engine.storage.paths import folder_of, run_names
from engine.storage.race_file import (
    RaceInfo,
    delete_race,
    note_of,
    race_summaries,
    read_race,
    rename_race,
)
from engine.storage.run_info import read_info


def answer_about_races(
    command: ListRaces | RenameRace | DeleteRace, open_run: OpenedRun | None
) -> Event:
    """What comes of a command. ValueError, with a user-facing message; OSError."""
    match command:
        case ListRaces():
            return RacesListed(tuple(race_summaries()))
        case RenameRace(race, name):
            _rename(race, name, open_run)
            return RaceChanged(race, name)
        case DeleteRace(race, with_runs):
            if isinstance(open_run, Race) and open_run.name == race:
                raise ValueError(f"The race {race!r} is open here: open another run first.")
            if with_runs:
                _delete_runs(read_race(race))
            delete_race(race)
            return RaceChanged(race, "")


def _delete_runs(info: RaceInfo) -> None:
    """Delete the runs of a race; of one that is refused, those before it are gone, and the race is
    still there."""
    known = set(run_names())
    for repetition in info.repetitions:
        for run in repetition.runs:
            if run in known:
                library.delete(run)


def _rename(race: str, name: str, open_run: OpenedRun | None) -> None:
    """Rename a race. The notes of its runs follow, where they say no more than which side they
    are."""
    rename_race(race, name)
    if isinstance(open_run, Race) and open_run.name == race:
        open_run.rename(name)
    for repetition in read_race(name).repetitions:
        for label, run in zip(LABELS, repetition.runs, strict=False):
            with suppress(ValueError, OSError):  # it is gone, or another program writes it
                if read_info(folder_of(run)).note == note_of(race, label):
                    annotate(run, note_of(name, label), open_run)


def annotate(run: str, note: str, open_run: OpenedRun | None) -> None:
    """Attach a note to a run, be it open or only saved. ValueError, with a user-facing message;
    OSError."""
    opened = open_run.find(run) if open_run is not None else None
    if opened is not None:
        opened.annotate(note)
    else:
        library.annotate(run, note)
