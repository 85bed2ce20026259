"""The session from commands to events, without a thread: the whole course of a run, in order."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import (
    Driver,
    FakeClock,
    is_a,
    losses,
    of,
    only,
    run_to_end,
    saved_run,
    tiny,
    transcript,
)
from torch import Tensor

from engine.config import SampleConfig
from engine.model.size import parameter_count
from engine.protocol import (
    Busy,
    Close,
    CorpusLoaded,
    Evaluated,
    Event,
    Excerpt,
    Extended,
    Failed,
    LearningRateChanged,
    Open,
    Opened,
    OpenRun,
    Pause,
    Phase,
    PhaseChanged,
    RenameRun,
    Rollback,
    Sample,
    SampleStarted,
    Saved,
    SetLearningRate,
    Step,
    StepDone,
    Stop,
    Train,
)
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run
from engine.training.dataset import Dataset
from engine.training.optimizers import Optimizer
from engine.training.trainer import Evaluation, Trainer
from engine.training.validation import ValidationText

pytestmark = pytest.mark.timeout(30)


def steps(events: list[Event]) -> list[int]:
    return [event.step for event in of(events, StepDone)]


def phases(events: list[Event]) -> list[tuple[Phase, int]]:
    return [(event.phase, event.step) for event in of(events, PhaseChanged)]


def test_a_whole_run(verse_file: Path) -> None:
    config = tiny(verse_file)
    events = run_to_end(Open(config), Train())

    course = [type(event).__name__ for event in transcript(events)]
    assert course == [
        "CorpusLoaded",
        "Opened",
        "PhaseChanged",
        "Evaluated",
        *["StepDone"] * 10,
        "Evaluated",
        *["StepDone"] * 10,
        "Evaluated",
        "PhaseChanged",
        "Saved",
    ]
    assert steps(events) == list(range(1, 21))
    assert [event.step for event in of(events, Evaluated)] == [0, 10, 20]
    assert phases(events) == [("training", 0), ("done", 20)]

    corpus, opened = only(events, CorpusLoaded), only(events, Opened)
    assert corpus.train_characters + corpus.validation_characters == corpus.characters
    assert corpus.uniform_loss == pytest.approx(math.log(corpus.vocabulary))
    assert corpus.uniform_loss > corpus.unigram_loss > corpus.bigram_loss > 0
    assert (opened.config, opened.phase, opened.step, opened.steps) == (config, "untrained", 0, 20)
    assert opened.parameters == parameter_count(config.model, corpus.vocabulary)
    assert (opened.device, opened.threads, opened.precision) == ("cpu", 1, "float32")

    # The first loss is that of a uniform guess, and it falls.
    first, *_, last = of(events, Evaluated)
    assert first.loss == pytest.approx(corpus.uniform_loss, abs=5e-4)
    assert of(events, StepDone)[0].loss == pytest.approx(corpus.uniform_loss, abs=5e-4)
    assert last.loss < corpus.uniform_loss - 0.15
    assert last.bits_per_char == pytest.approx(last.loss / math.log(2))

    saved = only(events, Saved)
    assert (saved.run, saved.step) == (opened.run, 20)


def test_the_numbers_of_each_step(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file)), Train())
    done = of(events, StepDone)
    assert {event.tokens for event in done} == {4 * 16}
    assert all(event.seconds > 0 and event.gradient_norm > 0 for event in done)
    times = [event.elapsed for event in events if isinstance(event, StepDone | Evaluated)]
    assert times == sorted(times)
    assert times[0] > 0
    # The remaining time shrinks to nothing.
    assert done[2].remaining > done[12].remaining > done[-1].remaining == 0
    # Warmup, plateau, decay.
    rates = [event.learning_rate for event in done]
    assert rates[0] < rates[4] == 0.03 > rates[12] > rates[-1] > 0


def test_excerpts_follow_every_evaluation_and_early_steps(verse_file: Path) -> None:
    events = run_to_end(
        Open(tiny(verse_file, "train.steps=60", "train.evaluation_interval=20")), Train()
    )
    excerpts = of(events, Excerpt)
    assert [event.step for event in excerpts] == [0, 10, 20, 25, 40, 50, 60]
    corpus = only(events, CorpusLoaded)
    assert {event.prompt for event in excerpts} == {corpus.opening}
    assert all(0 < len(event.text) <= 360 for event in excerpts)
    # The next one may cut an excerpt short; the last has time to finish its lines.
    lines = [line for line in excerpts[-1].text.split("\n") if line]
    assert len(lines) == 6 or len(excerpts[-1].text) == 360
    assert events.index(excerpts[-1]) < events.index(only(events, Saved))


def test_work_in_progress_is_named_and_ends(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file)), Train())
    opening = events[: events.index(only(events, Opened))]
    named = [event.what for event in of(opening, Busy)]
    assert named[0] == f"reading {verse_file}"
    assert "loading torch" in named
    assert named[-1] == ""
    assert of(events, Busy)[-1].what == ""


def test_pause_stops_after_the_step_and_train_goes_on(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=7), Pause())
        .when(is_a(PhaseChanged, phase="paused"), Train())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert phases(events) == [("training", 0), ("paused", 7), ("training", 7), ("done", 20)]
    assert steps(events) == list(range(1, 21))


def test_while_paused_no_step_is_taken(verse_file: Path) -> None:
    driver = (
        Driver()
        .when(is_a(StepDone, step=7), Pause())
        .when(is_a(PhaseChanged, phase="paused"), Close())
    )
    assert steps(driver.run(Open(tiny(verse_file)), Train()))[-1] == 7


def test_pausing_changes_no_loss(verse_file: Path) -> None:
    straight = run_to_end(Open(tiny(verse_file)), Train())
    paused = (
        Driver()
        .when(is_a(StepDone, step=3), Pause(), Train())
        .when(is_a(StepDone, step=9), Pause(), Pause(), Train(), Train())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert losses(straight) == losses(paused)


def test_each_single_step_is_exactly_one(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=3), Close())
        .run(Open(tiny(verse_file)), Step(), Step(), Step())
    )
    assert steps(events) == [1, 2, 3]
    assert phases(events)[0] == ("paused", 1)
    assert ("training", 0) not in phases(events)


def test_after_a_single_step_the_run_is_paused(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(PhaseChanged, phase="paused"), Close())
        .run(Open(tiny(verse_file)), Step())
    )
    assert steps(events) == [1]


def test_a_single_step_while_training_does_nothing(verse_file: Path) -> None:
    straight = run_to_end(Open(tiny(verse_file)), Train())
    pressed = (
        Driver()
        .when(is_a(StepDone, step=5), Step())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert transcript(pressed) != []
    assert phases(pressed) == phases(straight)
    assert steps(pressed) == steps(straight)


def test_train_right_after_a_single_step_trains_on(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file)), Step(), Train())
    assert phases(events) == [("training", 0), ("done", 20)]


def test_the_last_single_step_ends_the_run(verse_file: Path) -> None:
    events = run_to_end(Open(tiny(verse_file, "train.steps=2")), Step(), Step())
    assert steps(events) == [1, 2]
    assert phases(events)[-1] == ("done", 2)
    assert of(events, Evaluated)[-1].step == 2


def test_stop_ends_the_run_with_an_evaluation(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=7), Stop())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert steps(events)[-1] == 7
    assert of(events, Evaluated)[-1].step == 7
    assert phases(events)[-1] == ("done", 7)
    assert of(events, Excerpt)[-1].step == 7
    assert only(events, Saved).step == 7


def test_a_stopped_run_trains_on_to_its_planned_end(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=7), Stop())
        .when(is_a(Saved), Train())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert steps(events) == list(range(1, 21))
    assert [event.step for event in of(events, Saved)] == [7, 20]
    assert of(events, Extended) == []


def test_stop_while_paused_right_after_an_evaluation_saves_at_once(verse_file: Path) -> None:
    """Nothing is left to evaluate or to sample then, and still the run must be saved."""
    events = (
        Driver()
        .when(is_a(Evaluated, step=10), Pause())
        .when(is_a(Excerpt, step=10), Stop())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert phases(events) == [("training", 0), ("paused", 10), ("done", 10)]
    assert [event.step for event in of(events, Evaluated)] == [0, 10]
    assert only(events, Saved).step == 10


@pytest.mark.parametrize("first", [[Train()], [Train(), Pause()]])
def test_stop_before_the_first_step_leaves_it_untrained(
    verse_file: Path, first: list[Train | Pause]
) -> None:
    events = Driver().when(is_a(Evaluated), Close()).run(Open(tiny(verse_file)), *first, Stop())
    assert phases(events)[-1] == ("untrained", 0)
    assert steps(events) == []
    assert of(events, Saved) == []


def test_after_its_end_a_run_is_extended_by_as_much_again(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(Saved), Train())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    extended = only(events, Extended)
    assert (extended.step, extended.steps) == (20, 40)
    assert steps(events) == list(range(1, 41))
    assert phases(events) == [("training", 0), ("done", 20), ("training", 20), ("done", 40)]
    assert of(events, Evaluated)[-1].step == 40


def test_the_context_grows_once_even_if_the_run_is_extended(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = []
    batch = Dataset.batch

    def record(self: Dataset, step: int, size: int, length: int) -> tuple[Tensor, Tensor]:
        lengths.append(length)
        return batch(self, step, size, length)

    monkeypatch.setattr(Dataset, "batch", record)
    (
        Driver()
        .when(is_a(PhaseChanged, phase="done"), Train())
        .when(is_a(Saved, step=40), Close())
        .run(Open(tiny(verse_file, "train.context_warmup=0.5")), Train())
    )
    assert lengths == [4] * 5 + [8] * 5 + [16] * 30


def test_evaluation_and_sampling_have_the_context_of_training(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At positions beyond the context that it is trained with, the model is untrained."""
    lengths = []
    batches = ValidationText.batches

    def record(self: ValidationText, length: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        lengths.append(length)
        return batches(self, length, size)

    monkeypatch.setattr(ValidationText, "batches", record)
    config = tiny(verse_file, "train.context_warmup=0.5", "train.evaluation_interval=5")
    driver = Driver()
    for step in (3, 8, 13):
        driver.when(is_a(StepDone, step=step), Sample(step, "a" * 20, SampleConfig(characters=1)))
    events = driver.when(is_a(Saved), Close()).run(Open(config), Train())
    assert [event.context_length for event in of(events, Evaluated)] == [4, 4, 8, 16, 16]
    assert lengths == [4, 4, 8, 16, 16]
    assert [event.context_length for event in of(events, StepDone)] == [4] * 5 + [8] * 5 + [16] * 10
    assert [event.unseen for event in of(events, SampleStarted)] == [16, 12, 4]


def test_the_learning_rate_can_be_changed_while_it_trains(verse_file: Path) -> None:
    config = tiny(verse_file, "train.decay_fraction=0", "train.warmup_fraction=0")
    events = (
        Driver()
        .when(is_a(StepDone, step=7), SetLearningRate(0.01))
        .when(is_a(Saved), Close())
        .run(Open(config), Train())
    )
    changed = only(events, LearningRateChanged)
    assert (changed.step, changed.learning_rate) == (7, 0.01)
    rates = [event.learning_rate for event in of(events, StepDone)]
    assert rates == [0.03] * 7 + [0.01] * 13


def test_a_learning_rate_changed_at_rest_is_kept(verse_file: Path) -> None:
    name = saved_run(verse_file)
    Driver().when(is_a(Opened), SetLearningRate(0.01), Close()).run(OpenRun(name))
    again = Driver().when(is_a(Opened), Close()).run(OpenRun(name))
    assert only(again, Opened).learning_rate == 0.01


@pytest.mark.parametrize("rate", [0.0, -1.0, 5.0, math.nan, math.inf])
def test_an_impossible_learning_rate_is_refused(verse_file: Path, rate: float) -> None:
    events = (
        Driver()
        .when(is_a(StepDone, step=7), SetLearningRate(rate))
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file, "train.decay_fraction=0")), Train())
    )
    failed = only(events, Failed)
    assert failed.during == "train"
    assert failed.message.startswith("train.learning_rate goes from 0.00001 to 1, and ")
    assert of(events, LearningRateChanged) == []
    assert of(events, StepDone)[-1].learning_rate == 0.03


@pytest.fixture
def sixth_gradient_is_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of the sixth batch is NaN."""
    sound = Optimizer.set_grads
    batches = 0

    def set_grads(self: Optimizer, grads: list[list[Tensor]]) -> None:
        nonlocal batches
        batches += 1
        if batches == 6:
            grads[0][0].fill_(math.nan)
        sound(self, grads)

    monkeypatch.setattr(Optimizer, "set_grads", set_grads)


@pytest.mark.usefixtures("sixth_gradient_is_nan")
def test_a_step_with_nan_fails_and_train_skips_it(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(PhaseChanged, phase="failed"), Train())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    failed = only(events, Failed)
    assert failed.during == "train"
    assert failed.message.startswith("At step 6 the loss")
    assert phases(events) == [("training", 0), ("failed", 5), ("training", 5), ("done", 20)]
    assert steps(events) == list(range(1, 21))


@pytest.mark.usefixtures("sixth_gradient_is_nan")
def test_a_skipped_batch_counts_as_no_step_in_what_is_saved(verse_file: Path) -> None:
    skipped = Driver().when(is_a(PhaseChanged, phase="failed"), Step())
    skipped.when(is_a(StepDone, step=6), Close())
    events = skipped.run(Open(tiny(verse_file)), Train())
    saved = load_run(only(events, Opened).run)
    assert only(events, Saved).step == saved.manifest.progress.step == 6
    assert saved.manifest.progress.skipped == 1


def test_a_run_that_skipped_a_batch_resumes_bit_for_bit(
    verse_file: Path, sixth_gradient_is_nan: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver().when(is_a(PhaseChanged, phase="failed"), Train())
    driver.when(is_a(StepDone, step=9), Close())
    name = only(driver.run(Open(tiny(verse_file)), Train()), Opened).run
    resumed = run_to_end(OpenRun(name), Train())
    assert steps(resumed) == list(range(1, 21))

    batch = Dataset.batch
    monkeypatch.setattr(
        Dataset, "batch", lambda self, number, *sizes: batch(self, number + (number >= 5), *sizes)
    )
    in_one_go = run_to_end(Open(tiny(verse_file)), Train())
    assert losses(resumed) == losses(in_one_go)


def test_an_evaluation_that_is_not_a_number_is_told_as_such_when_reopened(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Trainer.evaluate

    def evaluate(self: Trainer, context_length: int) -> Iterator[float | Evaluation]:
        for result in sound(self, context_length):
            broken = not isinstance(result, float) and self.step_number == 20
            yield result._replace(loss=math.nan) if broken else result

    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    events = run_to_end(Open(tiny(verse_file)), Train())
    assert math.isnan(of(events, Evaluated)[-1].loss)
    name = only(events, Opened).run
    reopened = of(Driver().run(OpenRun(name), Close()), Evaluated)
    assert [event.step for event in reopened] == [0, 10, 20]
    assert math.isnan(reopened[-1].loss)
    best = load_run(f"{name}@best").manifest.progress
    assert (best.step, best.best_loss) == (10, reopened[1].loss)


@pytest.mark.usefixtures("sixth_gradient_is_nan")
def test_single_steps_skip_only_the_failed_batch(verse_file: Path) -> None:
    events = (
        Driver()
        .when(is_a(PhaseChanged, phase="failed"), Step(), Step())
        .when(is_a(StepDone, step=7), Close())
        .run(Open(tiny(verse_file)), Train())
    )
    assert steps(events) == [1, 2, 3, 4, 5, 6, 7]
    assert phases(events)[-1][0] == "paused"


@pytest.mark.usefixtures("sixth_gradient_is_nan")
def test_a_failed_run_can_be_rolled_back_to_the_last_save_at_half_the_rate(
    verse_file: Path,
) -> None:
    config = tiny(
        verse_file,
        "train.evaluation_interval=5",
        "train.decay_fraction=0",
        "train.warmup_fraction=0",
    )
    events = (
        Driver()
        .when(is_a(PhaseChanged, phase="failed"), Rollback())
        .when(is_a(Saved), Close())
        .run(Open(config), Train())
    )
    assert [event.step for event in of(events, Opened)] == [0, 5]
    again = events[events.index(of(events, Opened)[1]) :]
    assert steps(again) == list(range(1, 21)), (
        "five that are repeated from the history, and the rest"
    )
    changed = only(events, LearningRateChanged)
    assert (changed.step, changed.learning_rate) == (5, 0.015)
    rates = [event.learning_rate for event in of(again, StepDone)]
    assert rates == [0.03] * 5 + [0.015] * 15
    assert phases(events)[-1] == ("done", 20)


def test_minutes_end_the_run_in_time(verse_file: Path) -> None:
    """Six seconds by the clock of the session, the last evaluation included."""
    events = (
        Driver(FakeClock(0.002))
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file, "train.minutes=0.1", "train.steps=1")), Train())
    )
    done, last = of(events, StepDone)[-1], of(events, Evaluated)[-1]
    assert last.step == done.step > 20
    assert 5.5 < last.elapsed <= 6.1
    assert done.learning_rate < 0.002  # the decay is planned to end there
    assert phases(events)[-1] == ("done", done.step)
    assert of(events, StepDone)[5].remaining > 5 > done.remaining


def test_minutes_are_added_after_the_end(verse_file: Path) -> None:
    events = (
        Driver(FakeClock(0.002))
        .when(is_a(Saved), Train())
        .when(is_a(Saved), Close())
        .run(Open(tiny(verse_file, "train.minutes=0.05")), Train())
    )
    extended = only(events, Extended)
    assert 0.09 < extended.minutes < 0.105
    assert 5.5 < of(events, Evaluated)[-1].elapsed < 6.3


@pytest.mark.parametrize("length", ["train.minutes=0.02", "train.steps=20"])
def test_single_steps_after_the_end_extend_it_once(verse_file: Path, length: str) -> None:
    driver = Driver(FakeClock(0.002))

    def three_more() -> None:
        last = of(driver.events, StepDone)[-1].step
        driver.when(is_a(StepDone, step=last + 3), Close()).send(Step(), Step(), Step())

    events = driver.call_when(is_a(Saved), three_more).run(Open(tiny(verse_file, length)), Train())
    assert len(of(events, Extended)) == 1
    assert phases(events)[-1][0] == "paused"


@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_renamed_right_after_opening_can_be_trained(verse_file: Path, damaged: bool) -> None:
    """Its checkpoints, damaged ones included, are then in a folder of another name."""
    straight = run_to_end(Open(tiny(verse_file)), Train())
    events = Driver().when(is_a(StepDone, step=12), Close()).run(Open(tiny(verse_file)), Train())
    name = only(events, Opened).run
    if damaged:
        newest = checkpoints_of(folder_of(name))[-1] / "model.safetensors"
        newest.write_bytes(newest.read_bytes()[:-1])
    events = run_to_end(OpenRun(name), RenameRun(name, "another name"), Train())
    assert of(events, Failed) == []
    assert only(events, Saved).run == "another name"
    assert losses(Driver().run(OpenRun("another name"), Close())) == losses(straight)


def test_an_evaluation_after_reopening_has_the_context_of_the_last_step(verse_file: Path) -> None:
    """A save came between the step and its evaluation, just where the context grows."""
    config = tiny(verse_file, "train.context_warmup=0.5", "train.evaluation_interval=5")
    straight = run_to_end(Open(config), Train())
    events = Driver().when(is_a(StepDone, step=5), Close()).run(Open(config), Train())
    events = run_to_end(OpenRun(only(events, Opened).run), Train())
    assert losses(events) == losses(straight)
