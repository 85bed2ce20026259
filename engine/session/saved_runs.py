"""Commands about the saved runs, races and sweeps, which are carried out without opening one."""

from typing import get_args

from engine.memory import is_out_of_memory
from engine.protocol import (
    AnnotateRun,
    Compare,
    Compared,
    CurvesRead,
    DeleteRace,
    DeleteRun,
    Event,
    Failed,
    ListRaces,
    ListRuns,
    ListSweeps,
    ReadCurves,
    ReadSweep,
    RenameRace,
    RenameRun,
    RunChanged,
    RunCurve,
    RunsListed,
    SweepsListed,
)
from engine.session.opened_run import OpenedRun
from engine.session.race import Race
from engine.session.saved_races import annotate, answer_about_races
from engine.storage import library
from engine.storage.race_file import rename_side
from engine.storage.sweep_file import read_sweep, rename_trial, sweep_summaries

Managing = (
    ListRuns
    | RenameRun
    | AnnotateRun
    | DeleteRun
    | Compare
    | ListRaces
    | RenameRace
    | DeleteRace
    | ListSweeps
    | ReadSweep
    | ReadCurves
)
MANAGING = get_args(Managing)


def manage(command: Managing, open_run: OpenedRun | None) -> Event:
    """What comes of a command: the answer, or the failure."""
    try:
        return _answer(command, open_run)
    except (ValueError, OSError) as error:
        return Failed(message_of(error), "runs")


def message_of(error: Exception) -> str:
    """What went wrong, for the user."""
    if is_out_of_memory(error):
        return "This model is too large for the memory here: take a smaller preset or batch."
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or error}."
    return str(error)


def _answer(command: Managing, open_run: OpenedRun | None) -> Event:
    """ValueError, with a user-facing message; OSError."""
    match command:
        case ListRuns():
            return RunsListed(tuple(library.summaries()))
        case RenameRun(name, new_name):
            _rename(name, new_name, open_run)
            return RunChanged(name, new_name)
        case AnnotateRun(name, note):
            annotate(name, note, open_run)
            return RunChanged(name, name)
        case DeleteRun(name):
            _delete(name, open_run)
            return RunChanged(name, "")
        case Compare(names):
            return Compared(tuple(library.run_curve(name) for name in names))
        case ListSweeps():
            return SweepsListed(tuple(sweep_summaries()))
        case ReadSweep(sweep):
            return read_sweep(sweep)
        case ReadCurves(names):
            return CurvesRead(tuple(map(_curve, names)))
        case ListRaces() | RenameRace() | DeleteRace():
            return answer_about_races(command, open_run)


def _curve(name: str) -> RunCurve:
    try:
        return library.run_curve(name)
    except (ValueError, OSError):  # renamed or deleted meanwhile
        return RunCurve(name, ())


def _rename(name: str, new_name: str, open_run: OpenedRun | None) -> None:
    opened = open_run.find(name) if open_run is not None else None
    if opened is not None:
        opened.rename(new_name)
    else:
        library.rename(name, new_name)
    rename_side(name, new_name)
    rename_trial(name, new_name)
    if isinstance(open_run, Race):
        open_run.run_renamed(name, new_name)


def _delete(name: str, open_run: OpenedRun | None) -> None:
    if isinstance(open_run, Race) and open_run.find(name):
        raise ValueError(f"The run {name!r} is a side of the open race: open another run first.")
    library.delete(name)
