"""Exports through the session: what is reported, what is refused, and what is left on the disk."""

from pathlib import Path

import pytest
import torch
from driving import Driver, is_a, losses, of, only, run_to_end, saved_run, tiny

from engine.export.exporting import export
from engine.export.formats import FORMATS
from engine.export.source import ReadBack
from engine.protocol import (
    Close,
    Event,
    Exported,
    ExportRun,
    Failed,
    Open,
    Opened,
    PhaseChanged,
    Saved,
    StepDone,
    Train,
)
from engine.session.sources import source_of


def exported(*commands: ExportRun) -> list[Event]:
    """The events of these exports, one after the other."""
    driver = Driver()
    for command in commands[1:]:
        driver.when(lambda event: isinstance(event, Exported | Failed), command)
    return driver.when(lambda event: isinstance(event, Exported | Failed), Close()).run(commands[0])


def test_an_export_is_read_back_and_compared(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file)
    path = tmp_path / "new" / "folder"
    event = only(exported(ExportRun(run, "hf", str(path))), Exported)
    assert (event.run, event.step, event.format, event.path) == (run, 20, "hf", str(path))
    assert event.bytes == sum(file.stat().st_size for file in path.iterdir())
    assert event.largest_difference is not None
    assert event.largest_difference <= 1e-5 < event.largest_logit
    assert event.characters == 8 * 16
    assert (event.prompts, event.equal_prompts, event.written) == (8, 8, 8)
    assert [*path.parent.iterdir()] == [path]


@pytest.mark.usefixtures("_two_torch_threads")
def test_it_computes_on_one_thread(tmp_path: Path) -> None:
    """Seven times as fast on a busy machine."""
    exported(ExportRun("no-such-run", "hf", str(tmp_path / "out")))
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("which", ["@best", "@10", "@2"])
def test_a_run_is_exported_as_it_was_at_a_step(
    verse_file: Path, tmp_path: Path, which: str
) -> None:
    run = saved_run(verse_file)
    event = only(exported(ExportRun(run + which, "hf", str(tmp_path / "out"))), Exported)
    assert event.step == {"@best": 20, "@10": 10, "@2": 2}[which]
    assert event.equal_prompts == 8


def refused(command: ExportRun) -> str:
    """Why an export was refused."""
    failed = only(exported(command), Failed)
    assert failed.during == "export"
    return failed.message


def test_nothing_that_is_there_is_overwritten(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file)
    taken, empty, link = tmp_path / "taken", tmp_path / "empty", tmp_path / "link"
    taken.mkdir()
    (taken / "letter.txt").write_text("dear owl")
    link.symlink_to(empty)
    for path, why in (
        (taken, "is not empty"),
        (verse_file, "exists already"),
        (link, "exists already"),  # to nothing yet
    ):
        assert f"{path} {why}: export to another path" in refused(ExportRun(run, "hf", str(path)))
    for nowhere in ("~nobody-of-this-name/out", "a\0b"):
        assert refused(ExportRun(run, "hf", nowhere)) == f"{nowhere!r} is no path here."
    assert [*taken.iterdir()] == [taken / "letter.txt"]
    empty.mkdir()
    before = empty.stat().st_ino
    assert only(exported(ExportRun(run, "hf", str(empty))), Exported).path == str(empty)
    assert empty.stat().st_ino == before  # whoever is in it sees the files


@pytest.mark.parametrize(
    ("which", "why"),
    [
        ("no-such-run", "There is no run 'no-such-run'"),
        ("{run}@7", "The weights of step 7 are not kept; near it: 4 and 8."),
        ("{run}@last", "There is no run '{run}@last'"),
    ],
)
def test_what_is_not_there_is_refused(
    verse_file: Path, tmp_path: Path, which: str, why: str
) -> None:
    run = saved_run(verse_file)
    path = tmp_path / "out"
    message = refused(ExportRun(which.format(run=run), "hf", str(path)))
    assert why.format(run=run) in message
    assert not path.exists()


def test_the_open_run_is_exported_as_it_is_now_and_trains_on_unchanged(
    verse_file: Path, tmp_path: Path
) -> None:
    """Losses are equal to the last bit with and without, and the export is of the step at which it
    was asked for."""
    config = tiny(verse_file, "train.steps=60")
    alone = losses(run_to_end(Open(config), Train()))
    driver = Driver()

    def ask() -> None:
        run = only(driver.events, Opened).run
        driver.send(ExportRun(run, "hf", str(tmp_path / "one")))
        driver.send(ExportRun(run, "hf", str(tmp_path / "two")))

    driver.call_when(is_a(StepDone, step=5), ask)
    driver.when(is_a(PhaseChanged, phase="done"))
    events = driver.when(is_a(Saved, step=60), Close()).run(Open(config), Train())
    assert losses(events) == alone
    assert only(events, Failed).message == "One run is being exported already: wait for that."
    assert only(events, Exported).step == 5
    between = events[events.index(only(events, Failed)) : events.index(only(events, Exported))]
    assert of(between, StepDone), "training has waited for the export"


def test_an_export_that_the_end_interrupts_leaves_nothing(verse_file: Path, tmp_path: Path) -> None:
    run = saved_run(verse_file)
    folder = tmp_path / "exports"
    events = Driver().run(ExportRun(run, "hf", str(folder / "one")), Close())
    assert of(events, Exported) == []
    slices = export(source_of(run), ExportRun(run, "hf", str(folder / "two")))
    next(slices)
    (unfinished,) = folder.iterdir()
    assert unfinished.suffix == ".unfinished"
    slices.close()
    assert [*folder.iterdir()] == []


def test_what_does_not_read_back_is_not_exported(
    verse_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = saved_run(verse_file)
    form = FORMATS["hf"]

    def wrong(folder: Path) -> ReadBack:
        back = form.read(folder)  # type: ignore[misc]
        return back._replace(logits=lambda ids: back.logits(ids) + 0.01)

    monkeypatch.setitem(FORMATS, "hf", form._replace(read=wrong))
    message = refused(ExportRun(run, "hf", str(tmp_path / "exports" / "out")))
    assert message.startswith("What was written does not compute what the run does")
    assert [*(tmp_path / "exports").iterdir()] == []
