"""Whenever the power fails, the old or the new checkpoint opens, and the run continues.

The system calls of real work are recorded. Every disk that may result from a power failure
(`power.py`) is created, and the run on it is opened, trained on and saved again.
"""

import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from driving import history_of, of, only, run_to_end, tiny
from forking import needs_fork, needs_strace
from killing import equal_states
from power import power_losses
from recording_calls import (
    Recording,
    Synced,
    Tree,
    record,
    report_done,
)

from engine.protocol import Event, Open, Opened, StepDone, Train
from engine.storage.atomic import replace_file
from engine.storage.checkpoints import State, write_checkpoint
from engine.storage.manifest import Progress, checkpoints_of
from engine.storage.paths import folder_of
from engine.storage.run import Run
from engine.storage.saved_run import SavedRun, load_run

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300), needs_fork, needs_strace]


class Opening(NamedTuple):
    """What a run opens with."""

    step: int
    events: list[Event]


def opening_of(saved: SavedRun) -> Opening:
    """What this run opens with."""
    return Opening(saved.manifest.progress.step, history_of(saved))


class Writing:
    """A run of 20 steps, and what is written when it continues."""

    def __init__(self, verse_file: Path) -> None:
        self.name = only(run_to_end(Open(tiny(verse_file)), Train()), Opened).run
        self.folder = folder_of(self.name)
        self.before = load_run(self.name)
        self.opening = opening_of(self.before)
        self._step_done = of(self.opening.events, StepDone)[0]

    def state(self, step: int) -> State:
        """Tensors that differ at each step."""
        more = step - self.before.manifest.progress.step
        return {
            group: {name: t + more if t.is_floating_point() else t for name, t in tensors.items()}
            for group, tensors in self.before.state.items()
        }

    def progress(self, step: int, evaluated: bool = True) -> Progress:
        """Every evaluation is the best so far, so that older checkpoints may be deleted."""
        progress = msgspec.structs.replace(self.before.manifest.progress, step=step)
        if evaluated:
            progress = msgspec.structs.replace(progress, evaluated=step, loss=1 / (1 + step))
        return progress

    def event(self, step: int) -> Event:
        """The event of a step."""
        return msgspec.structs.replace(self._step_done, step=step, loss=9.0)

    def start(self, saved: SavedRun | None) -> Run:
        """The run, saved or new, ready to be written."""
        run = Run(self.name, saved)
        run.start_writing(self.before.info, self.before.text, 0)
        return run

    def save(self, run: Run, step: int, evaluated: bool = True) -> None:
        """Save as the program does after a step."""
        run.record(self.event(step))
        run.flush()
        run.save(self.progress(step, evaluated), self.before.manifest.machine, self.state(step))

    def train(self, saved: SavedRun | None, *steps: int) -> None:
        """Start writing, and save after each of these steps."""
        run = self.start(saved)
        for step in steps:
            self.save(run, step)
            report_done()
        run.close()


class FoundDisk:
    """A folder in which a disk is created as it may be found after a power failure."""

    def __init__(self, folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._home = folder / home.parent.name / home.name
        self._monkeypatch = monkeypatch

    def make(self, tree: Tree) -> None:
        """Create these files. fsync is disabled from here on, since the power does not fail again."""
        self._monkeypatch.setenv("TINYGPT_HOME", str(self._home))
        self._monkeypatch.setattr(os, "fsync", lambda _: None)
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        for path, content in sorted(tree, key=lambda item: item[0]):
            if content is None:
                (self._folder / path).mkdir()
            else:
                (self._folder / path).write_bytes(content)


@pytest.fixture
def found(
    tmp_path_factory: pytest.TempPathFactory, home: Path, monkeypatch: pytest.MonkeyPatch
) -> FoundDisk:
    return FoundDisk(tmp_path_factory.mktemp("found"), home, monkeypatch)


def opened(name: str) -> SavedRun | None:
    """The run, if it opens."""
    try:
        return load_run(name)
    except ValueError:
        return None


def step_of(saved: SavedRun | None) -> int | None:
    """The step at which it was opened."""
    return saved.manifest.progress.step if saved else None


def assert_continues(writing: Writing, saved: SavedRun | None) -> None:
    """What was opened can be trained on and saved, and nothing unfinished is left."""
    step = step_of(saved) or 0
    run = writing.start(saved)
    writing.save(run, step + 1)
    run.close()
    assert list(folder_of(writing.name).rglob("*.unfinished")) == []
    again = load_run(writing.name)
    assert step_of(again) == step + 1
    assert equal_states(again.state, writing.state(step + 1))


def assert_old_or_new(
    writing: Writing,
    recording: Recording,
    old: Opening | None,
    steps: Sequence[int],
    found: FoundDisk,
) -> int:
    """After a failure at any moment, the state before or after the current part opens; how many cases
    there were. `steps` are those at which it opens once the first part is done, the second, and so
    on."""
    outcomes = (old.step if old else None, *steps)
    expected = [*writing.opening.events, *map(writing.event, steps)]
    cases = 0
    for done, tree in power_losses(*recording):
        found.make(tree)
        try:
            saved = opened(writing.name)
            step = step_of(saved)
            assert step in outcomes[done : done + 2]
            if saved and step is not None:
                assert equal_states(saved.state, writing.state(step))
                assert_history(saved, old, writing.opening.events, expected)
            assert_continues(writing, saved)
        except Exception as error:
            error.add_note(f"{done} parts were done, and the disk was: {listing(tree)}")
            raise
        cases += 1
    return cases


def assert_history(
    saved: SavedRun, old: Opening | None, before: list[Event], expected: Sequence[Event]
) -> None:
    """The previous history is intact; the new events are unchanged and in order."""
    events = history_of(saved)
    if old is not None and step_of(saved) == old.step:
        assert events == old.events
    else:
        assert events[: len(before)] == before
        assert [event for event in expected if event in events] == events


def listing(tree: Tree) -> str:
    """The files and their sizes."""
    return ", ".join(sorted(f"{path} ({len(content)})" for path, content in tree if content))


def test_a_fresh_run_and_its_first_checkpoints(
    home: Path, verse_file: Path, found: FoundDisk
) -> None:
    writing = Writing(verse_file)
    writing.opening = Opening(0, [])
    shutil.rmtree(home)
    recording = record(partial(writing.train, None, 1, 2), home.parent)
    assert assert_old_or_new(writing, recording, None, (1, 2), found) > 50


def test_a_saved_run_and_its_next_checkpoints(
    home: Path, verse_file: Path, found: FoundDisk
) -> None:
    writing = Writing(verse_file)
    recording = record(partial(writing.train, writing.before, 21, 22), home.parent)
    assert assert_old_or_new(writing, recording, writing.opening, (21, 22), found) > 100


def test_a_repair_and_its_next_checkpoint(home: Path, verse_file: Path, found: FoundDisk) -> None:
    writing = Writing(verse_file)
    *_, newest = checkpoints_of(writing.folder)
    (newest / "model.safetensors").write_bytes(b"corrupt")
    (writing.folder / "checkpoints" / "000099.unfinished").mkdir()
    writing.before = load_run(writing.name)
    writing.opening = opening_of(writing.before)
    step = writing.before.manifest.progress.step
    assert step < 20
    recording = record(partial(writing.train, writing.before, step + 1), home.parent)
    assert assert_old_or_new(writing, recording, writing.opening, (step + 1,), found) > 100


def test_rolling_back_to_the_best(home: Path, verse_file: Path, found: FoundDisk) -> None:
    writing = Writing(verse_file)
    run = writing.start(writing.before)
    for step in (21, 22):
        writing.save(run, step, evaluated=False)
    run.close()
    latest, best = load_run(writing.name), load_run(f"{writing.name}@best")
    before = opening_of(latest)
    assert (before.step, step_of(best)) == (22, 20)

    def roll_back() -> None:
        run = writing.start(best)
        report_done()
        writing.save(run, 31)
        report_done()
        run.close()

    recording = record(roll_back, home.parent)
    assert assert_old_or_new(writing, recording, before, (20, 31), found) > 100


def test_a_history_that_is_appended_to(home: Path, verse_file: Path, found: FoundDisk) -> None:
    writing = Writing(verse_file)

    def append() -> None:
        run = writing.start(writing.before)
        for step in (21, 22, 23):
            run.record(writing.event(step))
            run.flush()
        run.close()

    recording = record(append, home.parent)
    assert assert_old_or_new(writing, recording, writing.opening, (), found) > 10


@pytest.mark.parametrize("name", ["run.json", "holder.json", "metrics.jsonl"])
def test_a_file_that_is_replaced(home: Path, verse_file: Path, found: FoundDisk, name: str) -> None:
    writing = Writing(verse_file)
    path = writing.folder / name
    old = path.read_bytes()
    new = old + b"\n"

    def replace() -> None:
        replace_file(path, [new])
        report_done()

    recording = record(replace, home.parent)
    for done, tree in power_losses(*recording):
        content = dict(tree)[str(path.relative_to(home.parent.parent))]
        assert content in (old, new)[done:]
    assert assert_old_or_new(writing, recording, writing.opening, (20,), found) > 5


def is_detected(
    writing: Writing, recording: Recording, steps: Sequence[int | None], found: FoundDisk
) -> bool:
    """Whether it may open as neither the old nor the new."""
    for done, tree in power_losses(*recording):
        found.make(tree)
        if step_of(opened(writing.name)) not in steps[done : done + 2]:
            return True
    return False


def test_a_save_without_any_fsync_is_detected(
    home: Path, verse_file: Path, found: FoundDisk
) -> None:
    writing = Writing(verse_file)
    before, operations = record(partial(writing.train, writing.before, 21, 22), home.parent)
    without_syncs = [operation for operation in operations if not isinstance(operation, Synced)]
    assert is_detected(writing, Recording(before, without_syncs), (20, 21, 22), found)


def test_a_save_that_lacks_any_one_fsync_is_detected(
    home: Path, verse_file: Path, found: FoundDisk
) -> None:
    writing = Writing(verse_file)
    machine = writing.before.manifest.machine

    def save() -> None:
        write_checkpoint(writing.folder, writing.progress(21), machine, writing.state(21))
        report_done()

    before, operations = record(save, home.parent)
    syncs = [k for k, operation in enumerate(operations) if isinstance(operation, Synced)]
    assert len(syncs) == 5, "two tensor files, the manifest, their folder, and its parent"
    assert not is_detected(writing, Recording(before, operations), (20, 21), found)
    for k in syncs:
        without = Recording(before, [*operations[:k], *operations[k + 1 :]])
        assert is_detected(writing, without, (20, 21), found)
