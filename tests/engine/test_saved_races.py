"""Saved races are renamed and deleted, and say which of their runs is gone."""

from pathlib import Path

import pytest
from driving import Driver, is_a, of, only, run_to_end, saved_run, tiny
from raced import is_final, raced, runs_of, verdict_of
from stored import digest

from engine.protocol import (
    AnnotateRun,
    Close,
    DeleteRace,
    DeleteRun,
    Event,
    Failed,
    ListRaces,
    OpenRace,
    OpenRun,
    OpenSavedRace,
    Pause,
    RaceChanged,
    RaceOpened,
    RacePhaseChanged,
    RacesListed,
    RaceSummary,
    RenameRace,
    RenameRun,
    SideEvent,
    StepDone,
    Train,
)
from engine.storage import library
from engine.storage.paths import folder_of, run_names
from engine.storage.race_file import race_names, race_path
from engine.storage.run_info import read_info

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(60)]


def note(run: str) -> str:
    return read_info(folder_of(run)).note


def listed() -> RaceSummary:
    """The one saved race."""
    (summary,) = only(Driver().run(ListRaces(), Close()), RacesListed).races
    return summary


@pytest.fixture
def done(verse_file: Path) -> list[Event]:
    """The events of a race of two seeds."""
    return raced(tiny(verse_file), tiny(verse_file, "train.learning_rate=0.1"), seeds=2)


def test_a_race_is_deleted_without_or_with_its_runs(done: list[Event]) -> None:
    race, (one, other) = of(done, RaceOpened)[0].race, runs_of(done)
    Driver().run(RenameRun(other, "mine"), DeleteRun(one), Close())
    kept = race_path(race).read_bytes()
    assert only(Driver().run(DeleteRace(race), Close()), RaceChanged) == RaceChanged(race, "")
    assert race_names() == []
    assert len(run_names()) == 3
    race_path(race).write_bytes(kept)
    Driver().run(DeleteRace(race, with_runs=True), Close())
    assert race_names() == run_names() == []


def test_a_race_is_renamed_and_its_runs_keep_their_names(done: list[Event]) -> None:
    race, (one, other) = of(done, RaceOpened)[0].race, runs_of(done)
    Driver().run(AnnotateRun(other, "a note of mine"), Close())
    told = Driver().run(RenameRace(race, "calm water"), OpenSavedRace("calm water"), Close())
    assert only(told, RaceChanged) == RaceChanged(race, "calm water")
    assert runs_of(told) == [one, other]
    assert only(told, RaceOpened).race == "calm water"
    assert verdict_of(told) == verdict_of(done)
    assert race_names() == ["calm water"]
    assert (note(one), note(other)) == ("race calm water, side A", "a note of mine")


def test_what_is_no_name_for_a_race_is_refused(done: list[Event]) -> None:
    race, (run, _) = of(done, RaceOpened)[0].race, runs_of(done)
    reasons = {
        "a/b": "A race's name has up to 60 letters",
        run: f"There is already a run '{run}'.",
        race: f"There is already a race '{race}'.",
    }
    for name, reason in reasons.items():
        (failed,) = of(Driver().run(RenameRace(race, name), Close()), Failed)
        assert failed.message.startswith(reason)
    (failed,) = of(Driver().run(RenameRace("nobody", "somebody"), Close()), Failed)
    assert failed.message.startswith("There is no race 'nobody'")


def test_the_open_race_and_its_sides_are_renamed_and_go_on(verse_file: Path) -> None:
    """In the first of two repetitions; the second has the new name."""
    driver = Driver()
    configs = tiny(verse_file), tiny(verse_file, "train.learning_rate=0.1")

    def rename() -> None:
        race, (one, other) = only(driver.events, RaceOpened).race, runs_of(driver.events)
        driver.send(
            *(DeleteRace(race), DeleteRun(other), RenameRace(race, "water")),
            *(RenameRun(other, "mine"), AnnotateRun(one, "calm"), Train()),
        )

    def halfway(event: Event) -> bool:
        return isinstance(event, SideEvent) and is_a(StepDone, step=5)(event.event)

    driver.when(halfway, Pause())
    driver.call_when(is_a(RacePhaseChanged, phase="paused"), rename)
    events = driver.when(is_final, Close()).run(OpenRace(configs, seeds=2), Train())
    race, side = of(events, RaceOpened)[0].race, of(events, RaceOpened)[0].sides[1].run
    assert [failed.message for failed in of(events, Failed)] == [
        f"The race {race!r} is open here: open another run first.",
        f"The run {side!r} is a side of the open race: open another run first.",
    ]
    assert sorted(run_names()) == sorted([f"{race}-A", "mine", "water-A-2", "water-B-2"])
    assert note(f"{race}-A") == "calm"
    again = Driver().run(OpenSavedRace("water"), Close())
    library.delete("mine")
    assert listed().problem.startswith("Its side B, the run 'mine', was deleted or moved")
    assert verdict_of(again) == verdict_of(raced(*configs, seeds=2))


def test_a_race_says_which_of_its_runs_is_gone(done: list[Event]) -> None:
    race, (one, other) = of(done, RaceOpened)[0].race, runs_of(done)
    before = digest(one)
    Driver().run(RenameRun(one, "mine"), DeleteRun(other), Close())
    problem = listed().problem
    assert problem.startswith(f"Its side B, the run {other!r}, was deleted or moved")
    assert listed().verdict == verdict_of(done).sentence
    refused = only(Driver().run(OpenSavedRace(race), Close()), Failed).message
    assert f"Side B, the run {other!r}" in refused
    assert digest("mine") == before
    run_to_end(OpenRun("mine"), Train(steps=1))


def test_a_run_that_has_the_name_of_a_next_side_is_left_alone(verse_file: Path) -> None:
    driver = Driver()

    def take_the_name() -> None:
        race = only(driver.events, RaceOpened).race
        driver.send(RenameRun("another", f"{race}-B-2"), Train())

    library.rename(saved_run(verse_file), "another")
    driver.call_when(is_a(RaceOpened), take_the_name)
    driver.when(is_a(Failed, during="open"), Close())
    events = driver.run(OpenRace((tiny(verse_file), tiny(verse_file)), seeds=2))
    race = only(events, RaceOpened).race
    assert only(events, Failed).message.endswith(
        f"There is already a run '{race}-B-2': rename that, or the race."
    )
    assert note(f"{race}-B-2") == ""
