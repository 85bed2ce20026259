"""What a report is made of: gathered from a saved run, and changing none."""

from itertools import pairwise
from pathlib import Path

import pytest
from driving import Driver, ask, is_a, losses, of, only, run_to_end, saved_run, tiny

from engine.protocol import (
    Close,
    DivideLoss,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    GatherReport,
    LossDivided,
    Open,
    Opened,
    PhaseChanged,
    ReportedRun,
    ReportGathered,
    Saved,
    StepDone,
    Train,
)
from engine.session.reporting import MOST_POINTS, MOST_SAMPLES, SAMPLE_LENGTH, HistoryDigest
from engine.storage.history import read_history
from engine.storage.paths import folder_of


def gathered(*runs: str) -> list[Event]:
    """The events of gathering a report on these runs."""
    driver = Driver().when(lambda event: isinstance(event, ReportGathered | Failed), Close())
    return driver.run(GatherReport(runs))


def reported(run: str) -> ReportedRun:
    """What there is to report of one run."""
    (found,) = only(gathered(run), ReportGathered).runs
    return found


def test_the_figures_are_those_of_the_history(verse_file: Path) -> None:
    name = saved_run(verse_file)
    run = reported(name)
    history = [*read_history(folder_of(name))]
    assert [(one.step, one.loss, one.accuracy) for one in run.evaluations] == [
        (event.step, event.loss, event.accuracy) for event in of(history, Evaluated)
    ]
    steps = of(history, StepDone)
    assert [(one.last, one.mean, one.learning_rate) for one in run.training] == [
        (event.step, event.loss, event.learning_rate) for event in steps
    ]
    assert run.trained == sum(event.tokens for event in steps)
    assert [(one.step, one.text) for one in run.samples] == [
        (event.step, event.text) for event in of(history, Excerpt)
    ]
    assert (run.run, run.step, run.done, run.holder) == (name, 20, True, "")
    assert run.rungs


def test_the_loss_is_divided_as_in_the_view(verse_file: Path) -> None:
    name = saved_run(verse_file)
    answer = only(ask(name, DivideLoss(0)), LossDivided)
    assert reported(name).divided == answer


def test_a_report_on_the_open_run_leaves_its_training_as_it_is(verse_file: Path) -> None:
    """It is of the step at which it was asked for, and losses are equal to the last bit."""
    config = tiny(verse_file, "train.steps=60")
    alone = losses(run_to_end(Open(config), Train()))
    driver = Driver()
    driver.call_when(
        is_a(StepDone, step=5),
        lambda: driver.send(GatherReport((only(driver.events, Opened).run,))),
    )
    driver.when(is_a(ReportGathered)).when(is_a(PhaseChanged, phase="done"))
    events = driver.when(is_a(Saved, step=60), Close()).run(Open(config), Train())
    assert losses(events) == alone
    (run,) = only(events, ReportGathered).runs
    assert (run.step, run.done) == (5, False)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [("no-such-run", "There is no run 'no-such-run'"), ("{run}@7", "The weights of step 7")],
)
def test_what_is_not_there_is_refused(verse_file: Path, wanted: str, why: str) -> None:
    failed = only(gathered(wanted.format(run=saved_run(verse_file))), Failed)
    assert failed.during == "export"
    assert failed.message.startswith(why)


def test_a_long_history_becomes_short_and_keeps_what_counts() -> None:
    """The extremes of every stretch, the best evaluation, and the first below each rung."""
    last = 10_000
    digest = HistoryDigest(last, (("letter pairs", 2.5),))
    best, passed = 7_003, 3_001
    for step in range(1, last + 1):
        loss = 9.0 if step == 5_555 else 3.0
        digest.add(StepDone(step, loss, 1.0, 0.01, 2_048, 64, 0.1, step * 0.1, 0.0))
        held_out = {best: 1.5, passed: 2.4}.get(step, 2.6)
        digest.add(Evaluated(step, held_out, 3.0, 0.5, 64, 0.1, step * 0.1, 100))
        digest.add(Excerpt(step, "ROMEO:", "x" * 5_000))
    assert digest.trained == last * 2_048
    training, evaluations, samples = digest.training, digest.evaluations, digest.samples
    assert len(training) <= MOST_POINTS + 1
    assert (training[0].first, training[-1].last) == (1, last)
    assert max(one.high for one in training) == 9.0
    assert all(one.last + 1 == later.first for one, later in pairwise(training))
    assert len(evaluations) <= MOST_POINTS + 3
    steps = [one.step for one in evaluations]
    assert steps == sorted(steps)
    assert {best, passed, last} <= set(steps)
    assert len(samples) <= MOST_SAMPLES + 2
    assert samples[-1].step == last
    assert (len(samples[0].text), samples[0].more) == (SAMPLE_LENGTH, 5_000 - SAMPLE_LENGTH)
