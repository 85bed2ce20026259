"""`<home>/sweeps/<name>/`: what a sweep asks for, and what has become of its runs, which are saved as
all runs are.

plan.json      the cases and seeds, and the file that they come from
results.jsonl  a line when a run begins and when it ends; of the lines with one key the last counts
lock           held while a program trains its runs
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import msgspec
from msgspec.structs import replace

from data.safe_text import safe_text
from engine.protocol import SweepPlan, SweepRead, SweepSummary, TrialResult
from engine.storage.atomic import make_folder, replace_file
from engine.storage.listing import last_used_first
from engine.storage.lock import TIMEOUT
from engine.storage.paths import home

_LIMIT = 1 << 24  # bytes that are read of a plan
_LARGEST = 1e9  # of a number in a result: sums of as many as there are stay finite


class SweepResults:
    """The newest line of each run. Lines that are not ours are left where they are."""

    def __init__(self, folder: Path) -> None:
        """Read what is there. OSError."""
        self.path = folder / "results.jsonl"
        self._newest: dict[str, TrialResult] = {}
        self._torn = False
        decoder = msgspec.json.Decoder(TrialResult)
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            for line in file:
                self._torn = not line.endswith(b"\n")  # by a kill in the middle of it
                with suppress(msgspec.DecodeError, RecursionError):
                    result = decoder.decode(line)
                    if _is_plausible(result):
                        self._newest[result.key] = result

    @property
    def newest(self) -> Mapping[str, TrialResult]:
        """By the key of the run in the plan."""
        return self._newest

    def add(self, result: TrialResult) -> None:
        """Write a line, so that it survives a power failure. OSError."""
        line = msgspec.json.encode(result) + b"\n"
        with self.path.open("ab") as file:
            file.write(b"\n" + line if self._torn else line)
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self._newest[result.key] = result


def sweep_names() -> list[str]:
    """The names of the sweeps that were begun, sorted."""
    return sorted(path.parent.name for path in _sweeps().glob("[!.]*/plan.json"))


def sweep_folder(name: str) -> Path:
    """The folder of a sweep."""
    return _sweeps() / name


@contextmanager
def begun_sweep(plan: SweepPlan) -> Iterator[Path]:
    """The folder of a sweep, with its plan, for this program alone. ValueError, with a user-facing
    message."""
    folder = sweep_folder(plan.name)
    try:
        make_folder(folder)
        with filelock.FileLock(folder / "lock", timeout=TIMEOUT):
            replace_file(folder / "plan.json", [msgspec.json.encode(plan)])
            yield folder
    except filelock.Timeout:
        raise ValueError(f"The sweep {plan.name!r} is running in another program.") from None
    except OSError as error:
        raise ValueError(f"Nothing can be saved in {str(folder)!r}: {error.strerror}.") from None


def read_sweep(name: str) -> SweepRead:
    """A sweep as it stands; without a plan if it was not begun. ValueError, with a user-facing
    message; OSError."""
    if name not in sweep_names():
        return SweepRead(name)
    folder = sweep_folder(name)
    plan = _read_plan(name)
    newest = SweepResults(folder).newest
    keys = (key for case in plan.cases for key in case.trials)
    results = tuple(newest[key] for key in keys if key in newest)
    return SweepRead(name, plan, results, _is_running(folder))


def sweep_summaries() -> list[SweepSummary]:
    """The sweeps, last used first; for one that cannot be read, `problem` says why."""
    return last_used_first(sweep_names(), _summary)


def rename_trial(run: str, name: str) -> None:
    """Have the sweeps that a renamed run is of know its new name. OSError."""
    for sweep in sweep_names():
        results = SweepResults(sweep_folder(sweep))
        for result in [one for one in results.newest.values() if one.run == run]:
            results.add(replace(result, run=name))


def _summary(name: str) -> SweepSummary:
    folder = sweep_folder(name)
    used = max(path.stat().st_mtime for path in folder.glob("*.json*"))
    try:
        read = read_sweep(name)
    except (ValueError, OSError) as error:
        return SweepSummary(name, 0, 0, used, problem=str(error))
    planned = sum(len(case.trials) for case in read.plan.cases) if read.plan else 0
    return SweepSummary(name, planned, sum(one.is_final for one in read.results), used)


def _read_plan(name: str) -> SweepPlan:
    try:
        with (sweep_folder(name) / "plan.json").open("rb") as file:
            plan = msgspec.json.decode(file.read(_LIMIT), type=SweepPlan)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The sweep {name!r} cannot be read: {safe_text(str(error))}.") from None
    if not plan.cases or any(len(case.trials) != plan.seeds for case in plan.cases):
        raise ValueError(f"The sweep {name!r} cannot be read: its plan is not whole.")
    return plan


def _is_running(folder: Path) -> bool:
    try:
        with filelock.FileLock(folder / "lock").acquire(blocking=False):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a read-only folder
        return False


def _is_plausible(result: TrialResult) -> bool:
    numbers = (result.loss or 0.0, result.step, result.seconds, result.evaluated, result.threads)
    return all(0 <= number <= _LARGEST for number in numbers)


def _sweeps() -> Path:
    return home() / "sweeps"
