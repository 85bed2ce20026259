"""What a run is trained on in place of the whole training part: a part of it, shuffled, or another
text. It is tested on the held-out part of its own text, and resumes exactly."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import Driver, ask, is_a, losses, of, only, run_to_end, saved_run, tiny
from stored import digest

from engine.config import RunConfig
from engine.protocol import (
    Close,
    CorpusLoaded,
    Evaluated,
    Event,
    Failed,
    Fork,
    InspectStep,
    Open,
    Opened,
    OpenRace,
    OpenRun,
    OpenSavedRace,
    Packed,
    PackRun,
    RaceOpened,
    RaceVerdict,
    SideEvent,
    StepDone,
    StepInspected,
    Train,
    Unpacked,
    UnpackRun,
)
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run
from engine.training.split import split_at

pytestmark = pytest.mark.timeout(60)

OTHER = "and the owl hummed a lantern tune,\nand so did he all night and day.\n" * 12


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    """Another text, with a character that the verses do not have."""
    path = tmp_path / "private" / "other.txt"
    path.parent.mkdir()
    path.write_text(OTHER + "\u00e9\u20ac", encoding="utf-8")
    return path


def rows_of(name: str) -> tuple[str, ...]:
    """The rows of the next batch of a run."""
    return only(ask(name, InspectStep(1)), StepInspected).rows


def after_a_pause(config: RunConfig, forget: Path | None = None) -> tuple[str, list[Event]]:
    """A run that is closed at step 7 and trained on to its end. `forget`: a file to delete between."""
    driver = Driver().when(is_a(StepDone, step=7), Close())
    name = only(driver.run(Open(config), Train()), Opened).run
    if forget:
        forget.unlink()
    return name, run_to_end(OpenRun(name), Train())


def test_a_part_of_the_text_is_what_is_trained_on_and_counted(verse_file: Path) -> None:
    whole = run_to_end(Open(tiny(verse_file)), Train())
    half = run_to_end(Open(tiny(verse_file, "text.fraction=0.5")), Train())
    text = verse_file.read_text("utf-8")
    end = split_at(len(text), 0.1)
    loaded, usual = only(half, CorpusLoaded), only(whole, CorpusLoaded)
    assert (loaded.train_characters, loaded.trained_on) == (end // 2, "the first 50%")
    assert (usual.train_characters, usual.trained_on) == (end, "")
    assert loaded.validation_characters == usual.validation_characters == len(text) - end
    assert loaded.sha256 == usual.sha256
    assert of(half, Evaluated)[0].characters == of(whole, Evaluated)[0].characters
    name = saved_run(verse_file, "text.fraction=0.03")
    assert all(row in text[: int(end * 0.03)] for row in rows_of(name))


def test_lines_are_shuffled_before_training_and_not_those_held_out(verse_file: Path) -> None:
    name = saved_run(verse_file, "text.shuffle=lines", "train.batch_size=8")
    text = verse_file.read_text("utf-8")
    rows = rows_of(name)
    assert not all(row in text for row in rows)
    assert all(piece in text for row in rows for piece in row.split("\n"))
    loaded = only(Driver().run(OpenRun(name), Close()), CorpusLoaded)
    assert loaded.trained_on == "lines shuffled"
    assert load_run(name).text == text


def test_another_text_is_written_in_the_characters_of_the_own(
    verse_file: Path, other_file: Path
) -> None:
    events = run_to_end(Open(tiny(verse_file, f"text.train_on={other_file}")), Train())
    loaded, name = only(events, CorpusLoaded), only(events, Opened).run
    assert loaded.trained_on == "other.txt"
    assert loaded.train_characters == len(OTHER) + 1
    assert loaded.note == "replaced or left out in other.txt: \u00e9\u20ac"
    assert loaded.vocabulary == len(set(verse_file.read_text("utf-8")))
    assert all(row in OTHER + "e" for row in rows_of(name))
    assert load_run(name).other == OTHER + "e"


def texts(verse: Path, other: Path) -> Iterator[tuple[RunConfig, Path | None]]:
    changes = ("model.dropout=0.2", "text.shuffle=words", "text.fraction=0.5")
    yield tiny(verse, *changes), None
    yield tiny(verse, *changes, f"text.train_on={other}"), other


def test_such_runs_resume_exactly_also_when_the_other_file_is_gone(
    verse_file: Path, other_file: Path
) -> None:
    for config, forget in texts(verse_file, other_file):
        whole = run_to_end(Open(config), Train())
        name, resumed = after_a_pause(config, forget)
        assert losses(resumed) == losses(whole)
        assert digest(name) == digest(only(whole, Opened).run)


def test_a_packed_run_has_the_other_text_but_not_its_folder(
    verse_file: Path, other_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = saved_run(verse_file, f"text.train_on={other_file}")
    packed = tmp_path / "one.tinygpt"
    Driver().when(is_a(Packed), Close()).run(PackRun(name, str(packed)))
    assert b"private" not in packed.read_bytes()
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path / "elsewhere"))
    Driver().when(is_a(Unpacked), Close()).run(UnpackRun(str(packed)))
    assert all(row in OTHER + "e" for row in rows_of(name))
    (folder_of(name) / "training.txt").write_text("the owl", encoding="utf-8")
    failed = only(Driver().run(OpenRun(name), Close()), Failed)
    assert "training.txt in its folder is not the text that it was trained on" in failed.message


def test_sides_on_other_texts_race_and_are_the_runs_that_they_would_be_alone(
    verse_file: Path, other_file: Path
) -> None:
    configs = (
        tiny(verse_file, "text.shuffle=characters"),
        tiny(verse_file, f"text.train_on={other_file}"),
    )
    driver = Driver().when(lambda event: is_step(event, 1, 7), Close())
    first = driver.run(OpenRace(configs, seeds=2), Train())
    opened = only(first, RaceOpened)
    assert [side.settings for side in opened.sides] == [
        ("text.shuffle=characters", "text.train_on="),
        ("text.shuffle=off", "text.train_on=other.txt"),
    ]
    kept = other_file.read_bytes()
    other_file.unlink()
    rest = Driver().when(is_final, Close()).run(OpenSavedRace(opened.race), Train())
    other_file.write_bytes(kept)
    repetitions = of(rest, RaceOpened)
    assert [one.repetition for one in repetitions] == [1, 2]
    for one in repetitions:
        for side in one.sides:
            alone = run_to_end(Open(side.config), Train())
            assert digest(side.run) == digest(only(alone, Opened).run)


def is_step(event: Event, side: int, step: int) -> bool:
    return (
        isinstance(event, SideEvent)
        and event.side == side
        and is_a(StepDone, step=step)(event.event)
    )


def is_final(event: Event) -> bool:
    return isinstance(event, RaceVerdict) and event.final


def test_a_fork_is_trained_on_the_text_of_its_parent_or_on_one_of_its_own(
    verse_file: Path, other_file: Path
) -> None:
    parent = saved_run(verse_file, f"text.train_on={other_file}")
    expected = {
        (): "other.txt",
        ("text.fraction=0.5",): "other.txt, the first 50%",
        ("text.train_on=",): "",
    }
    for changes, trained_on in expected.items():
        fork = Fork(parent, 10, (*changes, "train.steps=12"))
        events = run_to_end(fork, Train())
        assert only(events, CorpusLoaded).trained_on == trained_on
        assert load_run(only(events, Opened).run).other == ((OTHER + "e") if trained_on else "")
    fork = Fork(saved_run(verse_file), 10, (f"text.train_on={other_file}", "train.steps=12"))
    assert only(run_to_end(fork, Train()), CorpusLoaded).trained_on == "other.txt"


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("text.train_on=-", "text.train_on is a file, a folder or a text by its name, not '-'."),
        ("text.train_on=nowhere", "text.train_on: There is no text and no file named 'nowhere'"),
        ("text.train_on={}", "text.train_on is the run's own text"),
        ("text.fraction=0.001", "There are 1 characters to train on, too few for a context of 16"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(verse_file: Path, assignment: str, said: str) -> None:
    config = tiny(verse_file, assignment.format(verse_file))
    assert said in only(Driver().run(Open(config), Close()), Failed).message
    race = OpenRace((tiny(verse_file), config))
    assert f"Side B: {said}" in only(Driver().run(race, Close()), Failed).message
