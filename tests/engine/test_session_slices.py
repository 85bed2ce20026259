"""Nothing waits for a step: commands are carried out between its micro-batches, and a step that is
left alone is completed later or leaves no trace."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driving import Driver, FakeClock, is_a, losses, of, only, run_to_end, tiny

from engine.config import RunConfig, SampleConfig
from engine.protocol import (
    Close,
    Command,
    Evaluated,
    Event,
    Open,
    Opened,
    OpenRun,
    Pause,
    PhaseChanged,
    Sample,
    SampleDone,
    Saved,
    SetLearningRate,
    StepDone,
    StepProgress,
    Stop,
    TextSampled,
    Train,
)
from engine.storage.manifest import checkpoints_of
from engine.storage.paths import folder_of
from engine.training import replica
from engine.training.trainer import StepResult, Trainer

pytestmark = pytest.mark.timeout(60)

SLICES = 8
"""Micro-batches in a step: its windows, one by one."""


@pytest.fixture(autouse=True)
def _small_micro_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "MICRO_BATCH", 4)


def config_of(text: Path, *assignments: str) -> RunConfig:
    return tiny(text, "model.context_length=8", "train.batch_size=8", *assignments)


class Slices:
    """Calls back within a step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken = 0
        self._calls: dict[tuple[int, int], Callable[[], None]] = {}
        original = Trainer.slices

        def slices(
            trainer: Trainer, progress: float, context_length: int
        ) -> Iterator[float | StepResult]:
            results = original(trainer, progress, context_length)
            for number, result in enumerate(results, start=1):
                self.taken += 1
                call = self._calls.pop((trainer.step_number, number), None)
                if call is not None:
                    call()
                yield result

        monkeypatch.setattr(Trainer, "slices", slices)

    def call(self, step: int, number: int, do: Callable[[], None]) -> None:
        """In the step after `step`, after this many slices, do this once."""
        self._calls[step, number] = do


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> Slices:
    return Slices(monkeypatch)


def within_a_step(
    slices: Slices, config: RunConfig, *commands: Command, then: Callable[[Driver], Driver]
) -> list[Event]:
    """Train, and send these commands within step 7."""
    driver = Driver()
    slices.call(6, 3, lambda: driver.send(*commands))
    return then(driver).run(Open(config), Train())


def test_a_step_is_taken_in_slices(verse_file: Path, slices: Slices) -> None:
    run_to_end(Open(config_of(verse_file)), Train())
    assert slices.taken == 20 * SLICES


def test_the_progress_of_a_slow_step_is_reported(verse_file: Path, slices: Slices) -> None:
    clock = FakeClock(0.0005)

    def wait() -> None:
        clock.now += 0.6

    for number in range(1, SLICES + 1):
        slices.call(6, number, wait)
    driver = Driver(clock).when(is_a(Saved), Close())
    events = driver.run(Open(config_of(verse_file, "train.steps=8")), Train())
    slow = of(events, StepProgress)
    assert [(event.step, event.done) for event in slow] == [
        (7, number / SLICES) for number in range(2, SLICES)
    ]
    steps = of(events, StepDone)
    assert steps[5].elapsed + 1.2 < slow[0].elapsed < slow[-1].elapsed < steps[6].elapsed


def test_pause_takes_effect_within_the_step(verse_file: Path, slices: Slices) -> None:
    events = within_a_step(
        slices,
        config_of(verse_file),
        Pause(),
        then=lambda driver: driver.when(is_a(PhaseChanged, phase="paused"), Close()),
    )
    assert [event.step for event in of(events, StepDone)] == list(range(1, 7))
    assert slices.taken == 6 * SLICES + 3
    assert only(events, Saved).step == 6


def test_a_step_that_was_paused_is_completed_and_changes_no_loss(
    verse_file: Path, slices: Slices
) -> None:
    config = config_of(verse_file, "model.dropout=0.2")
    expected = losses(run_to_end(Open(config), Train()))
    slices.taken = 0
    events = within_a_step(
        slices,
        config,
        Pause(),
        then=lambda driver: driver.when(is_a(PhaseChanged, phase="paused"), Train()).when(
            is_a(PhaseChanged, phase="done"), Close()
        ),
    )
    assert losses(events) == expected
    assert slices.taken == 20 * SLICES


def test_a_step_that_was_left_when_the_program_ended_is_taken_again(
    verse_file: Path, slices: Slices
) -> None:
    config = config_of(verse_file, "model.dropout=0.2")
    expected = losses(run_to_end(Open(config), Train()))
    events = within_a_step(slices, config, Close(), then=lambda driver: driver)
    again = run_to_end(OpenRun(only(events, Opened).run), Train())
    assert only(events, Saved).step == 6
    assert losses(again) == expected


def test_stop_within_a_step_ends_the_run_before_it(verse_file: Path, slices: Slices) -> None:
    events = within_a_step(
        slices, config_of(verse_file), Stop(), then=lambda driver: driver.when(is_a(Saved), Close())
    )
    assert [event.step for event in of(events, StepDone)] == list(range(1, 7))
    assert of(events, Evaluated)[-1].step == 6
    assert only(events, Saved).step == 6


def test_a_learning_rate_that_is_set_within_a_step_counts_for_it(
    verse_file: Path, slices: Slices
) -> None:
    config = config_of(verse_file, "train.decay_fraction=0", "train.warmup_fraction=0")
    events = within_a_step(
        slices,
        config,
        SetLearningRate(0.01),
        then=lambda driver: driver.when(is_a(Saved), Close()),
    )
    assert [event.learning_rate for event in of(events, StepDone)] == [0.03] * 6 + [0.01] * 14


def test_a_prompt_is_answered_within_a_step(verse_file: Path, slices: Slices) -> None:
    config = config_of(verse_file, "train.steps=7")
    events = within_a_step(
        slices,
        config,
        Sample(1, "The", SampleConfig(characters=5)),
        then=lambda driver: driver.when(is_a(Saved), Close()),
    )
    kinds = [type(event) for event in events if isinstance(event, StepDone | SampleDone)]
    assert kinds == [StepDone] * 6 + [SampleDone, StepDone]


def test_text_comes_in_small_portions_during_a_long_slice(verse_file: Path, slices: Slices) -> None:
    clock = FakeClock(0.0005)
    driver = Driver(clock)
    slices.call(6, 3, lambda: driver.send(Sample(1, "The", SampleConfig(characters=300))))
    for number in range(4, SLICES + 1):
        slices.call(6, number, lambda: setattr(clock, "now", clock.now + 0.25))
    events = driver.when(is_a(Saved), Close()).run(
        Open(config_of(verse_file, "train.steps=7")), Train()
    )
    portions = [event.seconds for event in of(events, TextSampled)]
    assert all(b - a < 0.05 for a, b in zip([0.0, *portions], portions, strict=False))
    assert len(portions) >= 5


def test_a_checkpoint_does_not_wait_for_an_evaluation(verse_file: Path, slices: Slices) -> None:
    clock = FakeClock()
    driver = Driver(clock)
    slices.call(6, 3, lambda: setattr(clock, "now", clock.now + 51))
    slices.call(9, 3, lambda: driver.send(Close(save=False)))
    config = config_of(verse_file, "train.evaluation_interval=1000")
    events = driver.run(Open(config), Train())
    name = only(events, Opened).run
    assert len(checkpoints_of(folder_of(name))) == 2  # the untrained model, and this one
    again = Driver().when(is_a(Opened), Close()).run(OpenRun(name))
    assert only(again, Opened).step == 6
