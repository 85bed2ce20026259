"""A run that another program trains is followed: its events arrive as they come, and none of its
files changes."""

import os
import signal
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from driving import Driver, is_a, losses, of, only, run_to_end, tiny
from elsewhere import trained_elsewhere
from forking import needs_fork

from engine.config import SampleConfig, small
from engine.protocol import (
    AnnotateRun,
    Close,
    Command,
    Compare,
    DeleteRun,
    Event,
    ExportRun,
    Failed,
    Fork,
    Forked,
    ListRuns,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRun,
    ParentLoaded,
    PhaseChanged,
    RenameRun,
    Rollback,
    Sample,
    SampleDone,
    SampleStarted,
    Save,
    SetExcerptPrompt,
    SetLearningRate,
    Step,
    StepDone,
    Stop,
    TextSampled,
    Train,
)
from engine.storage.library import run_curve, run_in_training, run_written_by
from engine.storage.paths import folder_of, run_names

pytestmark = [pytest.mark.timeout(20), needs_fork]


def saved_run(corpus: Path) -> str:
    driver = Driver().when(is_a(StepDone), Close())
    return only(driver.run(Open(tiny(corpus, "train.steps=100000")), Step()), Opened).run


class Watcher(Driver):
    """A Session in real time, with a user who watches."""

    def __init__(self, *, follows: bool = False) -> None:
        super().__init__(clock=time.perf_counter, follows=follows)


def test_its_steps_arrive_as_they_come(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name) as pid:
        seen = len(of(Watcher().run(OpenRun(name), Close()), StepDone))
        watcher = Watcher().when(lambda e: isinstance(e, StepDone) and e.step > seen + 60, Close())
        events = watcher.run(OpenRun(name))
    opened = only(events, Opened)
    assert opened.phase == "following"
    assert opened.note.startswith(f"Another program trains this run (process {pid}, since ")
    steps = [event.step for event in of(events, StepDone)]
    assert steps == list(range(1, steps[-1] + 1)), "each of them once"
    kept = losses(Driver().run(OpenRun(name), Close()))
    assert losses(events)[: len(kept)] == kept[: len(losses(events))]
    assert len(kept) > 40


def test_samples_come_from_the_weights_that_were_saved_last(verse_file: Path) -> None:
    name = saved_run(verse_file)
    config = SampleConfig(characters=20)
    with trained_elsewhere(name):
        watcher = Watcher()
        watcher.when(is_a(Opened), Sample(1, "The owl", config))
        watcher.when(is_a(SampleDone), OpenRun(name))  # until there is an evaluation, and its save
        watcher.when(lambda e: isinstance(e, StepDone) and e.step > 60, Sample(2, "The", config))
        watcher.when(is_a(SampleDone, sample_id=2), Close())
        events = watcher.run(OpenRun(name))
    first, second = of(events, SampleStarted)
    assert second.step > first.step
    assert sum(len(e.text) for e in of(events, TextSampled)) == 40


@pytest.mark.parametrize(
    "command",
    [Train(), Step(), Stop(), Rollback(), SetLearningRate(0.01), Save(), SetExcerptPrompt("The")],
)
def test_commands_that_would_change_it_are_refused(verse_file: Path, command: Command) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name) as pid:
        events = Watcher().run(OpenRun(name), command, Close())
    failed = only(events, Failed)
    assert failed.message.startswith(f"Another program trains {name!r} (process {pid}, since ")
    assert of(events, PhaseChanged) == []


def test_the_cost_of_a_new_run_is_measured(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name):
        events = Watcher().run(OpenRun(name), Measure(tiny(verse_file), 30), Close())
    assert only(events, Measured).parameters > 0


def is_one_more_step(events: list[Event], event: Event) -> bool:
    """Whether this is the step after the one at which the run was opened last."""
    last = of(events, Opened)[-1:]
    return (
        isinstance(event, StepDone) and last[0].phase == "paused" and event.step == last[0].step + 1
    )


def test_once_the_other_program_has_ended_the_run_can_be_trained_here(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name) as pid:
        watcher = Watcher()
        watcher.call_when(is_a(Opened, phase="following"), partial(os.kill, pid, signal.SIGTERM))
        watcher.when(is_a(Opened, phase="paused"), Step())
        watcher.when(lambda e: is_one_more_step(watcher.events, e), Close())
        events = watcher.run(OpenRun(name))
    assert [opened.phase for opened in of(events, Opened)] == ["following", "paused"]
    assert of(events, Failed) == []


def test_following_changes_no_file(verse_file: Path) -> None:
    name = saved_run(verse_file)
    folder = folder_of(name)
    with trained_elsewhere(name) as pid:
        os.kill(pid, signal.SIGSTOP)
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        Watcher().run(OpenRun(name), Sample(1, "a", SampleConfig(characters=5)), Close())
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_run_that_is_moved_away_is_not_followed_any_longer(verse_file: Path, home: Path) -> None:
    name = saved_run(verse_file)
    folder = folder_of(name)
    with trained_elsewhere(name):
        watcher = Watcher()
        watcher.call_when(is_a(Opened), lambda: (folder.rename(home / "elsewhere"), None)[1])
        watcher.when(is_a(Failed), Sample(1, "a", SampleConfig(characters=5)))
        watcher.when(is_a(SampleDone), Close())
        events = watcher.run(OpenRun(name))
    assert only(events, Failed).message.startswith(f"The run {name!r}, which was followed here, ")
    assert only(events, PhaseChanged).phase == "paused"


def test_a_run_that_is_renamed_is_followed_under_its_new_name(verse_file: Path) -> None:
    name = saved_run(verse_file)
    folder = folder_of(name)
    with trained_elsewhere(name):
        watcher = Watcher()
        watcher.call_when(is_a(Opened), lambda: (folder.rename(folder_of("renamed")), None)[1])
        watcher.when(is_a(Opened, run="renamed", phase="following"), Close())
        events = watcher.run(OpenRun(name))
    assert [event.run for event in of(events, Opened)] == [name, "renamed"]
    assert of(events, Failed) == []


def test_a_run_that_is_killed_after_it_was_extended_has_not_ended(verse_file: Path) -> None:
    config = tiny(verse_file, "train.steps=400", "train.evaluation_interval=1000")
    name = only(run_to_end(Open(config), Train()), Opened).run
    with trained_elsewhere(name):
        watcher = Watcher().when(lambda e: isinstance(e, StepDone) and e.step > 400, Close())
        watcher.run(OpenRun(name))
    opened = only(Driver().run(OpenRun(name), Close()), Opened)
    assert opened.steps > opened.step
    assert opened.phase == "paused"


def test_it_cannot_be_renamed_while_another_program_trains_it(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name):
        events = Watcher().run(OpenRun(name), RenameRun(name, "mine"), Close())
    assert only(events, Failed).during == "runs"


def test_a_fork_that_is_followed_has_its_parent(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    forking = Driver().when(is_a(StepDone, step=2), Close()).run(Fork(parent), Step())
    with trained_elsewhere(only(forking, Opened).run):
        events = Driver().when(is_a(Forked), Close()).run(OpenRun(only(forking, Opened).run))
    assert only(events, Opened).phase == "following"
    assert only(events, ParentLoaded) == ParentLoaded(run_curve(parent))


def test_its_settings_cannot_change_here(verse_file: Path) -> None:
    name = saved_run(verse_file)
    with trained_elsewhere(name) as pid:
        opening = OpenRun(name, assignments=("sample.temperature=2",))
        failed = only(Driver().run(opening, Close()), Failed)
    assert failed.message.startswith(f"Another program trains the run '{name}' (process {pid}")
    assert failed.message.endswith("): its settings cannot be changed here.")


def test_the_run_that_is_trained_is_found(verse_file: Path) -> None:
    """While another process trains it; and by its process, afterwards too."""
    name, other = saved_run(verse_file), saved_run(verse_file)
    assert run_in_training() == ""
    before = time.time()
    with trained_elsewhere(name) as process:
        assert run_in_training() == run_in_training(later_than=other) == name
        assert run_in_training(later_than=name) == ""
    assert run_in_training() == ""
    assert run_written_by(process, before) == name
    assert run_written_by(process, time.time()) == ""
    assert run_written_by(os.getpid(), before) == ""


@pytest.mark.parametrize(
    "command",
    [
        *(Open(small("verse")), Fork("a"), Train(), Step(), Save(), SetLearningRate(0.01)),
        *(ListRuns(), RenameRun("a", "b"), AnnotateRun("a", "b"), DeleteRun("a"), Compare(("a",))),
        *(Measure(small("verse"), 30), ExportRun("a", "hf", "b")),
    ],
)
def test_a_session_that_only_follows_does_nothing_else(verse_file: Path, command: Command) -> None:
    name = saved_run(verse_file)
    sample = Sample(1, "The", SampleConfig(characters=5))
    driver = Driver(follows=True).when(is_a(SampleDone), command, Close())
    events = driver.run(OpenRun(name), sample)
    assert only(events, Opened).phase == "following"
    assert only(events, Failed).message == (
        "Here the run is only followed: nothing is trained or changed."
    )
    assert run_names() == [name]


def test_it_stays_with_a_run_until_another_is_trained(verse_file: Path) -> None:
    """Also once nobody trains it any more."""
    name, other = saved_run(verse_file), saved_run(verse_file)
    watcher = Watcher(follows=True)
    with trained_elsewhere(name) as pid, ExitStack() as stack:
        begin = partial(stack.enter_context, trained_elsewhere(other))
        watcher.call_when(is_a(Opened, run=name), partial(os.kill, pid, signal.SIGTERM))
        watcher.call_when(is_a(SampleDone), begin)
        watcher.when(is_a(Opened, run=other), Close())
        events = watcher.run(OpenRun(name), Sample(1, "The", SampleConfig(characters=5)))
    assert [opened.phase for opened in of(events, Opened)] == ["following", "following"]
    assert of(events, Failed) == []
