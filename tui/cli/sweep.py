"""`tinygpt-tui sweep`: trains the runs that are left, and keeps what has become of them."""

import shlex
from collections.abc import Iterator
from contextlib import closing
from math import isfinite
from pathlib import Path
from signal import strsignal

import psutil
from msgspec.structs import replace

from data.preview import preview
from engine import SweepResults, begun_sweep
from engine.protocol import (
    NOTE_LENGTH,
    AnnotateRun,
    Close,
    Command,
    Compare,
    Compared,
    CorpusLoaded,
    Evaluated,
    Event,
    ListRuns,
    Opened,
    RunsListed,
    RunSummary,
    StepDone,
    TrialResult,
)
from engine.settings import errors_about
from tui.cli.child import CHILD
from tui.cli.client import EXIT_CODES, Client
from tui.cli.console import discard_output, print_error
from tui.cli.hints import PROGRAM
from tui.cli.sweep_output import SweepOutput
from tui.signals import EXIT_SIGNALS, exit_code, on_exit_signal
from tui.sweep.children import Began, Children, Ended
from tui.sweep.comparison import compared, verdict
from tui.sweep.csv_file import check_csv, write_csv
from tui.sweep.plan import Plan, Trial

ENDED_ON_REQUEST = {None, *map(exit_code, EXIT_SIGNALS), *(-number for number in EXIT_SIGNALS)}
"""The exit codes of a child that was asked to end: it never began (None), it has saved, or it had
nothing to save."""


def sweep(plan: Plan, file: str, *, jobs: int, as_json: bool, csv_path: str | None) -> int:
    """Train what is left of a sweep, and print what it has found; the exit code. `file`: where the
    plan stands. ValueError, with a user-facing message, if it cannot begin."""
    with errors_about(f"{Path(file).name}: text"):
        preview(plan.text)
    if csv_path is not None:
        check_csv(Path(csv_path))
    with begun_sweep(plan.saved) as folder:
        results = SweepResults(folder)
        try:
            output = SweepOutput(plan, file, results.newest, as_json=as_json)
            code = _Sweep(plan, results, jobs, output).run()
            if csv_path is not None:
                write_csv(Path(csv_path), compared(plan.saved, results.newest))
        except BrokenPipeError:
            discard_output()
            print_error("Nothing reads the output any more, so the sweep ends here.")
            code = 1
        except OSError as error:
            print_error(f"The sweep ends here: {error.filename}: {error.strerror}.")
            code = 1
    left = sum(not _is_final(results, trial) for trial in plan.trials)
    if left:
        again = f"{PROGRAM} sweep {shlex.quote(file)}"
        print_error(f"{left} of {len(plan.trials)} runs are not done. Go on with: {again}")
    return code or (1 if left else 0)


class _Sweep:
    """One call of the command."""

    def __init__(self, plan: Plan, results: SweepResults, jobs: int, output: SweepOutput) -> None:
        self._plan = plan
        self._results = results
        self._children = Children(jobs, CHILD)
        self._threads = max(1, _cores() // jobs)
        self._jobs = jobs
        self._output = output
        self._current: dict[str, TrialResult] = {}
        """By the key of their trials, those that are trained now, with their last evaluation."""
        self._exit_code = 0

    def run(self) -> int:
        """Train what is left, and print the table; the exit code of a signal, otherwise 0.
        OSError, also as BrokenPipeError, once what is being trained has been saved."""
        with on_exit_signal(self._end), self._output:
            resumed = self._resumed()
            left = [trial for trial in self._plan.trials if not _is_final(self._results, trial)]
            self._output.begin(len(left), self._jobs, self._threads)
            commands = [(trial, self._arguments(trial, resumed)) for trial in left]
            with closing(self._children.train(commands)) as updates:
                for trial, update in updates:
                    self._update(trial, update)
        plan, results = self._plan.saved, self._results.newest
        rows = compared(plan, results)
        self._output.conclude(rows, verdict(plan, rows, results))
        return self._exit_code

    def _end(self, code: int) -> None:
        self._exit_code = code
        self._children.stop()

    def _resumed(self) -> set[str]:
        """The saved runs with which interrupted trials go on. What has ended without our knowing,
        since this program was killed before, is noted as done."""
        begun = {
            result.run: (trial, result)
            for trial in self._plan.trials
            if (result := self._results.newest.get(trial.key)) and result.state == "started"
        }
        resumed = set()
        for saved in _saved_runs():
            if saved.name not in begun or saved.problem:
                continue
            trial, result = begun[saved.name]
            if saved.done:
                for event in _asked(Compare((saved.name,))):
                    if isinstance(event, Compared) and event.runs[0].losses:
                        curve = event.runs[0]
                        step, loss = curve.losses[-1]
                        seconds = curve.seconds[-1]
                        result = replace(
                            result,
                            state="done",
                            loss=loss,
                            step=step,
                            seconds=seconds,
                            bits_per_byte=curve.tokens.bits_per_byte(loss),
                        )
                        self._conclude(trial, result)
            elif saved.step < saved.steps or trial.case.config.train.minutes:
                resumed.add(saved.name)
        return resumed

    def _arguments(self, trial: Trial, resumed: set[str]) -> list[str]:
        """Those of the program for a trial."""
        result = self._results.newest.get(trial.key)
        if result and result.state == "started" and result.run in resumed:
            return ["train", "--json", f"--run={result.run}"]
        assignments = [*trial.case.assignments, f"train.seed={trial.seed}"]
        if not trial.case.config.train.threads:
            assignments.append(f"train.threads={self._threads}")
        options = [f"--set={assignment}" for assignment in assignments]
        return ["train", "--json", f"--preset={self._plan.preset}", *options, "--", self._plan.text]

    def _update(self, trial: Trial, update: Event | Began | Ended) -> None:
        """Take up what the process of a trial reports."""
        result = self._current.get(trial.key) or TrialResult(
            key=trial.key,
            case=trial.case.label,
            seed=trial.seed,
            state="started",
        )
        match update:
            case Began():
                self._output.started(trial)
            case CorpusLoaded():
                result = replace(result, text=update.sha256)
            case Opened(run):
                machine = {"device": update.device, "precision": update.precision}
                result = replace(result, run=run, threads=update.threads, **machine)
                self._keep(result)
            case StepDone():
                self._output.at_step(trial, update)
            case Evaluated():
                result = replace(
                    result,
                    loss=update.loss if isfinite(update.loss) else None,
                    step=update.step,
                    seconds=update.elapsed,
                    evaluated=update.characters,
                    bits_per_byte=update.bits_per_byte,
                )
            case Ended():
                self._end_of(trial, result, update)
                return
            case _:
                pass
        self._current[trial.key] = result

    def _end_of(self, trial: Trial, result: TrialResult, ended: Ended) -> None:
        """The process of a trial has ended."""
        self._current.pop(trial.key, None)
        if ended.exit_code in ENDED_ON_REQUEST:
            self._output.interrupted(trial)
            if result.run:
                self._annotate(trial, result)
        elif ended.exit_code == EXIT_CODES["train"]:
            self._conclude(trial, replace(result, state="diverged", loss=None))
        elif ended.exit_code == 0 and result.loss is not None:
            self._conclude(trial, replace(result, state="done"))
        else:
            message = ended.message or _ending(ended.exit_code or 0)
            self._conclude(trial, replace(result, state="failed", loss=None, message=message))

    def _conclude(self, trial: Trial, result: TrialResult) -> None:
        self._keep(result)
        if result.is_final:
            self._annotate(trial, result)

    def _keep(self, result: TrialResult) -> None:
        self._results.add(result)
        self._output.show(result)

    def _annotate(self, trial: Trial, result: TrialResult) -> None:
        """Have the note of the saved run tell where it belongs: the filter of the saved runs finds
        it by that. One that was deleted or renamed meanwhile stays as it is."""
        note = f"sweep {self._plan.name}: {trial.name}"
        if len(note) > NOTE_LENGTH:
            note = note[: NOTE_LENGTH - 1] + "…"
        _asked(AnnotateRun(result.run, note))


def _ending(code: int) -> str:
    """How a process has ended that said nothing."""
    if code >= 0:
        return f"it ended with exit code {code}"
    return f"its process was ended from outside ({strsignal(-code) or f'signal {-code}'})"


def _is_final(results: SweepResults, trial: Trial) -> bool:
    result = results.newest.get(trial.key)
    return result is not None and result.is_final


def _saved_runs() -> Iterator[RunSummary]:
    for event in _asked(ListRuns()):
        if isinstance(event, RunsListed):
            yield from event.runs


def _asked(command: Command) -> list[Event]:
    """What a session of its own answers."""
    events: list[Event] = []
    Client(command, Close()).run(events.append)
    return events


def _cores() -> int:
    """Processor cores that this program may use."""
    usable = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else 0
    physical = psutil.cpu_count(logical=False) or 1
    return min(usable, physical) or physical
