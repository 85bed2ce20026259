"""Sweeps as a session reads them: the plan, the results, and the curves of the runs."""

from pathlib import Path

import pytest
from driving import Driver, only, saved_run
from msgspec.structs import replace

from engine.protocol import (
    Close,
    Command,
    CurvesRead,
    Event,
    Failed,
    ListSweeps,
    ReadCurves,
    ReadSweep,
    RenameRun,
    SweepCase,
    SweepPlan,
    SweepRead,
    SweepsListed,
    TrialResult,
)
from engine.storage.library import run_curve
from engine.storage.sweep_file import SweepResults, begun_sweep

PLAN = SweepPlan("rates", 2, (SweepCase(("a=1",), ("x", "y")),), "text = 'a'\n")
STARTED = TrialResult("x", "a=1", 1, "started", "otter")
DONE = TrialResult("x", "a=1", 1, "done", "otter", 2.0, 20, 4.0)


def answers(*commands: Command) -> list[Event]:
    """What a session answers to commands without an open run."""
    return Driver().run(*commands, Close())


def test_a_sweep_is_read_as_it_stands() -> None:
    assert only(answers(ReadSweep("rates")), SweepRead) == SweepRead("rates")
    with begun_sweep(PLAN) as folder:
        results = SweepResults(folder)
        results.add(TrialResult("of another file", "b=1", 1, "done", "owl", 1.0))
        results.add(STARTED)
        assert only(answers(ReadSweep("rates")), SweepRead) == SweepRead(
            "rates", PLAN, (STARTED,), running=True
        )
        results.add(DONE)
    assert only(answers(ReadSweep("rates")), SweepRead) == SweepRead("rates", PLAN, (DONE,))
    (summary,) = only(answers(ListSweeps()), SweepsListed).sweeps
    assert (summary.name, summary.done, summary.runs, summary.problem) == ("rates", 1, 2, "")


@pytest.mark.parametrize("content", [b"[[[", b'{"name":"rates","seeds":2,"cases":[]}', b"\xff"])
def test_a_plan_that_cannot_be_read_is_said(content: bytes) -> None:
    with begun_sweep(PLAN) as folder:
        (folder / "plan.json").write_bytes(content)
    assert "The sweep 'rates' cannot be read: " in only(answers(ReadSweep("rates")), Failed).message
    (summary,) = only(answers(ListSweeps()), SweepsListed).sweeps
    assert summary.problem.startswith("The sweep 'rates' cannot be read: ")


def test_results_that_cannot_be_are_left_out() -> None:
    with begun_sweep(PLAN) as folder:
        results = SweepResults(folder)
        for loss in (1e300, -1.0):
            results.add(TrialResult("x", "a=1", 1, "done", "otter", loss))
    assert only(answers(ReadSweep("rates")), SweepRead).results == ()


def test_a_renamed_run_is_still_one_of_its_sweep(verse_file: Path) -> None:
    with begun_sweep(PLAN) as folder:
        SweepResults(folder).add(replace(DONE, run=saved_run(verse_file)))
    (before,) = only(answers(ReadSweep("rates")), SweepRead).results
    events = answers(RenameRun(before.run, "best rate"), ReadSweep("rates"))
    (after,) = only(events, SweepRead).results
    assert after == replace(before, run="best rate")


def test_curves_are_read_as_far_as_the_runs_are_there(verse_file: Path) -> None:
    name = saved_run(verse_file)
    known, gone = only(answers(ReadCurves((name, "gone"))), CurvesRead).runs
    assert known == run_curve(name)
    assert known.losses
    assert (gone.run, gone.losses) == ("gone", ())
