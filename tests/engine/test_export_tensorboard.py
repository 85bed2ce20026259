"""A run is exported for TensorBoard as it would have been written while it was trained."""

from pathlib import Path

import pytest
from driving import Driver, only, saved_run
from event_records import event_file_of, records_of

from engine.export import tensorboard
from engine.protocol import Close, Event, Exported, ExportRun, Failed
from engine.storage.paths import folder_of


def exported(run: str, path: Path) -> list[Event]:
    driver = Driver().when(lambda event: isinstance(event, Exported | Failed), Close())
    return driver.run(ExportRun(run, "tensorboard", str(path)))


def test_it_is_what_is_written_during_training(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file, "log.tensorboard=on")
    event = only(exported(run, tmp_path / "out"), Exported)
    assert (event.step, event.largest_difference) == (20, None)
    content = event_file_of(tmp_path / "out").read_bytes()
    assert content == event_file_of(folder_of(run)).read_bytes()
    assert event.bytes == len(content)


def test_it_ends_at_the_step_that_was_asked_for(verse_file: Path, tmp_path: Path) -> None:
    exported(f"{saved_run(verse_file)}@10", tmp_path / "out")
    records = records_of(event_file_of(tmp_path / "out"))
    assert max(record.step for record in records) == 10
    assert sum("val/loss" in record.scalars for record in records) == 2


def test_what_does_not_read_back_is_not_exported(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tensorboard.record
    monkeypatch.setattr(tensorboard, "record", lambda content: record(content[:-1] + b"x"))
    events = exported(saved_run(verse_file), tmp_path / "exports" / "out")
    assert only(events, Failed).message == (
        "What was written does not read back as it was: nothing was exported."
    )
    assert [*(tmp_path / "exports").iterdir()] == []
