"""`tinygpt-tui sweep`: runs in processes of their own, which most tests here have a script act."""

import csv
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import pytest
from click.testing import Result
from command_line import PROGRAM, TINY, invoked
from driving import Driver, is_a, of, only, run_to_end, saved_run, tiny
from recording import opened

from engine.config import RunConfig
from engine.protocol import Close, Evaluated, Open, Opened, StepDone, Train, TrialResult, to_json
from engine.storage.library import run_curve, summaries
from engine.storage.sweep_file import SweepResults, sweep_folder
from tui.sweep.plan import read_plan

pytestmark = pytest.mark.thorough

SCRIPT = """
import os, signal, sys
from pathlib import Path
arguments = " ".join(sys.argv[1:])
calls = Path({calls!r})
with calls.open("a", encoding="utf-8") as file:
    file.write(arguments + chr(10))
print({lines!r}, flush=True)
if "batch_size=8" in arguments and calls.read_text(encoding="utf-8").count("batch_size=8") == 1:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.kill(os.getppid(), signal.SIGINT)
    signal.pause()
if "batch_size=32" in arguments:
    sys.exit(3)
if "batch_size=64" in arguments and "seed=2" in arguments:
    os.kill(os.getpid(), signal.SIGKILL)
if "batch_size=64" in arguments:
    sys.exit("Error: it is a \\x1b]0;x\\x07 day")
"""


class Stage(NamedTuple):
    """A sweep whose runs are acted."""

    file: Path
    calls: Path
    """What the script was called with."""

    def sweep(self, *options: object, columns: int = 80) -> Result:
        return invoked("sweep", self.file, *options, columns=columns)

    def calls_with(self, word: str) -> list[str]:
        return [line for line in self.calls.read_text("utf-8").splitlines() if word in line]


def write(folder: Path, text: Path, batch_sizes: list[int], more: str = "") -> Path:
    file = folder / "rates.toml"
    file.write_text(
        f'text = "{text}"\npreset = "nano"\nsteps = 20\n{more}\n'
        f"[grid]\ntrain.batch_size = {batch_sizes}\n",
        encoding="utf-8",
    )
    return file


@pytest.fixture
def stage(verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    calls = tmp_path / "calls"
    step = StepDone(7, 2.0, 1.0, 0.03, 64, 16, 0.1, 1.0, 1.0)
    events = [opened(), step, Evaluated(20, 1.5, 2.1, 0.4, 16, 0.1, 2.5, 163)]
    lines = "\n".join(to_json(event) for event in events)
    program = (sys.executable, "-c", SCRIPT.format(calls=str(calls), lines=lines))
    monkeypatch.setattr("tui.cli.sweep.CHILD", program)
    return Stage(write(tmp_path, verse_file, [4, 8, 16]), calls)


def lines_of(result: Result, kind: str) -> list[dict[str, Any]]:
    """The lines of JSON of one type."""
    lines = map(json.loads, result.stdout.splitlines())
    return [line for line in lines if line["type"] == kind]


def test_a_sweep_that_was_interrupted_goes_on_and_repeats_nothing(stage: Stage) -> None:
    interrupted = stage.sweep("--json")
    assert interrupted.exit_code == 130
    assert interrupted.stderr == (
        f"2 of 3 runs are not done. Go on with: tinygpt-tui sweep {stage.file}\n"
    )
    assert not stage.calls_with("batch_size=16")
    again = stage.sweep("--json", "--csv", "table.csv")
    assert (again.exit_code, again.stderr) == (0, "")
    assert len(stage.calls_with("batch_size=4 ")) == 1
    assert len(stage.calls_with("batch_size=8 ")) == 2
    ended = [line for line in lines_of(again, "TrialResult") if line["state"] != "started"]
    assert [(line["case"], line["state"], line["loss"]) for line in ended] == [
        ("train.batch_size=8", "done", 1.5),
        ("train.batch_size=16", "done", 1.5),
    ]
    assert [row["n"] for row in lines_of(again, "CaseResult")] == [1, 1, 1]
    (verdict,) = lines_of(again, "SweepVerdict")
    assert verdict["sentence"].startswith("Lowest mean loss at the end: 1.5000")
    with Path("table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["train.batch_size"], row["mean"]) for row in rows] == [
        ("4", "1.5"),
        ("8", "1.5"),
        ("16", "1.5"),
    ]


def half_a_run(config: RunConfig) -> str:
    """A run that was ended after its first evaluation but one."""
    driver = Driver().when(is_a(Evaluated, step=10), Close())
    return only(driver.run(Open(config), Train()), Opened).run


def test_after_a_kill_a_run_is_resumed_and_one_that_had_ended_is_taken_as_it_is(
    stage: Stage, verse_file: Path
) -> None:
    whole, half = saved_run(verse_file), half_a_run(tiny(verse_file))
    plan, folder = read_plan(stage.file), sweep_folder("rates")
    folder.mkdir(parents=True)
    for trial, run in zip(plan.trials, (whole, half), strict=False):
        SweepResults(folder).add(TrialResult(trial.key, trial.case.label, 1, "started", run))
    done = stage.sweep("--json")
    assert done.exit_code == 0
    first, second = stage.calls.read_text("utf-8").splitlines()
    assert first == f"train --json --run={half}"
    assert "batch_size=16" in second
    taken = next(line for line in lines_of(done, "TrialResult") if line["run"] == whole)
    assert (taken["state"], taken["step"]) == ("done", 20)
    assert taken["loss"] == run_curve(whole).losses[-1][1]
    notes = {run.name: run.note for run in summaries()}
    assert notes[whole] == "sweep rates: train.batch_size=4, seed 1"


def test_a_run_that_fails_or_diverges_is_named_and_the_others_go_on(
    stage: Stage, verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(stage.file.parent, verse_file, [64, 32, 4], more="seeds = 2")
    done = stage.sweep("--jobs", 2)
    assert done.exit_code == 1
    assert "sweep rates: 3 cases, 2 seeds each: 6 runs; 2 at a time, " in done.stdout
    assert "train.batch_size=64, seed 1: failed: it is a ␛]0;x␇ day" in done.stdout
    assert "train.batch_size=64, seed 2: failed: its process was ended from outside (Killed)" in (
        done.stdout
    )
    assert "train.batch_size=32, seed 2: the loss was no longer a number" in done.stdout
    table = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "train.batch_size=4 2/2 1.5000 0.0000 - 2.5 best" in table
    assert "train.batch_size=64 0/2 - - - - 2 failed" in table
    assert "train.batch_size=32 0/2 - - - - 2 diverged" in table
    assert "2 of 6 runs are not done." in done.stderr  # what failed is tried again, and only that
    stage.calls.unlink()
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich: a terminal
    monkeypatch.setattr("tui.cli.sweep_output.INTERVAL", 0.0)
    shown = stage.sweep(columns=90).stdout
    assert "seed 1: starting" in shown
    assert "seed 1: step 7" in shown
    assert {*stage.calls.read_text("utf-8").splitlines()} == {*stage.calls_with("batch_size=64")}


def test_a_sweep_whose_results_cannot_be_kept_ends(stage: Stage) -> None:
    (sweep_folder("rates") / "results.jsonl").mkdir(parents=True)
    ended = stage.sweep()
    assert ended.exit_code == 1
    first, last = ended.stderr.splitlines()
    assert first.startswith("The sweep ends here: ")
    assert first.endswith("results.jsonl: Is a directory.")
    assert last.startswith("3 of 3 runs are not done.")
    assert len(stage.calls.read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ('text = "https://a.org/b"', [], "first: tinygpt-tui texts get https://a.org/b"),
        ('text = "no.txt"', [], "rates.toml: text: There is no"),
        ('text = "tales"\nstep = 5', [], "rates.toml: there is no key 'step'; near it: steps"),
        ('text = "tales"\nseeds = 101', [], "makes 101 runs. If that is meant, add --yes."),
        ('text = "tales"', ["--csv", "no/table.csv"], "There is no folder"),
        ('text = "tales"\nname = "held"', [], "The sweep 'held' is running in another program."),
        ('text = "\\u001b[2J"', [], "␛"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_started(
    stage: Stage, content: str, options: list[str], message: str
) -> None:
    sweep_folder("held").mkdir(parents=True)
    stage.file.write_text(content + "\n[[case]]\n", encoding="utf-8")
    with filelock.FileLock(sweep_folder("held") / "lock"):
        refused = stage.sweep(*options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert message in " ".join(refused.stderr.split())
    assert "\x1b" not in refused.stderr
    assert not stage.calls.exists()


def test_each_run_is_the_one_that_train_makes(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.cli.sweep.CHILD", PROGRAM)
    settings = [option for option in TINY if "=" in option and "batch" not in option]
    text = [
        f"{key} = {value if value[0].isdigit() else json.dumps(value)}"
        for key, _, value in (setting.partition("=") for setting in settings)
    ]
    file = write(tmp_path, verse_file, [4, 8], more="[set]\n" + "\n".join(text))
    done = invoked("sweep", file, "--json", "--jobs", 2)
    assert done.exit_code == 0
    ended = [line for line in lines_of(done, "TrialResult") if line["state"] == "done"]
    alone = {}
    for size in (4, 8):
        events = run_to_end(Open(tiny(verse_file, f"train.batch_size={size}")), Train())
        alone[f"train.batch_size={size}"] = of(events, Evaluated)[-1].loss
    assert {line["case"]: line["loss"] for line in ended} == alone
    again = invoked("sweep", file)  # there is nothing left to do
    assert "2 runs, of which 2 are done" in again.stdout
    assert again.stdout.splitlines()[-2:] == [
        f"its curves:   tinygpt-tui --sweep {file}",
        f"a page on it: tinygpt-tui report {file}",
    ]
    notes = {run.name: run.note for run in summaries()}
    for line in ended:
        assert notes[line["run"]] == f"sweep rates: {line['case']}, seed 1"
