"""What can go wrong in a race: a sentence says so, the sides halt together, and nothing is lost."""

import errno
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from driving import Driver, FakeClock, is_a, of, only, tiny
from raced import DIFFERENT, is_final, of_side, raced, recorded, runs_of, verdict_of
from stored import digest

from engine.config import RunConfig, SampleConfig
from engine.protocol import (
    Close,
    Event,
    Failed,
    OpenRace,
    OpenSavedRace,
    Pause,
    RaceOpened,
    RacePhaseChanged,
    RaceVerdict,
    Sample,
    SampleDone,
    SideEvent,
    Step,
    StepDone,
    Stop,
    Train,
)
from engine.storage.lock import RunLock
from engine.storage.paths import folder_of
from engine.training import replica
from engine.training.trainer import Trainer

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(60)]


def at(side: int, step: int) -> Callable[[Event], bool]:
    """Whether an event is this step of this side."""
    return lambda event: (
        isinstance(event, SideEvent)
        and event.side == side
        and isinstance(event.event, StepDone)
        and event.event.step == step
    )


def sides(text: Path) -> tuple[RunConfig, ...]:
    return tiny(text), tiny(text, *DIFFERENT)


def phases(events: list[Event]) -> list[str]:
    return [event.phase for event in of(events, RacePhaseChanged)]


class Result(NamedTuple):
    """What is saved of a race."""

    verdict: RaceVerdict
    sides: list[tuple[str, list[Event]]]
    """The weights of each, as a digest, and what is recorded."""


def result_of(events: list[Event]) -> Result:
    return Result(verdict_of(events), [(digest(run), recorded(run)) for run in runs_of(events)])


@cache
def without_trouble(text: str) -> Result:
    file = Path(os.environ["TINYGPT_HOME"]) / "again.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return result_of(raced(*sides(file)))


def equals_one_without_trouble(events: list[Event], text: Path) -> bool:
    """Whether what is saved of a race is what another one came to, to the last bit."""
    return result_of(events) == without_trouble(text.read_text(encoding="utf-8"))


# The phase of a race.


def test_a_race_is_paused_and_goes_on_when_one_side_has_ended(verse_file: Path) -> None:
    """Side A has half as many steps."""
    configs = tiny(verse_file, "train.steps=10"), tiny(verse_file, "train.steps=20")
    driver = Driver().when(at(1, 15), Pause(), Step(), Step(), Train())
    events = driver.when(is_final, Close()).run(OpenRace(configs), Train())
    assert phases(events) == ["training", "paused", "training", "done"]
    assert [event.step for event in of(of_side(events, 1), StepDone)] == list(range(1, 21))
    assert digest(runs_of(events)[1]) == digest(runs_of(raced(*configs))[1])


def test_a_race_is_paused_and_goes_on_when_side_a_has_failed(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Trainer.slices

    def slices(self: Trainer, lr_factor: float, context_length: int) -> object:
        if self.config.model.n_layer == 1 and self.step_number == 5:
            raise ArithmeticError("the loss is no number")
        yield from taken(self, lr_factor, context_length)

    monkeypatch.setattr(Trainer, "slices", slices)
    driver = Driver().when(at(1, 12), Pause(), Step(), Train())
    events = driver.when(is_final, Close()).run(OpenRace(sides(verse_file)), Train())
    assert phases(events) == ["training", "paused", "training", "done"]
    assert [event.step for event in of(of_side(events, 0), StepDone)] == [1, 2, 3, 4, 5]
    assert [event.step for event in of(of_side(events, 1), StepDone)] == list(range(1, 21))


def test_a_race_that_ends_early_is_done_and_its_history_follows_when_it_is_opened(
    verse_file: Path,
) -> None:
    driver = Driver().when(at(0, 3), Stop()).when(is_final, Close())
    told = driver.run(OpenRace(sides(verse_file)), Train())
    assert phases(told) == ["training", "done"]
    again = Driver().run(OpenSavedRace(only(told, RaceOpened).race), Close())
    assert phases(again) == ["done"]
    first = next(number for number, event in enumerate(again) if isinstance(event, RaceOpened))
    assert not any(isinstance(event, SideEvent) for event in again[:first])
    assert any(isinstance(event, SideEvent) for event in again[first:])


def test_each_side_answers_a_prompt_while_one_is_within_a_step(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "MICRO_BATCH", 4)
    configs = [
        tiny(verse_file, "model.context_length=8", "train.batch_size=8", *own)
        for own in ((), ("model.n_layer=2",))
    ]
    taken, driver = Trainer.slices, Driver(FakeClock(0.0005))

    def slices(self: Trainer, lr_factor: float, context_length: int) -> object:
        for number, result in enumerate(taken(self, lr_factor, context_length)):
            if (self.step_number, number) == (6, 3) and self.config.model.n_layer == 1:
                driver.send(Pause(), Sample(1, "The", SampleConfig(characters=20)))
            yield result

    monkeypatch.setattr(Trainer, "slices", slices)
    answered = []

    def all_have(event: Event) -> bool:
        if isinstance(event, SideEvent) and isinstance(event.event, SampleDone):
            answered.append(event.side)
        return sorted(answered) == [0, 1]

    events = driver.when(all_have, Close()).run(OpenRace(tuple(configs)), Train())
    assert phases(events) == ["training", "paused"]


# The disk, and other programs.


def test_a_full_disk_halts_all_sides_and_the_race_goes_on_when_there_is_room(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full when the first evaluation of side B is saved."""
    sound, driver = os.fsync, Driver()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill() -> None:
        monkeypatch.setattr(os, "fsync", full)

    def make_room() -> None:
        monkeypatch.setattr(os, "fsync", sound)
        driver.send(Train())

    driver.call_when(at(1, 10), fill)
    driver.call_when(is_a(RacePhaseChanged, phase="paused"), make_room)
    events = driver.when(is_final, Close()).run(OpenRace(sides(verse_file)), Train())
    assert phases(events) == ["training", "paused", "training", "done"]
    said = of(events, Failed)[0]
    assert (said.during, said.message[:7]) == ("save", "Side B:")
    assert "No space left on device" in said.message
    assert equals_one_without_trouble(events, verse_file)


def test_a_full_disk_before_the_first_step_leaves_a_race_that_can_be_started(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, driver = os.fsync, Driver()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def make_room() -> None:
        monkeypatch.setattr(os, "fsync", sound)
        driver.send(Train())

    monkeypatch.setattr(os, "fsync", full)
    driver.call_when(is_a(Failed, during="save"), make_room)
    events = driver.when(is_final, Close()).run(OpenRace(sides(verse_file)), Train())
    assert phases(events) == ["training", "done"]
    assert equals_one_without_trouble(events, verse_file)


def test_a_folder_that_is_removed_during_a_race_is_written_again(verse_file: Path) -> None:
    driver = Driver()

    def remove() -> None:
        shutil.rmtree(folder_of(runs_of(driver.events)[1]))

    driver.call_when(at(1, 7), remove)
    driver.when(is_a(RacePhaseChanged, phase="paused"), Train())
    events = driver.when(is_final, Close()).run(OpenRace(sides(verse_file)), Train())
    (said,) = of(events, Failed)
    assert "Side B: The run could not be saved" in said.message
    assert "moved or deleted while it was open; the next save writes it again" in said.message
    assert equals_one_without_trouble(events, verse_file)


def test_a_side_that_another_program_holds_halts_all_and_is_tried_again(verse_file: Path) -> None:
    paused = Driver().when(at(1, 5), Close()).run(OpenRace(sides(verse_file)), Train())
    race = only(paused, RaceOpened).race
    lock, driver = RunLock(folder_of(runs_of(paused)[1])), Driver()

    def let_go() -> None:
        lock.release()
        driver.send(Train())

    def take() -> None:
        lock.acquire()
        driver.call_when(is_a(RacePhaseChanged, phase="paused"), let_go)
        driver.send(Train())

    driver.call_when(is_a(RacePhaseChanged, phase="paused"), take)
    events = driver.when(is_final, Close()).run(OpenSavedRace(race))
    assert phases(events) == ["paused", "training", "paused", "training", "done"]
    (said,) = of(events, Failed)
    assert said.message.startswith("Side B: ")
    assert equals_one_without_trouble(events, verse_file)
