"""What may change about a saved run, and what follows from it."""

from pathlib import Path

import pytest
from driving import Driver, is_a, of, only, run_to_end, saved_run
from msgspec.structs import replace

from engine.changes import change, check_changes
from engine.config import RunConfig, TrainConfig, nano
from engine.protocol import (
    AnnotateRun,
    Close,
    ConfirmationRequired,
    Evaluated,
    Failed,
    LearningRateChanged,
    Opened,
    OpenRun,
    SetLearningRate,
    Step,
    StepDone,
    Train,
)
from engine.storage.paths import folder_of
from engine.storage.run_info import read_info


def config_of(name: str) -> RunConfig:
    return read_info(folder_of(name)).config


def test_a_run_trains_on_with_other_settings(verse_file: Path) -> None:
    name = saved_run(verse_file)
    before = config_of(name)
    changes = (
        "train.evaluation_interval=5",
        "train.precision=bfloat16",
        "train.learning_rate=0.01",
        "sample.temperature=0.3",
    )
    events = run_to_end(OpenRun(name, assignments=changes), Train())
    opened = only(events, Opened)
    assert (opened.precision, opened.config.sample.temperature) == ("bfloat16", 0.3)
    assert only(events, LearningRateChanged) == LearningRateChanged(20, 0.01)
    assert [e.step for e in of(events, Evaluated)] == [0, 10, 20, 25, 30, 35, 40]
    trained = [e for e in of(events, StepDone) if e.step > 20]
    assert max(e.learning_rate for e in trained) <= 0.01

    after = config_of(name)
    assert after.train.evaluation_interval == 5
    assert after.sample.temperature == 0.3
    assert after.model == before.model
    again = only(Driver().run(OpenRun(name), Close()), Opened)
    assert (again.learning_rate, again.precision) == (0.01, "bfloat16")


def test_a_run_that_is_only_looked_at_keeps_its_settings(verse_file: Path) -> None:
    name = saved_run(verse_file)
    before = (folder_of(name) / "run.json").read_bytes(), history_of(name)
    changes = ("train.evaluation_interval=5", "train.learning_rate=0.01")
    Driver().run(OpenRun(name, assignments=changes), Close())
    assert ((folder_of(name) / "run.json").read_bytes(), history_of(name)) == before


def test_a_note_on_a_run_that_is_only_looked_at_changes_nothing_else(verse_file: Path) -> None:
    name = saved_run(verse_file)
    before = read_info(folder_of(name))
    opening = OpenRun(name, assignments=("train.evaluation_interval=5",))
    Driver().run(opening, AnnotateRun(name, "hm"), Close())
    assert read_info(folder_of(name)) == replace(before, note="hm")

    stepped = Driver().when(is_a(StepDone, step=21), Close())
    stepped.run(opening, AnnotateRun(name, "trained"), Step())
    after = read_info(folder_of(name))
    assert (after.note, after.config.train.evaluation_interval) == ("trained", 5)


def history_of(name: str) -> bytes:
    return (folder_of(name) / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.n_layer=8", "model.n_layer is fixed once a model is trained. A saved run may "),
        ("train.val_fraction=0.2", "train.val_fraction is fixed once a model is trained."),
        ("train.steps=7", "train.steps of a saved run stays as it was planned: --steps says how "),
        ("train.learning_rate=7", "train.learning_rate goes from 0.00001 to 1, and 7 is outside."),
        ("train.leaning_rate=7", "There is no setting 'train.leaning_rate'; near it: "),
        ("train.threads=0", "train.threads of a saved run stays as it was measured: name the "),
    ],
)
def test_what_cannot_change_is_refused_by_name(
    verse_file: Path, assignment: str, message: str
) -> None:
    name = saved_run(verse_file)
    failed = only(Driver().run(OpenRun(name, assignments=(assignment,)), Close()), Failed)
    assert failed.during == "open"
    assert failed.message.startswith(message)


def test_a_confirmation_keeps_the_changes(verse_file: Path) -> None:
    name = saved_run(verse_file)
    text = folder_of(name) / "corpus.txt"
    text.write_text(text.read_text(encoding="utf-8").replace("owl", "low"), encoding="utf-8")
    opening = OpenRun(name, assignments=("train.threads=2",))
    asked = only(Driver().run(opening, Close()), ConfirmationRequired)
    assert only(Driver().run(asked.command, Close()), Opened).threads == 2


def rates(config: RunConfig, learning_rate: float) -> tuple[float, float]:
    """The rates in force: of the matrices, and Adam's."""
    train = config.train
    return learning_rate, learning_rate * train.adam_learning_rate / train.learning_rate


def test_adams_rate_follows_the_learning_rate_unless_it_is_set() -> None:
    config = nano("text")
    train = TrainConfig()
    in_force = train.learning_rate / 2
    adam = train.adam_learning_rate
    assert rates(*change(config, in_force, [])) == pytest.approx((in_force, adam / 2))
    assert rates(*change(config, in_force, ["train.learning_rate=0.06"])) == pytest.approx(
        (0.06, 0.06 * adam / train.learning_rate)
    )
    assert rates(*change(config, in_force, ["train.adam_learning_rate=0.01"])) == pytest.approx(
        (in_force, 0.01)
    )
    both = ["train.learning_rate=0.06", "train.adam_learning_rate=0.01"]
    assert rates(*change(config, in_force, both)) == pytest.approx((0.06, 0.01))


def test_the_rate_in_force_is_the_one_set_last(verse_file: Path) -> None:
    name = saved_run(verse_file)
    Driver().when(is_a(StepDone, step=22), Close()).run(
        OpenRun(name), SetLearningRate(0.002), Train()
    )
    opening = OpenRun(name, assignments=("train.adam_learning_rate=0.001",))
    Driver().when(is_a(StepDone, step=24), Close()).run(opening, Train())
    train = config_of(name).train
    assert (train.learning_rate, train.adam_learning_rate) == (0.002, 0.001)


def test_all_of_sample_may_change() -> None:
    check_changes(["sample.seed=3", "sample.stop=.", "train.device=cpu"])
