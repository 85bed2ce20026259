"""Gathers a report: finds the runs that it is on, by their names or that of a race or a sweep."""

from collections.abc import Iterator
from statistics import fmean

from msgspec.structs import replace

from engine.protocol import (
    MOST_WHOLE,
    GatherReport,
    ReportedRace,
    ReportedRun,
    ReportGathered,
    SweepRead,
)
from engine.session.reporting import gathered
from engine.session.sources import source_of
from engine.storage.paths import run_names
from engine.storage.race_file import race_names, read_race
from engine.storage.sweep_file import read_sweep, sweep_names

KINDS = ("run", "race", "sweep")
"""What a name may be of. With one of these and a colon before it, it is of nothing else."""
MOST_WHOLE_CASES = 2
"""Cases of a sweep of which one run is reported whole: those that its verdict is about."""


def report(command: GatherReport) -> Iterator[float | ReportGathered]:
    """Gather what there is to report: the fractions done, then the answer. ValueError, with a
    user-facing message, if a name is not known or of several things; OSError."""
    answer, names = _found(command)
    runs: list[ReportedRun] = []
    for number, name in enumerate(names):
        for result in gathered(source_of(name), whole=number < answer.whole):
            if isinstance(result, ReportedRun):
                runs.append(result)
            else:
                yield (number + result) / len(names)
    yield replace(answer, runs=tuple(runs))


def _found(command: GatherReport) -> tuple[ReportGathered, tuple[str, ...]]:
    """The answer without its runs, and the names of these."""
    answer = ReportGathered((), command.path)
    if len(command.runs) > 1:
        return answer, tuple(_run(name) for name in command.runs)
    kind, name = _kind_of(command.runs[0])
    if kind == "race":
        info = read_race(name)
        race = ReportedRace(
            name,
            info.question,
            info.axis,
            info.seeds,
            info.settings,
            info.repetitions,
            info.verdict,
            info.characters_each,
        )
        names = tuple(run for one in info.repetitions for run in one.runs)
        return replace(answer, race=race, whole=len(info.settings)), names
    if kind == "sweep":
        sweep = read_sweep(name)
        return replace(answer, sweep=sweep, whole=MOST_WHOLE_CASES), _runs_of(sweep)
    return replace(answer, whole=MOST_WHOLE), (name,)


def _run(wanted: str) -> str:
    """One of several names, which are all of runs."""
    kind, name = _kind_of(wanted)
    if kind == "run":
        return name
    raise ValueError(f"{name!r} is the name of a {kind}, which is reported alone.")


def _kind_of(wanted: str) -> tuple[str, str]:
    """What a name is of, and the name itself."""
    prefix, colon, rest = wanted.partition(":")
    if colon and prefix in KINDS:
        return prefix, rest
    known = {"run": run_names(), "race": race_names(), "sweep": sweep_names()}
    kinds = [kind for kind in KINDS if wanted in known[kind]]
    if len(kinds) > 1:
        both = " and a ".join(kinds)
        either = " or ".join(f"{kind}:{wanted}" for kind in kinds)
        raise ValueError(f"{wanted!r} is the name of a {both}: write {either}.")
    return kinds[0] if kinds else "run", wanted


def _runs_of(sweep: SweepRead) -> tuple[str, ...]:
    """Those with a loss that are still here: one of each case first, the lowest mean loss first.
    ValueError, with a user-facing message, if there is none."""
    if sweep.plan is None:
        raise ValueError(f"The sweep {sweep.sweep!r} has not been begun: nothing is known of it.")
    known = {*run_names()}
    losses = {one.key: one for one in sweep.results if one.state == "done" and one.loss is not None}
    if not losses:
        raise ValueError(f"No run of the sweep {sweep.sweep!r} has ended yet with a loss.")
    cases = []
    for case in sweep.plan.cases:
        done = [losses[key] for key in case.trials if key in losses]
        runs = [one.run for one in done if one.run in known]
        if runs:
            cases.append((fmean(one.loss for one in done if one.loss is not None), runs))
    if not cases:
        raise ValueError(f"The runs of the sweep {sweep.sweep!r} were deleted or renamed.")
    cases.sort(key=lambda case: case[0])
    longest = max(len(runs) for _, runs in cases)
    return tuple(runs[seed] for seed in range(longest) for _, runs in cases if seed < len(runs))
