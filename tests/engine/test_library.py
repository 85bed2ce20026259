"""The saved runs: listed, renamed, annotated, compared, deleted."""

import errno
import os
from math import nan
from pathlib import Path
from typing import Any

import pytest
from driving import Driver, is_a, losses, of, only, run_to_end, saved_run, tiny

from engine.protocol import (
    AnnotateRun,
    Close,
    Command,
    Compare,
    Compared,
    CorpusLoaded,
    DeleteRun,
    Evaluated,
    Event,
    Excerpt,
    Failed,
    Open,
    Opened,
    OpenRun,
    RenameRun,
    RunChanged,
    Saved,
    Step,
    StepDone,
    Train,
    to_json,
)
from engine.storage import atomic, library
from engine.storage.history import FILE, newest_evaluation
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of
from engine.storage.run import Run
from engine.storage.saved_run import load_run

pytestmark = pytest.mark.timeout(60)


def events_of(*commands: Command) -> list[Event]:
    return Driver().run(*commands, Close())


class Disk:
    """Syncs a folder's names unless it is full."""

    def __init__(self) -> None:
        self.full = False

    def sync(self, folder: Path) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def evaluation(step: int, loss: float) -> Evaluated:
    return Evaluated(step, loss, loss, 0.5, 16, 1.0, 1.0)


def names() -> list[str]:
    return [run.name for run in library.summaries()]


def test_the_last_used_run_is_listed_first(verse_file: Path) -> None:
    older, newer = saved_run(verse_file), saved_run(verse_file)
    for age, name in enumerate((newer, older)):
        for checkpoint in checkpoints_of(folder_of(name)):
            os.utime(checkpoint, (1e9 - age, 1e9 - age))
    assert names() == [newer, older]
    Driver().when(is_a(StepDone, step=21), Close()).run(OpenRun(older), Step())
    assert names() == [older, newer]


def test_a_listed_run_has_its_progress(verse_file: Path) -> None:
    name = saved_run(verse_file)
    (summary,) = library.summaries()
    assert (summary.name, summary.corpus, summary.preset) == (name, "verse.txt", "nano")
    assert summary.parameters == only(events_of(OpenRun(name)), Opened).parameters
    assert (summary.step, summary.steps) == (20, 20)
    assert 40_000 < summary.size < 400_000
    best = min(of(events_of(OpenRun(name)), Evaluated), key=lambda one: one.loss)
    assert summary.best_loss == best.loss
    assert summary.best_bits_per_byte == pytest.approx(best.bits_per_byte)


def test_a_newest_evaluation_is_found_whatever_comes_after_it(tmp_path: Path) -> None:
    events = [
        *(evaluation(step, loss) for step, loss in ((0, 4.0), (5, 3.0), (9, nan))),
        Excerpt(9, "", '\n{"type":"Evaluated"' * 5_000),
    ]
    (tmp_path / FILE).write_text("".join(f"{to_json(event)}\n" for event in events))
    found = newest_evaluation(tmp_path)
    assert found is not None
    assert (found.step, found.loss) == (5, 3.0)
    (tmp_path / FILE).write_text("")
    assert newest_evaluation(tmp_path) is None
    assert newest_evaluation(tmp_path / "nothing") is None


def test_a_run_that_cannot_be_opened_is_listed_with_the_problem(
    verse_file: Path, home: Path
) -> None:
    name = saved_run(verse_file)
    (home / "runs" / "empty").mkdir()
    (home / "runs" / "truncated").mkdir()
    (home / "runs" / "truncated" / "run.json").write_text("{")
    (home / "runs" / "no-run-json" / "checkpoints").mkdir(parents=True)
    (home / "runs" / "no-checkpoints").mkdir()
    info = (folder_of(name) / "run.json").read_bytes()
    (home / "runs" / "no-checkpoints" / "run.json").write_bytes(info)
    (home / "runs" / "stray.txt").write_text("")
    assert {run.name: run.problem for run in library.summaries()} == {
        name: "",
        "truncated": "its run.json cannot be read",
        "no-run-json": "its run.json cannot be read",
        "no-checkpoints": "it has no complete checkpoint",
    }
    for broken in ("truncated", "no-run-json", "no-checkpoints"):
        assert of(events_of(DeleteRun(broken)), Failed) == []
    assert names() == [name]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 8,
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x20\0\0\0\0\0\0\0" + b'{"a":{"shape":[1000000,1000000]}}',
        b"\x10\0\0\0\0\0\0\0" + b"[" * 16,
    ],
)
def test_parameters_that_cannot_be_read_are_not_told(verse_file: Path, content: bytes) -> None:
    name = saved_run(verse_file)
    for checkpoint in checkpoints_of(folder_of(name)):
        (checkpoint / "model.safetensors").write_bytes(content)
    (summary,) = library.summaries()
    assert (summary.parameters, summary.problem) == (0, "")


def test_a_run_with_a_corrupt_newest_checkpoint_is_listed_by_the_previous_one(
    verse_file: Path,
) -> None:
    name = saved_run(verse_file)
    manifest = checkpoints_of(folder_of(name))[-1] / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-10])
    (listed,) = library.summaries()
    assert (listed.step, listed.problem) == (10, "")


def test_deleting_a_run_deletes_no_other(verse_file: Path, home: Path) -> None:
    gone, kept = saved_run(verse_file), saved_run(verse_file)
    assert only(events_of(DeleteRun(gone)), RunChanged) == RunChanged(gone, "")
    assert names() == [kept]
    assert [path.name for path in (home / "runs").iterdir()] == [kept]


def test_an_interrupted_deletion_is_finished_with_the_next_step(
    verse_file: Path, home: Path
) -> None:
    (home / "runs" / ".old-run.deleted" / "checkpoints").mkdir(parents=True)
    name = saved_run(verse_file)
    assert [path.name for path in (home / "runs").iterdir()] == [name]


def test_a_renamed_run_is_the_same_run(verse_file: Path) -> None:
    before = run_to_end(Open(tiny(verse_file)), Train())
    name = only(before, Opened).run
    assert only(events_of(RenameRun(name, "my best (2)")), RunChanged) == RunChanged(
        name, "my best (2)"
    )
    assert names() == ["my best (2)"]
    assert losses(events_of(OpenRun("my best (2)"))) == losses(before)
    assert only(events_of(OpenRun(name)), Failed).message.startswith("There is no run")


def test_the_open_run_can_be_renamed_while_it_trains(verse_file: Path) -> None:
    uninterrupted = run_to_end(Open(tiny(verse_file)), Train())
    driver = Driver()
    driver.call_when(
        is_a(StepDone, step=7), lambda: driver.send(RenameRun(only(driver.events, Opened).run, "b"))
    )
    events = driver.when(is_a(Saved), Close()).run(Open(tiny(verse_file)), Train())
    saved = only(events, Saved)
    assert saved.run == "b"
    assert Path(saved.path).is_dir()
    assert losses(events_of(OpenRun("b"))) == losses(uninterrupted)
    assert sorted(names()) == sorted([only(uninterrupted, Opened).run, "b"])


def test_a_run_without_a_step_can_be_renamed(verse_file: Path) -> None:
    driver = Driver()
    driver.call_when(
        is_a(Opened), lambda: driver.send(RenameRun(only(driver.events, Opened).run, "b"), Step())
    )
    driver.when(is_a(StepDone), Close()).run(Open(tiny(verse_file)))
    assert names() == ["b"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../a", " a", "a ", "a@best", "\x1b]0;x\x07", "x" * 61, "a\nb"]
)
def test_an_invalid_name_is_refused(verse_file: Path, name: str) -> None:
    run = saved_run(verse_file)
    assert only(events_of(RenameRun(run, name)), Failed).message.startswith(
        "A run's name has up to 60"
    )
    assert names() == [run]


def test_a_taken_name_is_refused(verse_file: Path) -> None:
    one, two = saved_run(verse_file), saved_run(verse_file)
    failed = only(events_of(RenameRun(one, two)), Failed)
    assert failed.message == f"There is already a run {two!r}."
    assert sorted(names()) == sorted([one, two])


@pytest.mark.parametrize("opened", [True, False], ids=["open", "not open"])
@pytest.mark.parametrize("kind", [RenameRun, DeleteRun])
def test_if_the_disk_refuses_the_runs_stay_as_they_are(
    verse_file: Path,
    opened: bool,
    kind: type[RenameRun | DeleteRun],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, other = saved_run(verse_file), saved_run(verse_file)
    folder = folder_of(run).parent
    driver, disk = Driver(), Disk()
    monkeypatch.setattr(atomic, "sync_folder", disk.sync)

    def command_on_a_full_disk() -> None:
        disk.full = True
        driver.send(RenameRun(run, "b") if kind is RenameRun else DeleteRun(other))

    def step_with_space_again() -> None:
        disk.full = False
        driver.send(Step())

    driver.call_when(is_a(Opened), command_on_a_full_disk)
    driver.call_when(is_a(Failed), step_with_space_again)
    opened_run = OpenRun(run if opened else other)
    events = driver.when(is_a(StepDone, step=21), Close()).run(opened_run)
    message = only(events, Failed).message
    assert message.startswith(str(folder))
    assert message.endswith(": No space left on device.")
    assert only(events, Saved).step == 21
    assert sorted(names()) == sorted([run, other])


@pytest.mark.parametrize("opened", [True, False], ids=["open", "not open"])
def test_a_run_keeps_its_note(verse_file: Path, opened: bool) -> None:
    name = saved_run(verse_file)
    first = [OpenRun(name)] if opened else []
    assert only(events_of(*first, AnnotateRun(name, "wide, no dropout")), RunChanged).name == name
    assert library.summaries()[0].note == "wide, no dropout"
    events_of(AnnotateRun(name, ""))
    assert library.summaries()[0].note == ""


def test_a_note_from_before_the_first_step_is_kept(verse_file: Path) -> None:
    driver = Driver()
    driver.call_when(
        is_a(Opened),
        lambda: driver.send(AnnotateRun(only(driver.events, Opened).run, "hm"), Step()),
    )
    driver.when(is_a(StepDone), Close()).run(Open(tiny(verse_file)))
    assert library.summaries()[0].note == "hm"


def test_a_note_that_is_too_long_is_refused(verse_file: Path) -> None:
    failed = only(events_of(AnnotateRun(saved_run(verse_file), 201 * "x")), Failed)
    assert failed.message == "A note has 200 characters at most, not 201."


@pytest.mark.parametrize("command", [RenameRun, AnnotateRun, DeleteRun])
def test_a_run_that_another_program_writes_stays_as_it_is(verse_file: Path, command: Any) -> None:
    name = saved_run(verse_file)
    saved = load_run(name)
    holder = Run(name, saved)
    holder.start_writing(saved.info, saved.text, 0)
    words = () if command is DeleteRun else ("other",)
    failed = only(events_of(command(name, *words)), Failed)
    assert failed.message.startswith(f"The run {name!r} is open in another program")
    assert (failed.during, names()) == ("runs", [name])
    holder.close()


def test_runs_are_compared_by_their_validation_losses(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file)), Train())
    name, other = only(events, Opened).run, saved_run(verse_file, "train.seed=2")
    one, two = only(events_of(Compare((name, other))), Compared).runs
    assert one.losses == tuple((e.step, e.loss) for e in of(events, Evaluated))
    assert (one.run, two.run) == (name, other)
    assert two.losses != one.losses
    assert one.sha256 == only(events, CorpusLoaded).sha256
    assert (one.corpus, one.sha256) == (two.corpus, two.sha256)
    assert only(events_of(Compare(())), Compared).runs == ()
    assert only(events_of(Compare(("nobody",))), Failed).during == "runs"


def test_a_compared_run_tells_which_text_it_was_trained_on(
    verse_file: Path, tmp_path: Path
) -> None:
    other_file = tmp_path / "other.txt"
    other_file.write_text(verse_file.read_text(encoding="utf-8")[::-1], encoding="utf-8")
    names = (saved_run(verse_file), saved_run(other_file))
    one, two = only(events_of(Compare(names)), Compared).runs
    assert (one.corpus, two.corpus) == (verse_file.name, "other.txt")
    assert one.sha256 != two.sha256
    reopened = only(events_of(OpenRun(names[1])), CorpusLoaded)
    assert reopened.sha256 == two.sha256


def test_a_curve_of_many_evaluations_is_thinned_and_keeps_the_last(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "MAX_CURVE_POINTS", 4)
    events = run_to_end(Open(tiny(verse_file, "train.evaluation_interval=2")), Train())
    curve = library.run_curve(only(events, Opened).run)
    assert [step for step, _ in curve.losses] == [2, 8, 14, 20]


def test_a_curve_tells_how_much_was_trained_until_each_loss(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file, "train.evaluation_interval=5")), Train())
    curve = library.run_curve(only(events, Opened).run)
    evaluations, steps = of(events, Evaluated), of(events, StepDone)
    assert curve.seconds == tuple(evaluated.elapsed for evaluated in evaluations)
    assert curve.characters == tuple(
        sum(done.tokens for done in steps if done.step <= evaluated.step)
        for evaluated in evaluations
    )
    assert curve.characters[-1] > curve.characters[0]


def test_a_curve_without_the_steps_before_it_does_not_guess_the_characters(
    verse_file: Path,
) -> None:
    name = saved_run(verse_file)
    history = folder_of(name) / "metrics.jsonl"
    lines = history.read_text().splitlines(keepends=True)
    history.write_text("".join(line for line in lines if '"StepDone"' not in line))
    curve = library.run_curve(name)
    assert curve.losses
    assert curve.characters == ()
    assert len(curve.seconds) == len(curve.losses)
