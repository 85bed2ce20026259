"""The number of threads is measured again during training; a change is reported and resumes exactly."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from driving import Driver, FakeClock, is_a, losses, of, only, tiny

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
from engine.session.thread_choice import FIRST_AFTER, INTERVAL
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

        def trials(choices: list[tuple[int, torch.dtype]], _: object) -> Trials:
            asked.append([count for count, _ in choices])
            return found[min(len(asked), len(found)) - 1]

        monkeypatch.setattr(autotune, "MAX_THREADS", 2)
        monkeypatch.setattr(autotune, "_trials", trials)
        return asked

    return lay_down


def train(text: Path, *passing: tuple[int, float], threads: int = 0) -> list[Event]:
    """Train a run of 20 steps, evaluated at 0, 10 and 20; `passing`: steps whose evaluation takes
    so many seconds more."""
    clock = FakeClock()
    driver = Driver(clock)

    def pass_time(seconds: float) -> Callable[[], None]:
        def let_pass() -> None:
            clock.now += seconds

        return let_pass

    for step, seconds in passing:
        driver.call_when(is_a(Evaluated, step=step), pass_time(seconds))
    driver.when(is_a(Saved), Close())
    config = tiny(text, f"train.threads={threads}")
    return driver.run(Open(config), Train())


def test_threads_are_chosen_again_after_a_minute(
    verse_file: Path, measurements: Measurements
) -> None:
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    events = train(verse_file, (10, FIRST_AFTER))

    assert only(events, Opened).threads == 1
    chosen = only(events, ThreadsChosen)
    assert (chosen.step, chosen.threads) == (10, 2)
    assert chosen.elapsed >= FIRST_AFTER
    assert chosen.choice == "measured: 2 × fp32 1.0, 1 × fp32 1.5"
    assert asked == [[1, 2], [1, 2]]
    saved = load_run(only(events, Opened).run)
    assert saved.manifest.machine.threads == 2


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
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER, ONE_IS_FASTER)
    events = train(verse_file, (0, FIRST_AFTER), (10, seconds))

    assert [event.threads for event in of(events, ThreadsChosen)] == [2, 1][:times]
    assert len(asked) == 1 + times


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


def test_a_resumed_run_keeps_its_threads(verse_file: Path, measurements: Measurements) -> None:
    """It then continues bit for bit."""
    asked = measurements(ONE_IS_FASTER, TWO_ARE_FASTER)
    events = train(verse_file)
    name = only(events, Opened).run
    clock = FakeClock()
    driver = Driver(clock).when(is_a(Saved), Close())
    driver.call_when(is_a(Evaluated, step=30), lambda: setattr(clock, "now", 10 * INTERVAL))
    resumed = driver.run(OpenRun(name), Train())

    assert of(resumed, ThreadsChosen) == []
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

    driver.call_when(is_a(Evaluated, step=10), lambda: setattr(clock, "now", FIRST_AFTER + 9))
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
