"""The seconds of a step that has not been taken yet; the time left, over a whole run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import Driver, is_a, of, tiny

from engine.config import ModelConfig
from engine.model.size import flops_per_token
from engine.protocol import Close, Open, Saved, StepDone, Train
from engine.training.pace import Pace
from engine.training.trainer import Evaluation, StepResult, Trainer

CONFIG = ModelConfig()


def test_a_step_with_a_longer_context_takes_longer_by_its_operations() -> None:
    pace = Pace(CONFIG, 65)
    assert pace.step_seconds(256) == 0
    for _ in range(100):
        pace.add(64, 0.08)
    longer, short = (flops_per_token(ModelConfig(context_length=n), 65) for n in (256, 64))
    assert pace.step_seconds(64) == pytest.approx(0.08)
    assert pace.step_seconds(256) == pytest.approx(0.08 * longer / short)
    assert longer > 1.2 * short


def test_the_pace_follows_the_newest_steps() -> None:
    pace = Pace(CONFIG, 65)
    for seconds in [1.0] * 50 + [2.0] * 100:
        pace.add(256, seconds)
    assert pace.step_seconds(256) == pytest.approx(2, rel=0.01)


class WorkClock:
    """A clock that only moves when the model works: as long as its operations take."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_from_a_third_of_a_run_the_time_left_is_true_within_a_tenth(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = WorkClock()
    slices, evaluate = Trainer.slices, Trainer.evaluate

    def cost(trainer: Trainer, context_length: int) -> float:
        return 1e-5 * flops_per_token(trainer.config.model, trainer.vocabulary, context_length)

    def slow_slices(
        self: Trainer, lr_factor: float, context_length: int
    ) -> Iterator[float | StepResult]:
        for result in slices(self, lr_factor, context_length):
            clock.now += cost(self, context_length)
            yield result

    def slow_evaluate(self: Trainer, context_length: int) -> Iterator[float | Evaluation]:
        for result in evaluate(self, context_length):
            clock.now += 3 * cost(self, context_length)
            yield result

    monkeypatch.setattr(Trainer, "slices", slow_slices)
    monkeypatch.setattr(Trainer, "evaluate", slow_evaluate)
    config = tiny(
        verse_file,
        "model.context_length=64",
        "train.steps=300",
        "train.evaluation_interval=30",
        "train.context_warmup=0.7",
    )
    driver = Driver(clock).when(is_a(Saved), Close())
    events = driver.run(Open(config), Train())
    steps, end = of(events, StepDone), clock.now
    for event in steps[100:-30]:
        assert event.remaining == pytest.approx(end - event.elapsed, rel=0.1), event.step
