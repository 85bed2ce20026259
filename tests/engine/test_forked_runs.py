"""A fork: a new run that begins at an earlier step of another."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch
from driving import Driver, history_of, is_a, losses, of, only, run_to_end, saved_run, tiny
from stored import damage_moment

from engine.changes import check_fork
from engine.protocol import (
    Close,
    Command,
    CorpusLoaded,
    Evaluated,
    Event,
    Failed,
    Fork,
    Forked,
    LearningRateChanged,
    MomentsKept,
    Open,
    Opened,
    OpenRun,
    ParentLoaded,
    Pause,
    PhaseChanged,
    Saved,
    SetLearningRate,
    Step,
    StepDone,
    Train,
)
from engine.storage import library
from engine.storage.moment_files import LATEST, moments_of
from engine.storage.moments import read_moment
from engine.storage.paths import folder_of, run_names
from engine.storage.run_info import Parent, read_info
from engine.storage.saved_run import SavedRun, load_run

pytestmark = pytest.mark.timeout(60)


def paused_at(corpus: Path, step: int, *assignments: str) -> str:
    driver = Driver().when(is_a(StepDone, step=step), Pause(), Close())
    return only(driver.run(Open(tiny(corpus, *assignments)), Train()), Opened).run


def refused(command: Fork) -> str:
    failed = only(Driver().run(command, Close()), Failed)
    assert failed.during == "open"
    return failed.message


def after(step: int, events: list[Event]) -> list[tuple[int, float]]:
    return [loss for loss in losses(events) if loss[0] > step]


def same_tensors(one: SavedRun, other: SavedRun) -> bool:
    return all(
        tensor.equal(other.state[group][name])
        for group, tensors in one.state.items()
        for name, tensor in tensors.items()
    )


@pytest.mark.parametrize("changes", [(), ("model.dropout=0.2", "train.context_warmup=0.5")])
def test_a_fork_at_the_last_checkpoint_takes_the_course_of_its_parent(
    verse_file: Path, changes: tuple[str, ...]
) -> None:
    parent = paused_at(verse_file, 7, *changes)
    forked = run_to_end(Fork(parent), Train())
    own = run_to_end(OpenRun(parent), Train())
    assert [step for step, _ in after(7, own)] == [8, 9, 10, 10, *range(11, 21), 20]
    assert losses(forked) == losses(own)
    assert of(forked, StepDone)[-1].learning_rate == of(own, StepDone)[-1].learning_rate
    name = only(forked, Opened).run
    assert same_tensors(load_run(name), load_run(parent))
    assert losses(history_of(load_run(name))) == losses(history_of(load_run(parent)))


def test_a_fork_of_a_run_that_is_done_is_extended_as_its_parent_is(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    forked = run_to_end(Fork(parent, 20), Train(steps=10))
    assert losses(forked) == losses(run_to_end(OpenRun(parent), Train(steps=10)))


def test_a_fork_at_an_earlier_checkpoint_takes_the_course_that_was_taken(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    forked = run_to_end(Fork(parent, 10), Train())
    assert only(forked, Opened).note == f"Forked from {parent} at step 10."
    assert losses(forked) == losses(history_of(load_run(parent)))


def test_a_fork_of_kept_weights_begins_with_a_fresh_optimizer(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    driver = Driver().when(is_a(StepDone, step=9), Close())
    events = driver.run(Fork(parent, 8), Step())
    opened = only(events, Opened)
    assert opened.note == f"Forked from {parent} at step 8, with a fresh optimizer."
    assert (opened.step, opened.steps, opened.phase) == (8, 20, "paused")
    own = losses(history_of(load_run(parent)))
    assert losses(events)[:-1] == [loss for loss in own if loss[0] <= 8]
    assert losses(events)[-1] == next(loss for loss in own if loss[0] == 9)  # before its update
    assert of(events, MomentsKept)[-1].steps == (8,)
    weights, fork = ({}, {})
    for found, name in ((weights, parent), (fork, opened.run)):
        moment = next(m for m in moments_of(folder_of(name), LATEST) if m.step == 8)
        found.update(read_moment(moment, 1 << 20)[0])
    assert all(tensor.equal(fork[name]) for name, tensor in weights.items())


def test_a_fork_has_its_parents_history_and_name(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    events = run_to_end(Fork(parent, 8), Train())
    name = only(events, Opened).run
    assert of(events, MomentsKept)[-1].steps == (8, 10, 16, 20)
    assert read_info(folder_of(name)).parent == Parent(parent, 8)
    summaries = {run.name: (run.parent, run.parent_step) for run in library.summaries()}
    assert summaries == {name: (parent, 8), parent: ("", 0)}
    reopened = of(Driver().run(OpenRun(name), Close()), StepDone)
    assert [event.step for event in reopened] == list(range(1, 21))
    assert [event.step for event in of(history_of(load_run(parent)), StepDone)] == [
        event.step for event in reopened
    ]


def test_a_fork_of_a_fork_tells_where_both_began_and_what_became_of_its_parent(
    verse_file: Path,
) -> None:
    first = saved_run(verse_file)
    second = only(run_to_end(Fork(first, 8), Train()), Opened).run
    events = Driver().when(is_a(StepDone, step=11), Close()).run(Fork(second, 10), Step())
    third = only(events, Opened).run
    again = Driver().run(OpenRun(third), Close())
    for reported in (events, again):
        assert of(reported, Forked) == [Forked(8, first), Forked(10, second)]
        (loaded,) = of(reported, ParentLoaded)
        assert loaded == ParentLoaded(library.run_curve(second))
        assert loaded.curve is not None
        assert [step for step, _ in loaded.curve.losses] == [0, 10, 20]
    library.delete(second)
    alone = Driver().run(OpenRun(third), Close())
    assert only(alone, ParentLoaded) == ParentLoaded(
        None,
        f"The run {second!r}, from which it was forked, is gone or renamed: its curve is not drawn.",
    )
    assert losses(alone) == losses(again)


def test_the_learning_rate_of_that_step_is_inherited(verse_file: Path) -> None:
    driver = Driver().when(is_a(StepDone, step=5), SetLearningRate(0.02))
    driver.when(is_a(StepDone, step=12), SetLearningRate(0.01)).when(is_a(Saved), Close())
    parent = only(driver.run(Open(tiny(verse_file)), Train()), Opened).run
    for step, rate in ((4, 0.03), (8, 0.02), (16, 0.01)):
        forked = Driver().run(Fork(parent, step), Close())
        assert of(forked, LearningRateChanged)[-1:] == (
            [] if rate == 0.03 else [LearningRateChanged(5 if step == 8 else 12, rate)]
        )
    events = Driver().when(is_a(StepDone, step=9), Close()).run(Fork(parent, 8), Step())
    assert of(events, StepDone)[-1].learning_rate == pytest.approx(0.02 * (1 - 8 / 20) / 0.8)


def test_a_fork_with_other_settings(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    changes = ("train.learning_rate=0.3", "model.dropout=0.1", "train.seed=2", "train.steps=30")
    events = run_to_end(Fork(parent, 10, changes), Train())
    config = only(events, Opened).config
    assert (config.model.dropout, config.train.seed, config.train.steps) == (0.1, 2, 30)
    assert of(events, LearningRateChanged) == [LearningRateChanged(10, 0.3)]
    assert of(events, StepDone)[-1].step == 30
    forked = after(10, events)
    assert forked[0] != after(10, history_of(load_run(parent)))[0]
    assert losses(history_of(load_run(only(events, Opened).run))) == losses(events)


def test_a_fork_may_end_by_the_clock(verse_file: Path) -> None:
    events = run_to_end(Fork(saved_run(verse_file), 10, ("train.minutes=0.02",)), Train())
    assert of(events, Evaluated)[-1].elapsed <= 1.3
    assert of(events, PhaseChanged)[-1].phase == "done"


def test_a_fork_on_another_text(verse_file: Path, tmp_path: Path) -> None:
    parent = saved_run(verse_file)
    other = tmp_path / "other.txt"
    other.write_text(verse_file.read_text()[::-1])
    events = run_to_end(Fork(parent, 10, corpus=str(other)), Train())
    opened = only(events, Opened)
    assert only(events, CorpusLoaded).name == "other.txt"
    assert [event.step for event in of(events, StepDone)] == list(range(11, 21))
    assert [event.step for event in of(events, Evaluated)] == [10, 20]
    info = read_info(folder_of(opened.run))
    assert (info.corpus.name, info.config.corpus) == ("other.txt", str(other))
    assert info.corpus.characters == read_info(folder_of(parent)).corpus.characters
    assert load_run(opened.run).text == other.read_text()


def test_a_fork_needs_nothing_but_the_parents_folder(verse_file: Path) -> None:
    parent = paused_at(verse_file, 7)
    verse_file.unlink()
    forked = run_to_end(Fork(parent), Train())
    assert of(forked, Failed) == []
    library.delete(parent)
    assert only(run_to_end(OpenRun(only(forked, Opened).run), Train()), Opened).step == 20


def test_the_open_run_is_saved_and_forked_while_it_trains(verse_file: Path) -> None:
    driver = Driver()
    driver.call_when(
        is_a(StepDone, step=13),
        lambda: driver.send(Fork(only(driver.events, Opened).run), Train()),
    )
    events = driver.when(is_a(Saved, step=20), Close()).run(Open(tiny(verse_file)), Train())
    first, second = of(events, Opened)
    assert second.step in (13, 14)
    assert read_info(folder_of(second.run)).parent == Parent(first.run, second.step)
    assert load_run(first.run).manifest.progress.step == second.step


def test_a_fork_that_is_not_trained_leaves_nothing(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    assert of(Driver().run(Fork(parent, 8), Close()), Failed) == []
    assert run_names() == [parent]


def test_a_fork_is_saved_before_its_first_step(verse_file: Path) -> None:
    parent = saved_run(verse_file)
    driver = Driver().when(is_a(StepDone, step=9), Close(save=False))
    name = only(driver.run(Fork(parent, 8), Step()), Opened).run
    assert load_run(name).manifest.progress.step >= 8


def test_a_fork_that_cannot_be_is_refused(verse_file: Path, tmp_path: Path) -> None:
    parent = saved_run(verse_file)
    path = damage_moment(parent, 8)
    assert refused(Fork(parent, 8)) == (
        "The weights of step 8 cannot be used: the file of step 8 in moments has been changed."
    )
    content = safetensors.torch.save({"head.weight": torch.zeros(3)}, {"context_length": "9"})
    named = f"0000000008.{hashlib.sha256(content).hexdigest()}.safetensors"
    path.rename(path.with_name(named)).write_bytes(content)
    assert "does not fit its model" in refused(Fork(parent, 8))
    assert refused(Fork(parent, 13)) == ("The weights of step 13 are not kept; near it: 10 and 16.")
    assert "There is no run 'nobody'" in refused(Fork("nobody", 3))
    assert "is over there" in refused(Fork(parent, 16, ("train.steps=12",)))
    other = tmp_path / "other.txt"
    other.write_text(verse_file.read_text() + "§")
    assert refused(Fork(parent, 16, corpus=str(other))).endswith("does not know: §")
    (folder_of(parent) / "corpus.txt").write_text(verse_file.read_text()[1:])
    assert "is not the one it was trained on" in refused(Fork(parent, 16))
    assert run_names() == [parent]


@pytest.mark.parametrize(
    "assignment", ["model.n_layer=2", "model.context_length=32", "train.val_fraction=0.2"]
)
def test_the_shape_of_the_model_and_what_is_held_out_stay(assignment: str) -> None:
    with pytest.raises(ValueError, match="is fixed once a model is trained"):
        check_fork([assignment])


def test_a_refused_fork_leaves_the_open_run(verse_file: Path) -> None:
    commands: list[Command] = [Open(tiny(verse_file)), Step(), Fork("nobody"), Step()]
    events = Driver().when(is_a(StepDone, step=2), Close()).run(*commands)
    assert [event.step for event in of(events, StepDone)] == [1, 2]
