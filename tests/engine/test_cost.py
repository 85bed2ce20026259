"""A run that does not fit in memory is refused before it starts; running out later is reported."""

from pathlib import Path

import pytest
import torch
from driving import Driver, is_a, of, only, tiny

from engine.protocol import (
    Close,
    Failed,
    Measure,
    Measured,
    Open,
    Opened,
    OpenRun,
    StepDone,
    Train,
)
from engine.training import cost
from engine.training.trainer import Trainer

pytestmark = pytest.mark.timeout(30)

GIANT = ("model.n_embd=2048", "model.n_layer=48", "train.batch_size=4096")


def test_a_giant_is_refused_before_anything_is_built(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "_free", lambda _: 8_000_000_000)
    events = Driver().run(Open(tiny(verse_file, *GIANT)), Close())
    message = only(events, Failed).message
    assert message.startswith("This run would need about 65.4 GB")
    assert message.endswith(
        "GB of memory, and 8.0 GB are free: take a smaller preset, width, context or batch."
    )


def test_its_cost_is_not_measured_either(verse_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "_free", lambda _: 8_000_000_000)
    giant = tiny(verse_file, *GIANT)
    events = Driver().run(
        Open(tiny(verse_file)), Measure(giant), Measure(tiny(verse_file)), Close()
    )
    assert "of memory, and 8.0 GB are free" in only(events, Failed).message
    assert only(events, Failed).during == "measure"
    assert only(events, Measured)


def test_free_memory_here_is_enough_for_a_small_run() -> None:
    assert cost._free(torch.device("cpu")) > 1e8


def test_running_out_of_memory_in_a_step_is_reported_and_the_run_can_be_opened_again(
    verse_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Trainer.step

    def step(trainer: Trainer, progress: float, context_length: int) -> object:
        if trainer.step_number == 13:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return sound(trainer, progress, context_length)

    monkeypatch.setattr(Trainer, "step", step)
    driver = Driver().when(is_a(Failed), Train(), Close())
    events = driver.run(Open(tiny(verse_file)), Train())
    failed = only(events, Failed)
    assert failed.during == "engine"
    assert failed.message.startswith("The memory ran out.")

    monkeypatch.setattr(Trainer, "step", sound)
    name = only(events, Opened).run
    again = Driver().when(is_a(StepDone, step=20), Close()).run(OpenRun(name), Train())
    assert [event.step for event in of(again, StepDone)] == list(range(1, 21))
