"""Weights of earlier steps: which are kept, in how much room, and what becomes of damaged ones."""

import errno
import math
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from driving import Driver, is_a, losses, of, only, run_to_end, tiny
from hypothesis import given
from hypothesis import strategies as st

from engine.protocol import (
    Close,
    Evaluated,
    Event,
    Failed,
    MomentsKept,
    Open,
    Opened,
    OpenRun,
    Rollback,
    Saved,
    Step,
    StepDone,
    Train,
)
from engine.storage import atomic, library, moments
from engine.storage.manifest import DamagedError
from engine.storage.moment_files import Moment, moments_of
from engine.storage.moments import Circumstances, read_moment, thinned, write_moment
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(60)

ENOUGH = 1 << 20
ALL = (0, 1, 2, 4, 8, 10, 16, 20)
"""Of a tiny run of 20 steps with an evaluation every 10."""


def trained(corpus: Path, *assignments: str) -> list[Event]:
    return run_to_end(Open(tiny(corpus, *assignments)), Train())


def kept(run: str) -> list[Moment]:
    return moments_of(folder_of(run), 1_000)


def steps_of(run: str) -> tuple[int, ...]:
    return tuple(moment.step for moment in kept(run))


def test_weights_are_kept_at_powers_of_two_and_at_evaluations(verse_file: Path) -> None:
    events = trained(verse_file)
    name = only(events, Opened).run
    assert steps_of(name) == ALL
    reports = of(events, MomentsKept)
    assert reports[0] == MomentsKept((), 0, 200_000_000)
    size = sum(moment.size for moment in kept(name))
    assert reports[-1] == MomentsKept(ALL, size, 200_000_000)
    assert [len(report.steps) for report in reports] == list(range(len(ALL) + 1))


def test_the_last_moment_is_the_model_of_the_checkpoint(verse_file: Path) -> None:
    events = trained(verse_file)
    saved = load_run(only(events, Opened).run)
    tensors, at = read_moment(kept(saved.name)[-1], ENOUGH)
    assert tensors.keys() == saved.state["model"].keys()
    assert all(tensor.equal(saved.state["model"][name]) for name, tensor in tensors.items())
    assert at == (of(events, Evaluated)[-1].loss, 16)


def test_moments_are_counted_in_the_size_of_a_run(verse_file: Path) -> None:
    name = only(trained(verse_file), Opened).run
    without = only(trained(verse_file, "train.moments_mb=0"), Opened).run
    assert steps_of(without) == ()
    sizes = {run.name: run.size for run in library.summaries()}
    assert sizes[name] - sizes[without] > 0.9 * sum(moment.size for moment in kept(name))


def test_keeping_weights_changes_no_loss(verse_file: Path) -> None:
    assert losses(trained(verse_file)) == losses(trained(verse_file, "train.moments_mb=0"))


def test_nothing_is_kept_of_a_run_that_is_not_saved(verse_file: Path) -> None:
    driver = Driver(saving=False).when(is_a(StepDone, step=20), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert only(events, MomentsKept).steps == ()
    assert not folder_of(only(events, Opened).run).exists()


def test_a_budget_that_is_full_keeps_the_first_the_last_and_the_best(tmp_path: Path) -> None:
    weights = {"weights": torch.zeros(1_000)}
    losses_at = {0: 4.2, 10: 3.0, 20: 2.1, 30: 2.6, 40: 2.8}
    for step in (0, 1, 2, 4, 8, 10, 16, 20, 30, 32, 40):
        at = Circumstances(losses_at.get(step), 16)
        write_moment(tmp_path, step, weights, at, budget=4 * 4_300)
        found = moments_of(tmp_path, step)
        assert sum(moment.size for moment in found) <= 4 * 4_300
        assert found[-1].step == step
    assert [moment.step for moment in found] == [0, 4, 20, 40]


def test_the_budget_holds_for_a_run(verse_file: Path) -> None:
    events = trained(verse_file, "train.moments_mb=1", "model.n_embd=64")
    last = of(events, MomentsKept)[-1]
    assert last.bytes <= last.budget == 1_000_000
    assert last.steps == steps_of(only(events, Opened).run) == (0, 4, 10, 20)


def test_a_budget_without_room_for_one_is_said_once(verse_file: Path) -> None:
    events = trained(verse_file, "train.moments_mb=1", "model.n_embd=512", "train.steps=2")
    opened = only(events, Opened)
    assert opened.note == (
        "No weights of earlier steps are kept: one set takes 12.7 MB, more than train.moments_mb=1."
    )
    assert [report.steps for report in of(events, MomentsKept)] == [()]
    assert of(events, Failed) == []


def test_the_budget_of_a_saved_run_may_change(verse_file: Path) -> None:
    name = only(trained(verse_file, "train.moments_mb=0"), Opened).run
    events = run_to_end(OpenRun(name, assignments=("train.moments_mb=5",)), Train(steps=10))
    assert of(events, MomentsKept)[-1].steps == (20, 30)
    assert of(events, MomentsKept)[-1].budget == 5_000_000


def test_training_on_from_an_earlier_step_drops_the_later_moments(verse_file: Path) -> None:
    name = only(trained(verse_file), Opened).run
    (folder_of(name) / "checkpoints" / "000003").rename(folder_of(name) / "gone")
    opened = Driver().run(OpenRun(name), Close())
    assert only(opened, Opened).step == 10
    assert only(opened, MomentsKept).steps == ALL[:6]
    assert steps_of(name) == ALL  # nothing was trained
    Driver().when(is_a(StepDone, step=11), Close()).run(OpenRun(name), Step())
    assert steps_of(name) == ALL[:6]


def test_a_rollback_drops_the_later_moments(verse_file: Path) -> None:
    driver = Driver()
    driver.when(is_a(StepDone, step=17), Rollback())
    driver.call_when(is_a(StepDone, step=11), lambda: None)
    driver.when(is_a(MomentsKept, steps=ALL), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert [report.steps for report in of(events, MomentsKept)][-3:] == [ALL[:6], ALL[:7], ALL]


def test_what_an_interrupted_write_left_is_cleared(verse_file: Path) -> None:
    name = only(trained(verse_file), Opened).run
    left = folder_of(name) / "moments" / f"0000000030.x.safetensors{atomic.UNFINISHED}"
    left.write_bytes(b"half")
    Driver().when(is_a(StepDone, step=21), Close()).run(OpenRun(name), Step())
    assert not left.exists()


class FullDisk:
    """Refuses moments while it is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        self._write = atomic.replace_file
        monkeypatch.setattr(moments, "replace_file", self._replace_file)

    def _replace_file(self, path: Path, parts: Iterator[bytes], *, durable: bool) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        self._write(path, parts, durable=durable)


def test_a_full_disk_is_said_once_and_training_goes_on(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    driver = Driver().call_when(is_a(StepDone, step=5), lambda: setattr(disk, "full", False))
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())
    assert only(events, Failed) == Failed(
        "The weights of step 0 could not be kept to look back at: No space left on device. "
        "Training goes on.",
        "inspect",
    )
    assert of(events, MomentsKept)[-1].steps == (8, 10, 16, 20)
    assert only(events, Saved).step == 20


def test_room_for_the_next_checkpoint_stays_free(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.session.moment_keeper.free_space", lambda _: 50_000)
    monkeypatch.setattr("engine.storage.run.Run._check_space", lambda *_: None)
    events = trained(verse_file)
    assert "No space left" in only(events, Failed).message
    assert steps_of(only(events, Opened).run) == ()


def test_a_damaged_moment_is_noticed_wherever_a_bit_has_flipped(verse_file: Path) -> None:
    moment = kept(only(trained(verse_file), Opened).run)[-1]
    content = moment.path.read_bytes()
    for place in range(0, len(content), len(content) // 50):
        flipped = bytearray(content)
        flipped[place] ^= 1
        moment.path.write_bytes(flipped)
        with pytest.raises(DamagedError, match="the file of step 20 in moments has been changed"):
            read_moment(moment, ENOUGH)
    moment.path.write_bytes(content[:100])
    with pytest.raises(DamagedError, match="has been changed"):
        read_moment(moment, ENOUGH)
    moment.path.unlink()
    with pytest.raises(DamagedError, match="No such file"):
        read_moment(moment, ENOUGH)
    moment.path.write_bytes(content)
    with pytest.raises(DamagedError, match="larger than the model"):
        read_moment(moment, -(1 << 20))


# The rule by which they are thinned.

STEPS = st.lists(st.integers(0, 10**7), min_size=1, max_size=60, unique=True).map(sorted)


@given(STEPS, st.data(), st.integers(1, 70))
def test_what_stays_fits_and_has_the_ends_and_the_best(
    steps: list[int], data: st.DataObject, room: int
) -> None:
    best = data.draw(st.none() | st.sampled_from(steps))
    left = thinned(steps, best, room)
    assert left == sorted({*left} & {*steps})
    assert len(left) == min(room, len(steps))
    wanted = [steps[-1], steps[0], *([] if best is None else [best])]
    assert {*[*dict.fromkeys(wanted)][:room]} <= {*left}
    assert thinned(left, best, room) == left


@given(st.integers(4, 60), st.integers(1, 400), st.integers(100, 2_000))
def test_a_long_run_is_thinned_evenly_on_a_scale_of_its_logarithm(
    room: int, interval: int, evaluations: int
) -> None:
    """As it grows, moment by moment: no gap is much wider than even ones would be."""
    end = interval * evaluations
    regular = {0, *(2**i for i in range(40) if 2**i <= end)}
    left: list[int] = []
    for step in sorted(regular | {*range(interval, end + 1, interval)}):
        left = thinned([*left, step], None, room)
    places = [math.log1p(step) for step in left]
    gaps = [after - before for before, after in pairwise(places)]
    assert max(gaps) <= max(math.log(interval + 1), math.log(2), 4 * math.log1p(end) / room)
