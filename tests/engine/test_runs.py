"""Saved runs: what was saved is restored to the last bit, and corruption is detected."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from driving import Driver, is_a, losses, of, only, run_to_end, tiny
from stored import digest

from engine.config import SampleConfig
from engine.protocol import (
    RECORDED,
    Close,
    ConfirmationRequired,
    Evaluated,
    Event,
    Excerpt,
    Extended,
    Failed,
    LadderMeasured,
    LearningRateChanged,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    Sample,
    SampleDone,
    Save,
    Saved,
    SetLearningRate,
    StepDone,
    Stop,
    TextSampled,
    Train,
    from_json,
)
from engine.storage.manifest import best_of, read_manifest
from engine.storage.names import new_name
from engine.storage.paths import folder_of

pytestmark = pytest.mark.timeout(30)


def train_and_save(corpus: object, *assignments: str, saves: tuple[int, ...] = ()) -> str:
    """Train a run of 20 steps that is also saved at these steps; its name."""
    driver = Driver()
    for step in saves:
        driver.when(is_a(StepDone, step=step), Save())
    driver.when(is_a(Saved, step=20), Close())
    return only(driver.run(Open(tiny(corpus, *assignments)), Train()), Opened).run


def train_until(step: int, corpus: object, *assignments: str) -> tuple[str, list[Event]]:
    """Train a run and close it at this step; its name and its events."""
    events = (
        Driver()
        .when(is_a(StepDone, step=step), Close())
        .run(Open(tiny(corpus, *assignments)), Train())
    )
    return only(events, Opened).run, events


def reopen(name: str) -> list[Event]:
    return Driver().run(OpenRun(name), Close())


def history(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, RECORDED)]


def checkpoints(name: str) -> list[Path]:
    return sorted((folder_of(name) / "checkpoints").iterdir())


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def sample_greedily(name: str) -> str:
    config = SampleConfig(temperature=0, characters=40)
    events = (
        Driver().when(is_a(SampleDone), Close()).run(OpenRun(name), Sample(1, "The owl", config))
    )
    return "".join(event.text for event in of(events, TextSampled))


def test_a_saved_run_opens_as_it_was_saved(verse_file: Path) -> None:
    before = run_to_end(Open(tiny(verse_file)), Train())
    fresh, name = only(before, Opened), only(before, Opened).run
    verse_file.unlink()  # the run keeps its own copy of the text
    after = reopen(name)
    opened = only(after, Opened)
    assert opened.config == fresh.config
    assert (opened.phase, opened.step, opened.steps) == ("done", 20, 20)
    assert opened.elapsed >= of(before, Evaluated)[-1].elapsed
    assert opened.parameters == fresh.parameters


def test_it_samples_with_the_saved_weights(verse_file: Path) -> None:
    config = SampleConfig(temperature=0, characters=40)
    events = (
        Driver()
        .when(is_a(Saved), Sample(1, "The owl", config))
        .when(is_a(SampleDone), Close())
        .run(Open(tiny(verse_file, "train.steps=40")), Train())
    )
    text = "".join(event.text for event in of(events, TextSampled))
    assert sample_greedily(only(events, Opened).run) == text
    assert len(set(text)) > 1


@pytest.mark.parametrize(
    ("phase", "step"), [("paused", 7), ("done", 20)], ids=["midway", "at the end"]
)
def test_a_run_opens_in_the_phase_it_was_saved_in(verse_file: Path, phase: str, step: int) -> None:
    name = train_and_save(verse_file) if step == 20 else train_until(step, verse_file)[0]
    opened = only(reopen(name), Opened)
    assert (opened.phase, opened.step) == (phase, step)


@pytest.mark.parametrize("dropout", ["0", "0.2"])
@pytest.mark.parametrize("stop", [7, 10])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    verse_file: Path, stop: int, dropout: str
) -> None:
    choice = f"model.dropout={dropout}"
    uninterrupted = run_to_end(Open(tiny(verse_file, choice)), Train())
    name, first = train_until(stop, verse_file, choice)
    second = run_to_end(OpenRun(name), Train())
    assert [e.step for e in of(second, StepDone)] == list(range(1, 21))
    assert losses(uninterrupted) == losses(second)
    assert losses(first) == losses(second)[: len(losses(first))]
    assert digest(only(uninterrupted, Opened).run) == digest(name)


def test_a_resumed_run_keeps_a_changed_learning_rate(verse_file: Path) -> None:
    def train(stop: int) -> Driver:
        driver = Driver().when(is_a(StepDone, step=4), SetLearningRate(0.01))
        return driver.when(is_a(StepDone, step=stop), Close())

    uninterrupted = train(20).run(Open(tiny(verse_file)), Train())
    name = only(train(9).run(Open(tiny(verse_file)), Train()), Opened).run
    resumed = Driver().when(is_a(StepDone, step=20), Close()).run(OpenRun(name), Train())
    rates = [event.learning_rate for event in of(uninterrupted, StepDone)]
    assert rates == [event.learning_rate for event in of(resumed, StepDone)]
    assert rates[4] < rates[3]


def test_an_evaluation_that_was_due_at_the_save_is_made_when_the_run_is_opened(
    verse_file: Path,
) -> None:
    name, _ = train_until(10, verse_file)
    assert [e.step for e in of(reopen(name), Evaluated)] == [0]
    run_to_end(OpenRun(name), Train())
    assert [e.step for e in of(reopen(name), Evaluated)] == [0, 10, 20]


def test_the_digest_of_different_runs_differs(verse_file: Path) -> None:
    """Or the comparison above could not fail."""
    first = train_and_save(verse_file)
    assert digest(first) == digest(train_and_save(verse_file))
    assert digest(first) != digest(train_and_save(verse_file, "train.seed=2"))


def test_the_history_is_emitted_when_a_run_is_opened(verse_file: Path) -> None:
    before = (
        Driver()
        .when(is_a(StepDone, step=4), SetLearningRate(0.01))
        .when(is_a(Saved), Train())
        .when(is_a(StepDone, step=33), Stop())
        .when(is_a(Saved, step=33), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert {type(event) for event in history(before)} == {
        StepDone,
        Evaluated,
        Excerpt,
        LearningRateChanged,
        Extended,
    }
    after = reopen(only(before, Opened).run)
    assert history(after) == history(before)
    shown = [event for event in after if not isinstance(event, LadderMeasured)]
    assert isinstance(shown[shown.index(history(after)[0]) - 1], Opened)
    opened = only(after, Opened)
    assert (opened.learning_rate, opened.steps) == (0.01, 40)


def test_the_history_on_disk_is_one_event_per_line(verse_file: Path) -> None:
    before = run_to_end(Open(tiny(verse_file)), Train())
    folder = Path(only(before, Saved).path)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [from_json(line) for line in lines] == history(before)


def test_a_resumed_run_continues_its_history(verse_file: Path) -> None:
    name, _ = train_until(7, verse_file)
    for step in (12, 15):
        Driver().when(is_a(StepDone, step=step), Close()).run(OpenRun(name), Train())
    assert [e.step for e in of(reopen(name), StepDone)] == list(range(1, 16))


def test_a_corrupt_checkpoint_falls_back_to_the_previous_one(verse_file: Path) -> None:
    name = train_and_save(verse_file, saves=(15,))
    newest = checkpoints(name)[-1]
    flip_a_byte(newest / "model.safetensors")
    events = reopen(name)
    opened = only(events, Opened)
    assert (opened.step, opened.phase) == (15, "paused")
    assert opened.note == (
        f"Opened as it was at step 15, since model in checkpoint {newest.name} has been changed."
    )
    assert [e.step for e in of(events, StepDone)] == list(range(1, 16))
    assert [e.step for e in of(events, Evaluated)] == [0, 10]


def test_a_corrupt_checkpoint_never_displaces_a_complete_one(verse_file: Path) -> None:
    name = train_and_save(verse_file, saves=(15,))
    flip_a_byte(checkpoints(name)[-1] / "model.safetensors")
    (
        Driver()
        .when(is_a(StepDone, step=17), Save())
        .when(is_a(Saved), Close(save=False))
        .run(OpenRun(name), Train())
    )
    flip_a_byte(checkpoints(name)[-1] / "model.safetensors")
    assert only(reopen(name), Opened).step == 15


def test_after_a_fallback_each_step_is_in_the_history_once(verse_file: Path) -> None:
    uninterrupted = losses(run_to_end(Open(tiny(verse_file)), Train()))
    name = train_and_save(verse_file, saves=(5,))
    flip_a_byte(checkpoints(name)[-1] / "optimizer.safetensors")
    run_to_end(OpenRun(name), Train())
    assert losses(reopen(name)) == uninterrupted


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "no manifest"])
def test_all_damage_to_the_newest_checkpoint_is_detected(verse_file: Path, damage: str) -> None:
    name = train_and_save(verse_file, saves=(15,))
    victim = checkpoints(name)[-1] / "optimizer.safetensors"
    match damage:
        case "flip":
            flip_a_byte(victim)
        case "truncate":
            victim.write_bytes(victim.read_bytes()[:-1])
        case "remove":
            victim.unlink()
        case _:
            victim.with_name("manifest.json").unlink()
    assert only(reopen(name), Opened).step == 15


def test_a_run_without_a_complete_checkpoint_is_refused_with_a_reason(verse_file: Path) -> None:
    name = train_and_save(verse_file, saves=(5,))
    for checkpoint in checkpoints(name):
        flip_a_byte(checkpoint / "model.safetensors")
    failed = only(reopen(name), Failed)
    assert failed.during == "open"
    assert failed.message == (
        f"The run '{name}' has no complete checkpoint: "
        f"model in checkpoint {checkpoints(name)[-1].name} has been changed."
    )


def change_the_text(name: str, old: str, new: str) -> None:
    path = folder_of(name) / "corpus.txt"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_changed_text_needs_confirmation(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    change_the_text(name, "owl", "low")
    asked = only(reopen(name), ConfirmationRequired)
    assert asked.question.startswith(
        f"The text of the run '{name}' (corpus.txt in its folder) is not the one it was trained on."
    )
    events = Driver().when(is_a(Saved), Close()).run(asked.command, Train())
    assert of(events, StepDone)[-1].step == 40
    assert only(reopen(name), Opened).step == 40, "the changed text is the run's own from then on"


def test_a_changed_text_needs_confirmation_again_if_the_run_was_not_trained(
    verse_file: Path,
) -> None:
    name = train_and_save(verse_file)
    change_the_text(name, "owl", "low")
    assert only(Driver().run(OpenRun(name, changed_text=True), Close()), Opened).step == 20
    assert only(reopen(name), ConfirmationRequired)


def test_a_text_with_characters_unknown_to_the_model_is_refused(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    change_the_text(name, "owl", "☃\x07")
    failed = only(Driver().run(OpenRun(name, changed_text=True), Close()), Failed)
    assert failed.message == (
        f"The text of the run '{name}' (corpus.txt in its folder) is not the one it was trained "
        "on: it has characters that the model does not know: ␇☃"
    )


def test_a_run_opens_at_its_best_evaluation(verse_file: Path) -> None:
    # The model overfits to a pattern that the validation part breaks.
    verse_file.write_text(900 * "ab" + 5 * "abab" + 40 * "abb", encoding="utf-8")
    events = run_to_end(Open(tiny(verse_file, "train.steps=40", "train.decay_fraction=0")), Train())
    name = only(events, Opened).run
    best = min(of(events, Evaluated), key=lambda e: e.loss)
    opened = only(reopen(f"{name}@best"), Opened)
    assert (opened.run, opened.step) == (name, best.step)
    assert 0 < best.step < 40, "or the best would be the newest"
    assert "its best; training on drops what came after" in opened.note
    assert only(reopen(f"{name}@latest"), Opened).step == 40

    again = (
        Driver()
        .when(is_a(StepDone, step=best.step + 1), Close())
        .run(OpenRun(f"{name}@best"), Train())
    )
    assert losses(again)[-1] == next(one for one in losses(events) if one[0] == best.step + 1)
    assert only(reopen(name), Opened).step == best.step + 1


def test_an_unknown_suffix_of_the_name_is_refused(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    failed = only(reopen(f"{name}@first"), Failed)
    assert failed.message == f"There is no run '{name}@first'; near it: {name}."


def test_a_truncated_run_json_is_refused_with_a_reason(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    path = folder_of(name) / "run.json"
    path.write_bytes(path.read_bytes()[:100])
    assert only(reopen(name), Failed).message.startswith(f"The run '{name}' cannot be read: ")


def test_an_unfinished_checkpoint_is_not_opened(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    newest = checkpoints(name)[-1]
    newest.rename(newest.with_name("000009.unfinished"))
    assert only(reopen(name), Opened).step < 20


def test_the_two_newest_checkpoints_and_the_best_are_kept_and_nothing_unfinished(
    verse_file: Path, home: Path
) -> None:
    rates = ("train.learning_rate=1", "train.decay_fraction=0", "train.adam_learning_rate=1")
    name = train_and_save(verse_file, *rates, saves=(13, 16, 19))
    steps = [read_manifest(path).progress.step for path in checkpoints(name)]
    losses_at = {e.step: e.loss for e in of(reopen(name), Evaluated)}
    best = min(losses_at, key=lambda step: losses_at[step])
    assert best < 19, "or the best would be kept anyway"
    assert steps == [best, 19, 20]
    assert best_of(folder_of(name)) == checkpoints(name)[0]
    assert sorted(p.name for p in checkpoints(name)[-1].iterdir()) == [
        "manifest.json",
        "model.safetensors",
        "optimizer.safetensors",
    ]
    assert list(home.rglob("*.unfinished")) == []


def test_saving_twice_writes_once(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=3), Save(), Save(), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert only(events, Saved).step == 3
    written = [read_manifest(path).progress.step for path in checkpoints(only(events, Opened).run)]
    assert written == [0, 3]


def test_a_run_that_was_only_opened_is_not_written(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    before = checkpoints(name)
    assert of(reopen(name), Saved) == []
    assert checkpoints(name) == before


def test_stopping_a_reopened_run_before_its_next_step_ends_and_saves_it(verse_file: Path) -> None:
    """Ctrl-C does this while torch is loading."""
    driver = Driver().when(is_a(Evaluated, step=10), Close())
    name = only(driver.run(Open(tiny(verse_file)), Train()), Opened).run
    events = run_to_end(OpenRun(name), Train(), Stop())
    assert of(events, PhaseChanged)[-1].phase == "done"
    assert only(reopen(name), Opened).phase == "done"


def test_an_unknown_name_suggests_the_nearest(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    failed = only(reopen(name[:-1]), Failed)
    assert failed.during == "open"
    assert failed.message == f"There is no run '{name[:-1]}'; near it: {name}."


def test_an_unknown_name_says_if_no_run_is_saved() -> None:
    message = only(reopen("amber-otter"), Failed).message
    assert message == "There is no run 'amber-otter': none is saved yet."


@pytest.mark.parametrize("name", ["", ".", "..", "../{}", "{}/", "./{}", "{}/checkpoints", "a\0b"])
def test_a_name_that_is_a_path_is_refused(verse_file: Path, home: Path, name: str) -> None:
    saved = train_and_save(verse_file)
    shutil.copytree(home / "runs" / saved, home, dirs_exist_ok=True)  # where ".." would lead
    failed = only(reopen(name.format(saved)), Failed)
    assert failed.message.startswith("There is no run ")


def test_the_files_are_plain_json(verse_file: Path) -> None:
    name = train_and_save(verse_file)
    info = json.loads((folder_of(name) / "run.json").read_text())
    assert info["config"]["model"]["n_embd"] == 16
    assert info["corpus"]["name"] == "verse.txt"
    text = (folder_of(name) / "corpus.txt").read_bytes()
    assert info["corpus"]["sha256"] == hashlib.sha256(text).hexdigest()


def test_a_new_name_is_never_taken() -> None:
    taken: set[str] = set()
    for _ in range(3000):  # more than there are pairs of words
        name = new_name(taken)
        assert name not in taken
        taken.add(name)
