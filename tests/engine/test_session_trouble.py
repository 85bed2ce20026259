"""What cannot be done is reported in one sentence, and nothing is lost."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from driving import Driver, history_of, is_a, losses, of, only, run_to_end, tiny

from engine.config import SampleConfig
from engine.protocol import (
    Busy,
    Close,
    Evaluated,
    Event,
    Failed,
    Measure,
    NotSaved,
    Open,
    Opened,
    OpenRun,
    Pause,
    PhaseChanged,
    Sample,
    Save,
    Saved,
    SetLearningRate,
    Step,
    StepDone,
    Stop,
    StopSample,
    Train,
)
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of, run_names
from engine.storage.run import SPACE_MARGIN
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(30)


class Disk:
    """A disk that can be full, or bad."""

    def __init__(self) -> None:
        self._patch = pytest.MonkeyPatch()

    def fill(self) -> None:
        """From now on every write fails."""

        def fsync(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self._patch.setattr("engine.storage.atomic.os.fsync", fsync)

    def fail_once(self, writes: int) -> None:
        """One write fails, after this many more."""
        sound = os.fsync

        def fsync(descriptor: int) -> None:
            nonlocal writes
            writes -= 1
            if writes == -1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            sound(descriptor)

        self._patch.setattr("engine.storage.atomic.os.fsync", fsync)

    def free_space(self) -> None:
        self._patch.undo()


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.free_space()


def bad_text(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("text", ["", "aaaa", "too short"])
def test_a_bad_text_is_refused_and_the_open_run_stays(
    tmp_path: Path, verse_file: Path, text: str
) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=5), Open(tiny(bad_text(tmp_path, text))))
        .when(is_a(Saved, step=20), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    failed = only(events, Failed)
    assert failed.during == "open"
    assert failed.message.endswith((".", "learn from."))
    assert "Traceback" not in failed.message
    assert len(of(events, Opened)) == 1
    assert [e.step for e in of(events, StepDone)] == list(range(1, 21))
    # "Reading ..." is cleared.
    assert of(events[: events.index(failed)], Busy)[-1].what == ""


def test_the_message_for_a_short_text_names_its_length_and_the_context(tmp_path: Path) -> None:
    events = Driver().run(Open(tiny(bad_text(tmp_path, "too short"))), Close())
    assert only(events, Failed).message == (
        "The text has 9 characters, too few for a context of 16: "
        "it needs more, or a smaller model.context_length."
    )


def test_without_a_run_every_command_is_harmless() -> None:
    config = tiny("/no/such/text.txt")
    events = Driver().run(
        Open(config),
        Train(),
        Pause(),
        Step(),
        Stop(),
        SetLearningRate(0.1),
        Sample(1, "x", SampleConfig()),
        StopSample(),
        Measure(config, 30),
        Save(),
        Close(),
    )
    assert only(events, Failed).during == "open"
    assert [e for e in events if not isinstance(e, Busy)] == of(events, Failed)


def test_a_missing_device_is_refused(verse_file: Path) -> None:
    events = Driver().run(Open(tiny(verse_file, "train.device=mps")), Close())
    assert only(events, Failed).message == (
        "There is no Apple GPU here that torch can use: take --device cpu."
    )


def test_a_run_that_cannot_be_saved_stays_open_until_it_can(verse_file: Path, disk: Disk) -> None:
    driver = Driver()

    def free_space() -> None:
        disk.free_space()
        driver.send(Train())

    driver.call_when(is_a(StepDone, step=6), disk.fill)
    driver.when(is_a(StepDone, step=7), Pause(), Train(), Close())
    driver.call_when(is_a(Failed), lambda: None)
    driver.call_when(is_a(Failed), free_space)  # after the pause, and closing
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())
    for failed in of(events, Failed):
        assert failed.during == "save"
        assert failed.message.startswith("The run could not be saved: ")
        assert ": No space left on device. It needs 0 MB; " in failed.message
        assert " MB are free. TINYGPT_HOME names" in failed.message
    assert only(events, Saved).step == 20

    # The final save is complete, with each step once.
    saved = load_run(only(events, Opened).run)
    events = history_of(saved)
    assert [e.step for e in of(events, StepDone)] == list(range(1, 21))
    assert [e.step for e in of(events, Evaluated)] == [0, 10, 20]


def test_a_failed_save_leaves_the_one_before(verse_file: Path, disk: Disk) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=4), Save())
        .call_when(is_a(Saved), disk.fill)
        .when(is_a(StepDone, step=7), Pause(), Close(save=False))
        .run(Open(tiny(verse_file)), Train())
    )
    assert only(events, Failed).during == "save"
    disk.free_space()
    name = only(events, Opened).run
    reopened = Driver().run(OpenRun(name), Close())
    assert only(reopened, Opened).step == 4
    assert [e.step for e in of(reopened, StepDone)] == [1, 2, 3, 4]


@pytest.mark.parametrize("writes", range(5))
def test_wherever_a_save_fails_the_run_is_complete(
    verse_file: Path, disk: Disk, writes: int
) -> None:
    """A save syncs five things: three files, their folder, and its parent."""
    driver = Driver().when(is_a(StepDone, step=4), Save())
    driver.call_when(is_a(Saved), lambda: disk.fail_once(writes))
    driver.when(is_a(StepDone, step=7), Pause(), Close(save=False))
    events = driver.run(Open(tiny(verse_file)), Train())
    assert only(events, Failed).during == "save"

    name = only(events, Opened).run
    reopened = Driver().run(OpenRun(name), Close())
    step = only(reopened, Opened).step
    assert step in (4, 7)
    assert [e.step for e in of(reopened, StepDone)] == list(range(1, step + 1))

    finished = run_to_end(OpenRun(name), Train())
    assert [e.step for e in of(finished, StepDone)] == list(range(1, 21))
    assert list(folder_of(name).rglob("*.unfinished")) == []


def test_another_run_is_not_opened_over_one_that_cannot_be_saved(
    verse_file: Path, disk: Disk
) -> None:
    events = (
        Driver()
        .call_when(is_a(StepDone, step=6), disk.fill)
        .when(is_a(StepDone, step=7), Open(tiny(verse_file)), Close(save=False))
        .run(Open(tiny(verse_file)), Train())
    )
    assert only(events, Failed).during == "save"
    assert len(of(events, Opened)) == 1


def test_nothing_is_trained_that_cannot_be_saved(verse_file: Path, disk: Disk) -> None:
    disk.fill()
    events = Driver().when(is_a(Failed), Close(save=False)).run(Open(tiny(verse_file)), Train())
    assert only(events, Failed).during == "save"
    assert of(events, StepDone) == []


def test_a_run_whose_folder_is_missing_is_reported_and_then_written_again(
    verse_file: Path, home: Path
) -> None:
    undisturbed = run_to_end(Open(tiny(verse_file)), Train())
    driver = Driver()
    driver.call_when(is_a(StepDone, step=7), lambda: shutil.rmtree(folder_of_open(driver)))
    driver.when(is_a(Failed), Train()).when(is_a(Saved), Close())
    events = driver.run(Open(tiny(verse_file)), Train())

    message = only(events, Failed).message
    assert "moved or deleted while it was open" in message
    assert losses(events) == losses(undisturbed)
    reopened = Driver().run(OpenRun(only(events, Opened).run), Close())
    assert only(reopened, Opened).phase == "done"
    assert losses(reopened) == losses(undisturbed)
    assert list((home / "runs").rglob("*.unfinished")) == []


def test_a_run_that_is_missing_is_not_reported_as_saved(verse_file: Path) -> None:
    driver = Driver()

    def delete_and_close() -> None:
        shutil.rmtree(folder_of_open(driver))
        driver.send(Close())

    driver.call_when(is_a(Saved), delete_and_close).when(is_a(Failed), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert [type(e) for e in events if isinstance(e, Saved | Failed)] == [Saved, Failed]
    assert run_names() == [only(events, Opened).run]


def folder_of_open(driver: Driver) -> Path:
    return folder_of(only(driver.events, Opened).run)


def test_too_little_space_is_reported_before_the_first_step(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "engine.storage.run.shutil.disk_usage", lambda _: SimpleNamespace(free=20_000)
    )
    events = (
        Driver()
        .when(is_a(Failed), Close(save=False))
        .run(Open(tiny(verse_file, "model.n_embd=64")), Train())
    )
    failed = only(events, Failed)
    assert failed.message.startswith("To save this run takes 3 MB in ")
    assert ", where 0 MB are free. TINYGPT_HOME names" in failed.message
    assert failed.message.endswith(" and --no-save trains without saving.")
    assert of(events, StepDone) == []
    assert not folder_of(only(events, Opened).run).exists(), "no empty folder stays"


def test_a_saved_run_asks_for_the_space_of_its_next_checkpoints_only(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(verse_file, "model.n_embd=192", "model.n_layer=2")
    name = only(run_to_end(Open(config), Train()), Opened).run
    checkpoints = checkpoints_of(folder_of(name))
    size = sum(file.stat().st_size for file in checkpoints[-1].iterdir())
    assert len(checkpoints) == 2

    def step_with_free(free: float) -> list[Event]:
        usage = SimpleNamespace(free=int(free))
        monkeypatch.setattr("engine.storage.run.shutil.disk_usage", lambda _: usage)
        driver = Driver().when(
            lambda e: is_a(StepDone, step=21)(e) or isinstance(e, Failed), Close(save=False)
        )
        return driver.run(OpenRun(name), Step())

    needed = 2 * size + SPACE_MARGIN  # the best, the two newest, and the next
    assert only(step_with_free(0.9 * needed), Failed).message.startswith("To save this run takes ")
    assert of(step_with_free(needed), Failed) == []


def test_without_saving_a_run_trains_where_nothing_can_be_written(
    verse_file: Path, home: Path, disk: Disk
) -> None:
    disk.fill()
    driver = Driver(saving=False).when(is_a(NotSaved), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    assert of(events, StepDone)[-1].step == 20
    assert of(events, Failed) == of(events, Saved) == []
    assert not only(events, Opened).saving
    assert only(events, NotSaved).step == 20
    assert not home.exists() or list(home.iterdir()) == []


def test_without_saving_a_saved_run_stays_as_it_was(verse_file: Path) -> None:
    name = only(run_to_end(Open(tiny(verse_file)), Train()), Opened).run
    files = {path: path.read_bytes() for path in folder_of(name).rglob("*") if path.is_file()}
    driver = Driver(saving=False).when(is_a(NotSaved), Close())
    events = driver.run(OpenRun(name), Train())
    assert of(events, StepDone)[-1].step == 40
    after = {path: path.read_bytes() for path in folder_of(name).rglob("*") if path.is_file()}
    assert after == files


def test_closing_without_saving_leaves_what_was_saved_before(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=7), Close(save=False))
        .run(Open(tiny(verse_file)), Train())
    )
    assert of(events, Saved) == []
    reopened = Driver().run(OpenRun(only(events, Opened).run), Close())
    assert only(reopened, Opened).step == 0


def test_a_run_that_took_no_step_leaves_no_trace(verse_file: Path, home: Path) -> None:
    Driver().run(Open(tiny(verse_file)), Train(), Pause(), Close())
    assert not (home / "runs").exists()


def test_an_untrained_run_leaves_no_file(verse_file: Path, home: Path) -> None:
    events = Driver().when(is_a(Evaluated), Save(), Close()).run(Open(tiny(verse_file)))
    assert of(events, Saved) == []
    assert of(events, PhaseChanged) == []
    assert not (home / "runs").exists()


def test_opening_another_run_saves_the_one_before(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=7), Open(tiny(verse_file)), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    first, second = of(events, Opened)
    assert first.run != second.run
    assert only(events, Saved).run == first.run
    assert only(events, Saved).step == 7


def test_a_file_name_that_is_not_utf8_does_no_harm(tmp_path: Path, verse_file: Path) -> None:
    """Linux allows such names; Python reads them with surrogates."""
    path = tmp_path / "verse\udcff.txt"
    verse_file.rename(path)
    events = run_to_end(Open(tiny(path)), Train())
    assert of(events, Failed) == []
    assert only(Driver().run(OpenRun(only(events, Opened).run), Close()), Opened).step == 20
