"""The ladder of a run: measured while it is idle and during its training, and saved with it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import Driver, FakeClock, is_a, losses, of, only, run_to_end, tiny

import engine.session.ladder as ladder_module
from data.ngrams import ORDERS, Rung, measure
from engine.protocol import (
    Close,
    Evaluated,
    Event,
    Failed,
    LadderMeasured,
    Open,
    Opened,
    OpenRun,
    Saved,
    Tokens,
    Train,
)
from engine.session.ladder import Ladder
from engine.storage.ladder_file import FILE
from engine.storage.lock import RunLock
from engine.storage.paths import folder_of
from engine.training.split import split_at

COMPLETE = is_a(LadderMeasured, complete=True)


def until_complete(*commands: Open | OpenRun) -> list[Event]:
    return Driver().when(COMPLETE, Close()).run(*commands)


def trained_run(verse_file: Path) -> str:
    """The name of a run that was trained to its end while its ladder was measured."""
    events = Driver().when(COMPLETE, Train()).when(is_a(Saved), Close()).run(Open(tiny(verse_file)))
    assert all(ladder.rungs for ladder in of(events, LadderMeasured))
    return only(events, Opened).run


def first(events: list[Event], kind: type[Event]) -> int:
    return next(i for i, event in enumerate(events) if isinstance(event, kind))


def test_an_idle_run_gets_the_rungs_of_its_text_one_after_the_other(verse_file: Path) -> None:
    config = tiny(verse_file)
    measured = of(until_complete(Open(config)), LadderMeasured)
    text = verse_file.read_text()
    end = split_at(len(text), config.train.val_fraction)
    rungs = tuple(filter(None, measure(text[:end], text[end:], len(set(text)))))
    assert measured[-1].rungs == rungs
    assert [name for name, _ in rungs][: len(ORDERS)] == [*ORDERS]
    assert [len(one.rungs) for one in measured] == [*range(1, len(rungs) + 1), len(rungs)]
    assert [one.complete for one in measured] == [False] * len(rungs) + [True]


def test_a_text_too_short_for_xz_has_a_rung_less(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("abcabcabcabc")
    events = until_complete(Open(tiny(path, "model.context_length=8")))
    assert [name for name, _ in of(events, LadderMeasured)[-1].rungs] == [*ORDERS]
    assert not of(events, Failed)


def test_training_is_the_same_to_the_last_bit(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_ladder = run_to_end(Open(tiny(verse_file)), Train())
    monkeypatch.setattr(Ladder, "advance", lambda *_, **__: None)
    without = run_to_end(Open(tiny(verse_file)), Train())
    assert of(with_ladder, LadderMeasured)
    assert not of(without, LadderMeasured)
    assert losses(with_ladder) == losses(without)


class _Unwritten:
    """A recorder of a run that is not written."""

    folder = "/nonexistent"


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch, verse_file: Path) -> tuple[Ladder, FakeClock]:
    """A ladder whose slices of 0.2 s never end, and its clock."""
    clock = FakeClock(0.0)

    def work(*_: object) -> Iterator[Rung | None]:
        while True:
            clock.now += 0.2
            yield None

    monkeypatch.setattr(ladder_module, "measured_rungs", work)
    monkeypatch.setattr(ladder_module, "read_ladder", lambda *_: None)
    return Ladder("", None, Tokens(), _Unwritten(), lambda _: None, clock), clock  # type: ignore[arg-type]


def test_during_training_it_takes_a_hundredth_of_the_time(
    endless: tuple[Ladder, FakeClock],
) -> None:
    ladder, clock = endless
    training = 0.0
    for _ in range(10_000):
        ladder.advance(idle=False)
        clock.now += 0.05
        training += 0.05
    assert 0.007 < (clock.now - training) / clock.now < 0.011


def test_while_idle_it_takes_all_of_it_a_slice_at_a_time(
    endless: tuple[Ladder, FakeClock],
) -> None:
    ladder, clock = endless
    for ticks in range(1, 6):
        ladder.advance(idle=True)
        assert clock.now == pytest.approx(0.2 * ticks)


def test_a_saved_run_shows_the_rungs_before_its_history(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = trained_run(verse_file)
    monkeypatch.setattr(ladder_module, "measured_rungs", None)
    events = Driver().when(is_a(Evaluated, step=20), Close()).run(OpenRun(name))
    assert only(events, LadderMeasured).rungs
    assert first(events, LadderMeasured) < first(events, Evaluated)


def test_a_run_that_is_only_looked_at_is_measured_once(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = trained_run(verse_file)
    path = folder_of(name) / FILE
    good = path.read_text()
    path.unlink()
    until_complete(OpenRun(name))
    assert path.read_text() == good
    monkeypatch.setattr(ladder_module, "measured_rungs", None)
    assert only(until_complete(OpenRun(name)), LadderMeasured).complete


def test_a_run_that_is_gone_when_it_is_measured_stays_so(verse_file: Path) -> None:
    name = trained_run(verse_file)
    (folder_of(name) / FILE).unlink()
    driver = Driver().when(COMPLETE, Close())
    driver.call_when(is_a(Opened), lambda: shutil.rmtree(folder_of(name)))
    assert not of(driver.run(OpenRun(name)), Failed)
    assert not folder_of(name).exists()


@pytest.mark.parametrize(
    "content",
    ["", "{", '{"method": 1}', "[" * 9_999, "null", "other", "nan"],
)
def test_a_damaged_or_outdated_file_is_measured_again(verse_file: Path, content: str) -> None:
    name = trained_run(verse_file)
    path = folder_of(name) / FILE
    good = path.read_text()
    bad = {
        "other": good.replace('"vocabulary": ', '"vocabulary": 1'),
        "nan": good.replace('"letter pairs",', '"letter pairs", "x",'),
    }
    path.write_text(bad.get(content, content))
    assert path.read_text() != good
    driver = Driver().when(COMPLETE, Train()).when(is_a(Saved), Close())
    events = driver.run(OpenRun(name))
    assert not of(events, Failed)
    assert len(of(events, LadderMeasured)) == len(ORDERS) + 1
    assert path.read_text() == good


def test_a_run_that_is_not_written_leaves_no_file(verse_file: Path) -> None:
    """It has not been trained; or it is saved nowhere."""
    name = only(until_complete(Open(tiny(verse_file))), Opened).run
    assert not folder_of(name).exists()
    driver = Driver(saving=False).when(COMPLETE, Train()).when(is_a(Evaluated, step=10), Close())
    events = driver.run(Open(tiny(verse_file)))
    assert not folder_of(only(events, Opened).run).exists()


def test_a_followed_run_has_the_rungs_that_were_saved_and_measures_none(verse_file: Path) -> None:
    name = trained_run(verse_file)
    lock = RunLock(folder_of(name))
    lock.acquire()
    holder = folder_of(name) / "holder.json"
    holder.write_text(holder.read_text().replace(f'"pid":{os.getpid()}', '"pid":1'))
    try:
        followed = Driver().when(is_a(Evaluated, step=20), Close()).run(OpenRun(name))
        assert only(followed, Opened).phase == "following"
        assert only(followed, LadderMeasured).complete
        (folder_of(name) / FILE).unlink()
        followed = Driver().when(is_a(Evaluated, step=20), Close()).run(OpenRun(name))
        assert not of(followed, LadderMeasured)
    finally:
        lock.release()


def test_memory_that_is_short_costs_the_ladder_not_the_run(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object) -> Iterator[Rung | None]:
        yield "letter frequencies", 3.0
        raise MemoryError

    monkeypatch.setattr(ladder_module, "measured_rungs", work)
    events = run_to_end(Open(tiny(verse_file)), Train())
    assert not of(events, Failed)
    assert not only(events, LadderMeasured).complete
    assert not (folder_of(only(events, Opened).run) / FILE).exists()
