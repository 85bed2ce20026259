"""Whenever the power goes, the old checkpoint or the new one opens, and the run goes on.

The calls of real work are recorded. Of what was not forced to the disk, anything may be missing
afterwards: names, each for itself; contents, wholly, from some point on, or as zeros. Every disk
that may be found so is made, and the run on it is opened, begun and saved again.
"""

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import pytest
import torch
from driving import history_of, of, only, run_to_end, tiny
from forking import needs_fork, needs_strace
from recording_calls import (
    Change,
    Disk,
    Forced,
    Named,
    Node,
    Operation,
    Recording,
    Told,
    Tree,
    Written,
    recorded,
    tell,
)

from engine.protocol import Event, Open, Opened, StepDone, Train
from engine.storage.atomic import replace_file
from engine.storage.checkpoints import State, write_checkpoint
from engine.storage.manifest import Progress, checkpoints_of
from engine.storage.paths import folder_of
from engine.storage.run import Run
from engine.storage.saved_run import SavedRun, load_run

pytestmark = [pytest.mark.timeout(300), needs_fork, needs_strace]

T = TypeVar("T")

MOST = 256
"""So many combinations of what arrived are all tried."""


class Power:
    """A disk that loses, when the power goes, any of what was not forced to it."""

    def __init__(self, before: Disk) -> None:
        self._certain = before.copy()
        self._pending: list[Change] = []

    def do(self, operation: Operation) -> None:
        """What the work does next."""
        if isinstance(operation, Forced):
            for change in self._pending:
                if change.node == operation.node:
                    self._certain.change(change)
            self._pending = [c for c in self._pending if c.node != operation.node]
        elif not isinstance(operation, Told):
            self._pending.append(operation)

    def trees(self) -> Iterator[Tree]:
        """All that may be found when the power goes now, or went since something was forced."""
        for arrived in combinations(self._fates()):
            disk = self._certain.copy()
            for change in arrived:
                if change is not None:
                    disk.change(change)
            yield disk.tree()

    def _fates(self) -> list[list[Change | None]]:
        """What may become of each change, in their order: lost first, arrived last."""
        reached = self._reached()
        fates: dict[object, list[Change | None]] = {}
        for change in self._pending:
            if change.node not in reached:
                continue
            if isinstance(change, Named):
                fates[id(change)] = [None, change]
            elif change.node not in fates:
                before = self._certain.files.get(change.node, b"")
                contents = [
                    later.content
                    for later in self._pending
                    if isinstance(later, Written) and later.node == change.node
                ]
                fates[change.node] = [
                    Written(change.node, content) for content in torn(before, contents)
                ]
        return list(fates.values())

    def _reached(self) -> set[Node]:
        """What may have a name when the power is back: the rest does not matter."""
        reached: set[Node] = set()
        ahead = [self._certain.root]
        while ahead:
            node = ahead.pop()
            reached.add(node)
            ahead += self._certain.folders.get(node, {}).values()
            ahead += (
                named
                for change in self._pending
                if isinstance(change, Named) and change.node == node
                for _, named in change.changes
                if named is not None
            )
        return reached


def torn(before: bytes, contents: Sequence[bytes]) -> list[bytes]:
    """What may be found of a file that had these contents one after the other: the one before
    first, the last one last."""
    found = [before]
    for old, new in pairwise([before, *contents]):
        if new.startswith(old):
            added = len(new) - len(old)
            found += [new[: len(old) + added // 2], old + bytes(added)]
        found.append(new)
    if new.startswith(before):
        found.append(before + bytes(len(new) - len(before)))
    return [*dict.fromkeys(content for content in found if content != new), new]


def combinations(fates: Sequence[Sequence[T]]) -> Iterator[Sequence[T]]:
    """One fate of each, in all ways where these are few. Else one has any fate while all others are
    lost, or have arrived, or those before it have arrived and those after it are lost."""
    if math.prod(map(len, fates)) <= MOST:
        yield from product(*fates)
        return
    lost, arrived = [fate[0] for fate in fates], [fate[-1] for fate in fates]
    for k, choice in enumerate(fates):
        for before, after in ((lost, lost), (arrived, arrived), (arrived, lost)):
            for fate in choice:
                yield [*before[:k], fate, *after[k + 1 :]]


def power_losses(before: Disk, operations: Sequence[Operation]) -> Iterator[tuple[int, Tree]]:
    """What may be found after each moment of the work, each once, and how often it had told by
    then that a part of it was done."""
    power = Power(before)
    done = 0
    seen: set[Tree] = set()
    for operation in [*operations, Told()]:
        if isinstance(operation, Forced | Told):
            for tree in power.trees():
                if tree not in seen:
                    seen.add(tree)
                    yield done, tree
        if isinstance(operation, Told):
            done += 1
            seen.clear()
        power.do(operation)


class Kept(NamedTuple):
    """What opened before."""

    step: int
    events: list[Event]


def kept(saved: SavedRun) -> Kept:
    """The same, from what opens now."""
    return Kept(saved.manifest.progress.step, history_of(saved))


class Writing:
    """A run of 20 steps, and what is written of it further."""

    def __init__(self, verse_file: Path) -> None:
        self.name = only(run_to_end(Open(tiny(verse_file)), Train()), Opened).run
        self.folder = folder_of(self.name)
        self.before = load_run(self.name)
        self.kept = kept(self.before)
        self._told = of(self.kept.events, StepDone)[0]

    def state(self, step: int) -> State:
        """No two steps have the same weights."""
        more = step - self.before.manifest.progress.step
        return {
            group: {name: t + more if t.is_floating_point() else t for name, t in tensors.items()}
            for group, tensors in self.before.state.items()
        }

    def progress(self, step: int, examined: bool = True) -> Progress:
        """Every exam is the best so far: older checkpoints may go."""
        progress = msgspec.structs.replace(self.before.manifest.progress, step=step)
        if examined:
            progress = msgspec.structs.replace(progress, evaluated=step, loss=1 / (1 + step))
        return progress

    def event(self, step: int) -> Event:
        """What is told of a step."""
        return msgspec.structs.replace(self._told, step=step, loss=9.0)

    def begun(self, saved: SavedRun | None) -> Run:
        """The run, as it was saved or from its start, ours to write."""
        run = Run(self.name, saved)
        run.start_writing(self.before.info, self.before.text, 0)
        return run

    def save(self, run: Run, step: int, examined: bool = True) -> None:
        """As the program does it, after a step."""
        run.record(self.event(step))
        run.flush()
        run.save(self.progress(step, examined), self.before.manifest.machine, self.state(step))

    def train(self, saved: SavedRun | None, *steps: int) -> None:
        """Begin, and save after each of these steps."""
        run = self.begun(saved)
        for step in steps:
            self.save(run, step)
            tell()
        run.close()


class Found:
    """A folder in which the disk is made as it may be found when the power is back."""

    def __init__(self, folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._home = folder / home.parent.name / home.name
        self._monkeypatch = monkeypatch

    def make(self, tree: Tree) -> None:
        """Make it so. The power does not go again: nothing is forced to the disk from here on."""
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
) -> Found:
    return Found(tmp_path_factory.mktemp("found"), home, monkeypatch)


def opened(name: str) -> SavedRun | None:
    """The run, if it can be opened."""
    try:
        return load_run(name)
    except ValueError:
        return None


def step_of(saved: SavedRun | None) -> int | None:
    """The step at which it was opened."""
    return saved.manifest.progress.step if saved else None


def alike(one: State, other: State) -> bool:
    """Whether they are the same to the last bit."""
    return one.keys() == other.keys() and all(
        one[group].keys() == other[group].keys()
        and all(torch.equal(tensor, other[group][name]) for name, tensor in one[group].items())
        for group in one
    )


def assert_goes_on(writing: Writing, saved: SavedRun | None) -> None:
    """What was opened can be written on, and nothing unfinished stays."""
    step = step_of(saved) or 0
    run = writing.begun(saved)
    writing.save(run, step + 1)
    run.close()
    assert list(folder_of(writing.name).rglob("*.unfinished")) == []
    again = load_run(writing.name)
    assert step_of(again) == step + 1
    assert alike(again.state, writing.state(step + 1))


def assert_old_or_new(
    writing: Writing,
    recording: Recording,
    old: Kept | None,
    steps: Sequence[int],
    found: Found,
) -> int:
    """In every case; how many there are. `steps`: at which it opens when
    the first part is done, when the second is done, and so on."""
    outcomes = (old.step if old else None, *steps)
    told = [*writing.kept.events, *map(writing.event, steps)]
    cases = 0
    for done, tree in power_losses(*recording):
        found.make(tree)
        try:
            saved = opened(writing.name)
            step = step_of(saved)
            assert step in outcomes[done : done + 2]
            if saved and step is not None:
                assert alike(saved.state, writing.state(step))
                assert_history(saved, old, writing.kept.events, told)
            assert_goes_on(writing, saved)
        except Exception as error:
            error.add_note(f"{done} parts were done, and this was found: {listing(tree)}")
            raise
        cases += 1
    return cases


def assert_history(
    saved: SavedRun, old: Kept | None, kept: list[Event], told: Sequence[Event]
) -> None:
    """What was there before is there; of what the work told, nothing is changed or out of turn."""
    events = history_of(saved)
    if old is not None and step_of(saved) == old.step:
        assert events == old.events
    else:
        assert events[: len(kept)] == kept
        assert [event for event in told if event in events] == events


def listing(tree: Tree) -> str:
    """The files, and how long they are."""
    return ", ".join(sorted(f"{path} ({len(content)})" for path, content in tree if content))


def test_a_fresh_run_and_its_first_checkpoints(home: Path, verse_file: Path, found: Found) -> None:
    writing = Writing(verse_file)
    writing.kept = Kept(0, [])
    shutil.rmtree(home)
    recording = recorded(partial(writing.train, None, 1, 2), home.parent)
    assert assert_old_or_new(writing, recording, None, (1, 2), found) > 50


def test_a_saved_run_and_its_next_checkpoints(home: Path, verse_file: Path, found: Found) -> None:
    writing = Writing(verse_file)
    recording = recorded(partial(writing.train, writing.before, 21, 22), home.parent)
    assert assert_old_or_new(writing, recording, writing.kept, (21, 22), found) > 100


def test_a_repair_and_its_next_checkpoints(home: Path, verse_file: Path, found: Found) -> None:
    writing = Writing(verse_file)
    *_, newest = checkpoints_of(writing.folder)
    (newest / "model.safetensors").write_bytes(b"torn")
    (writing.folder / "checkpoints" / "000099.unfinished").mkdir()
    writing.before = load_run(writing.name)
    writing.kept = kept(writing.before)
    step = writing.before.manifest.progress.step
    assert step < 20
    steps = (step + 1, step + 2)
    recording = recorded(partial(writing.train, writing.before, *steps), home.parent)
    assert assert_old_or_new(writing, recording, writing.kept, steps, found) > 100


def test_going_back_to_the_best(home: Path, verse_file: Path, found: Found) -> None:
    writing = Writing(verse_file)
    run = writing.begun(writing.before)
    for step in (21, 22):
        writing.save(run, step, examined=False)
    run.close()
    latest, best = load_run(writing.name), load_run(f"{writing.name}@best")
    before = kept(latest)
    assert (before.step, step_of(best)) == (22, 20)

    def go_back() -> None:
        run = writing.begun(best)
        tell()
        writing.save(run, 31)
        tell()
        run.close()

    recording = recorded(go_back, home.parent)
    assert assert_old_or_new(writing, recording, before, (20, 31), found) > 100


def test_a_history_that_is_written_on(home: Path, verse_file: Path, found: Found) -> None:
    writing = Writing(verse_file)

    def go_on() -> None:
        run = writing.begun(writing.before)
        for step in (21, 22, 23):
            run.record(writing.event(step))
            run.flush()
        run.close()

    recording = recorded(go_on, home.parent)
    assert assert_old_or_new(writing, recording, writing.kept, (), found) > 10


@pytest.mark.parametrize("name", ["run.json", "holder.json", "metrics.jsonl"])
def test_a_file_that_is_replaced(home: Path, verse_file: Path, found: Found, name: str) -> None:
    writing = Writing(verse_file)
    path = writing.folder / name
    old = path.read_bytes()
    new = old + b"\n"

    def replace() -> None:
        replace_file(path, [new])
        tell()

    recording = recorded(replace, home.parent)
    for done, tree in power_losses(*recording):
        content = dict(tree)[str(path.relative_to(home.parent.parent))]
        assert content in (old, new)[done:]
    assert assert_old_or_new(writing, recording, writing.kept, (20,), found) > 5


def found_out(
    writing: Writing, recording: Recording, steps: Sequence[int | None], found: Found
) -> bool:
    """Whether it may open as neither the old nor the new."""
    for done, tree in power_losses(*recording):
        found.make(tree)
        if step_of(opened(writing.name)) not in steps[done : done + 2]:
            return True
    return False


def test_a_save_that_forces_nothing_to_the_disk_is_found_out(
    home: Path, verse_file: Path, found: Found
) -> None:
    writing = Writing(verse_file)
    before, operations = recorded(partial(writing.train, writing.before, 21, 22), home.parent)
    unforced = [operation for operation in operations if not isinstance(operation, Forced)]
    assert found_out(writing, Recording(before, unforced), (20, 21, 22), found)


def test_a_save_that_lacks_any_one_forcing_is_found_out(
    home: Path, verse_file: Path, found: Found
) -> None:
    writing = Writing(verse_file)
    machine = writing.before.manifest.machine

    def save() -> None:
        write_checkpoint(writing.folder, writing.progress(21), machine, writing.state(21))
        tell()

    before, operations = recorded(save, home.parent)
    forced = [k for k, operation in enumerate(operations) if isinstance(operation, Forced)]
    assert len(forced) == 5, "two groups of tensors, the manifest, their folder, and its own"
    assert not found_out(writing, Recording(before, operations), (20, 21), found)
    for k in forced:
        without = Recording(before, [*operations[:k], *operations[k + 1 :]])
        assert found_out(writing, without, (20, 21), found)
