"""The number of threads is measured again during training; a change is reported and resumes exactly."""

import shutil
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from driving import Driver, FakeClock, is_a, losses, of, only, tiny

from engine.model.workspace import Memory
from engine.protocol import (
    Close,
    Evaluated,
    Event,
    Open,
    Opened,
    OpenRun,
    Saved,
    ThreadsChosen,
    Train,
)
from engine.session.thread_choice import CONFIRM_AFTER, FIRST_AFTER, INTERVAL, MEASURING_SHARE
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run
from engine.training import autotune

Trials = dict[tuple[int, torch.dtype], float]

ONE_IS_FASTER = {(1, torch.float32): 1.0, (2, torch.float32): 1.5}
TWO_ARE_FASTER = {(1, torch.float32): 1.5, (2, torch.float32): 1.0}
TWO_ARE_NEARLY_AS_FAST = {(1, torch.float32): 1.0, (2, torch.float32): 1.09}
ONE_IS_NEARLY_AS_FAST = {(1, torch.float32): 1.09, (2, torch.float32): 1.0}

Measurements = Callable[..., list[list[int]]]


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> Measurements:
    """Lays down what each measurement finds, the last one from then on; returns a list to which
    each adds the numbers of threads that it was to compare."""

    def lay_down(*found: Trials) -> list[list[int]]:
        asked: list[list[int]] = []

        def trials(choices: list[tuple[int, torch.dtype]], _: object) -> Iterator[float | Trials]:
            asked.append([count for count, _ in choices])
            yield 0.5
            yield found[min(len(asked), len(found)) - 1]

        monkeypatch.setattr(autotune, "MAX_THREADS", 2)
        monkeypatch.setattr(autotune, "_trials", trials)
        return asked

    return lay_down


def train(text: Path, *passing: tuple[int, float], threads: int = 0) -> list[Event]:
    """Train a run of 20 steps, evaluated at 0, 10 and 20; `passing`: steps whose evaluation takes
    so many seconds more."""
    return run(Open(tiny(text, f"train.threads={threads}")), *passing)


def resume(
    name: str, *passing: tuple[int, float], assignments: tuple[str, ...] = ()
) -> list[Event]:
    """Train a saved run on, for 20 steps."""
    return run(OpenRun(name, assignments=assignments), *passing)


def run(opening: Open | OpenRun, *passing: tuple[int, float]) -> list[Event]:
    clock = FakeClock()
    driver = Driver(clock)

    def pass_time(seconds: float) -> Callable[[], None]:
        def let_pass() -> None:
            clock.now += seconds

        return let_pass

    for step, seconds in passing:
        driver.call_when(is_a(Evaluated, step=step), pass_time(seconds))
    driver.when(is_a(Saved), Close())
    return driver.run(opening, Train())


def test_threads_are_chosen_again_once_two_measurements_agree(
    verse_file: Path, measurements: Measurements
) -> None:
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    events = train(verse_file, (0, FIRST_AFTER), (10, CONFIRM_AFTER))

    assert only(events, Opened).threads == 1
    chosen = only(events, ThreadsChosen)
    assert (chosen.step, chosen.threads) == (10, 2)
    assert chosen.elapsed >= FIRST_AFTER + CONFIRM_AFTER
    assert chosen.choice == "measured: 2 × fp32 1.0, 1 × fp32 1.5"
    assert asked == [[1, 2], [1, 2], [1, 2]]
    saved = load_run(only(events, Opened).run)
    assert saved.manifest.machine.threads == 2


def test_training_holds_no_memory_meanwhile(
    verse_file: Path, measurements: Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trials have arrays of their own: with those of training they would be the peak."""
    measurements(ONE_IS_FASTER)
    in_use: weakref.WeakSet[Memory] = weakref.WeakSet()
    during: list[int] = []
    begin, trials = Memory.__init__, autotune._trials

    def counted(self: Memory, *sizes: object) -> None:
        begin(self, *sizes)
        in_use.add(self)

    def looked_at(*parts: object) -> Iterator[float | Trials]:
        during.append(len(in_use))
        yield from trials(*parts)  # type: ignore[arg-type]

    monkeypatch.setattr(Memory, "__init__", counted)
    monkeypatch.setattr(autotune, "_trials", looked_at)
    train(verse_file, (10, FIRST_AFTER))
    assert during == [0, 0]


def test_one_measurement_changes_nothing(verse_file: Path, measurements: Measurements) -> None:
    """The machine was busy for a moment: the second one finds what the start found."""
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER, ONE_IS_FASTER)
    events = train(verse_file, (0, FIRST_AFTER), (10, CONFIRM_AFTER))

    assert of(events, ThreadsChosen) == []
    assert len(asked) == 3


def test_they_are_not_measured_again_within_the_minute(
    verse_file: Path, measurements: Measurements
) -> None:
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    events = train(verse_file, (10, FIRST_AFTER / 2))

    assert of(events, ThreadsChosen) == []
    assert len(asked) == 1


@pytest.mark.parametrize(("seconds", "times"), [(INTERVAL / 2, 1), (INTERVAL, 2)])
def test_the_next_time_is_ten_minutes_later(
    seconds: float, times: int, verse_file: Path, measurements: Measurements
) -> None:
    asked = measurements(ONE_IS_FASTER)
    train(verse_file, (0, FIRST_AFTER), (10, seconds))
    assert len(asked) == 1 + times


@pytest.mark.parametrize(("pause", "times"), [(0.9, 1), (1.1, 2)])
def test_slow_measurements_are_rare(
    pause: float, times: int, verse_file: Path, measurements: Measurements
) -> None:
    """They take a hundredth of the time, at most."""
    took = 2 * MEASURING_SHARE * INTERVAL
    clock = FakeClock()
    driver = Driver(clock).when(is_a(Saved), Close())
    asked = measurements(ONE_IS_FASTER)

    def measured_slowly(*_: object) -> Iterator[float | Trials]:
        asked.append([])
        clock.now += took
        yield ONE_IS_FASTER

    def let_pass(seconds: float) -> Callable[[], None]:
        return lambda: setattr(clock, "now", clock.now + seconds)

    driver.call_when(is_a(Evaluated, step=0), let_pass(FIRST_AFTER))
    driver.call_when(is_a(Evaluated, step=10), let_pass(pause * took / MEASURING_SHARE))
    with pytest.MonkeyPatch.context() as patch:
        driver.call_when(is_a(Opened), lambda: patch.setattr(autotune, "_trials", measured_slowly))
        driver.run(Open(tiny(verse_file, "train.threads=0")), Train())
    assert len(asked) == 1 + times


def test_commands_are_heeded_between_two_trials(
    verse_file: Path, measurements: Measurements
) -> None:
    """One trial is a slice of work, like a micro-batch."""
    measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    driver = Driver(clock := FakeClock())
    ticks: list[int] = []

    def trials(*_: object) -> Iterator[float | Trials]:
        for trial in range(6):
            ticks.append(trial)
            if trial == 2:
                driver.inbox.put(Close())
            yield trial / 6
        yield TWO_ARE_FASTER

    driver.call_when(is_a(Evaluated, step=0), lambda: setattr(clock, "now", FIRST_AFTER))
    with pytest.MonkeyPatch.context() as patch:
        driver.call_when(is_a(Opened), lambda: patch.setattr(autotune, "_trials", trials))
        driver.run(Open(tiny(verse_file, "train.threads=0")), Train())
    assert ticks == [0, 1, 2]


@pytest.mark.parametrize(
    ("first", "later", "threads"),
    [
        (ONE_IS_FASTER, ONE_IS_NEARLY_AS_FAST, 1),
        (TWO_ARE_FASTER, TWO_ARE_NEARLY_AS_FAST, 2),
        (ONE_IS_FASTER, ONE_IS_FASTER, 1),
    ],
)
def test_a_choice_that_is_as_fast_but_for_chance_stays(
    first: Trials, later: Trials, threads: int, verse_file: Path, measurements: Measurements
) -> None:
    asked = measurements(first, later)
    events = train(verse_file, (10, FIRST_AFTER))

    assert of(events, ThreadsChosen) == []
    assert only(events, Opened).threads == threads
    assert len(asked) == 2


def test_threads_that_were_asked_for_stay(verse_file: Path, measurements: Measurements) -> None:
    asked = measurements(TWO_ARE_FASTER)
    events = train(verse_file, (10, FIRST_AFTER), threads=1)

    assert of(events, ThreadsChosen) == []
    assert asked == []


def test_a_resumed_run_keeps_its_threads_until_others_are_clearly_faster(
    verse_file: Path, measurements: Measurements
) -> None:
    """Bit for bit as long as it keeps them; and the change is reported."""
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    events = train(verse_file)
    name = only(events, Opened).run
    resumed = resume(name, (30, FIRST_AFTER))
    assert only(resumed, Opened).threads == 1
    assert only(resumed, Opened).choice == "as it was trained before"
    assert of(resumed, ThreadsChosen) == []
    assert asked == [[1, 2], [1, 2]], "nothing is measured when it is opened"

    often = ("train.evaluation_interval=5",)
    changed = resume(name, (45, FIRST_AFTER), (50, CONFIRM_AFTER), assignments=often)
    assert only(changed, Opened).threads == 1
    assert [(e.step, e.threads) for e in of(changed, ThreadsChosen)] == [(50, 2)]
    again = resume(name)
    assert only(again, Opened).threads == 2
    assert of(again, ThreadsChosen) == of(changed, ThreadsChosen), "it is in the history"


def test_threads_of_another_machine_are_compared_with_those_of_this_one(
    verse_file: Path, measurements: Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was begun with two threads, on a machine where one would try 1, 4 or 8."""
    asked = measurements(TWO_ARE_FASTER)
    name = only(train(verse_file), Opened).run
    monkeypatch.setattr(autotune, "MAX_THREADS", 8)
    resume(name, (30, FIRST_AFTER))
    assert asked == [[1, 2], [1, 2, 4]], "there are four windows in a batch"


def test_asked_for_at_last_they_stay(verse_file: Path, measurements: Measurements) -> None:
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    name = only(train(verse_file), Opened).run
    resumed = resume(name, (30, FIRST_AFTER), assignments=("train.threads=1",))
    assert only(resumed, Opened).choice == "as asked for"
    assert len(asked) == 1


def test_from_the_change_on_it_trains_as_with_the_new_threads(
    verse_file: Path, measurements: Measurements
) -> None:
    """To the last bit, from the same checkpoint; and the next checkpoint resumes without a note."""
    measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    clock = FakeClock()
    driver = Driver(clock)

    def copy_run() -> None:
        folder = folder_of(only(driver.events, Opened).run)
        for name in ("with-two", "with-one"):
            shutil.copytree(folder, folder.with_name(name))

    driver.call_when(is_a(Evaluated, step=0), lambda: setattr(clock, "now", FIRST_AFTER + 9))
    driver.call_when(is_a(Evaluated, step=10), lambda: setattr(clock, "now", 2 * INTERVAL))
    driver.call_when(is_a(ThreadsChosen), copy_run)
    driver.when(is_a(Saved), Close())
    events = driver.run(Open(tiny(verse_file, "train.threads=0")), Train())
    assert only(events, ThreadsChosen).step == 10

    def later(events: list[Event]) -> list[tuple[int, float]]:
        return [(step, loss) for step, loss in losses(events) if step > 10]

    def opened_with(threads: int, name: str) -> list[Event]:
        driver = Driver().when(is_a(Saved), Close())
        return driver.run(OpenRun(name, assignments=(f"train.threads={threads}",)), Train())

    with_two = opened_with(2, "with-two")
    assert only(with_two, Opened).step == 10
    assert later(with_two) == later(events)
    assert later(opened_with(1, "with-one")) != later(events), "else the threads make no difference"

    again = only(Driver().run(OpenRun(only(events, Opened).run), Close()), Opened)
    assert (again.threads, again.note) == (2, "")
