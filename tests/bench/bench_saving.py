"""What saving costs: steps a second of a run that is saved, over one that is not."""

from pathlib import Path
from queue import SimpleQueue
from statistics import median
from time import perf_counter

import pytest
from building import config_of
from figures import Table

from engine.protocol import Close, Command, Event, Failed, Open, PhaseChanged, Train
from engine.session import active_run
from engine.session.session import Session
from engine.storage.recorder import Recorder

PAIRS = 5
SETTINGS = ("train.steps=500", "train.context_warmup=0")
"""Two evaluations, and so checkpoints, after those at the start."""


class NoRecorder(Recorder):
    """Writes nothing."""

    def record(self, event: Event) -> None:
        """Record nothing."""

    def start_writing(self) -> None:
        """Start nothing."""

    def checkpoint(self, progress: object) -> None:
        """Save nothing."""

    def flush(self) -> None:
        """There is nothing to write."""


def test_steps_per_second_of_a_run_that_is_saved(
    text: Path, tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path))
    ratios = []
    for number in range(PAIRS):
        seconds = {}
        for recorder in (Recorder, NoRecorder) if number % 2 else (NoRecorder, Recorder):
            monkeypatch.setattr(active_run, "Recorder", recorder)
            seconds[recorder] = seconds_of_a_run(text)
        ratios.append(seconds[NoRecorder] / seconds[Recorder])
    listed = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    table.row("steps/s saved, over steps/s not saved", f"{median(ratios):.3f} ({listed})", "0.98")


def seconds_of_a_run(text: Path) -> float:
    """From the command to train until its end, evaluations included."""
    inbox: SimpleQueue[Command] = SimpleQueue()
    moments: dict[str, float] = {}

    def handle(event: Event) -> None:
        assert not isinstance(event, Failed), event
        if isinstance(event, PhaseChanged):
            moments[event.phase] = perf_counter()
            if event.phase == "done":
                inbox.put(Close())

    inbox.put(Open(config_of(text, *SETTINGS)))
    inbox.put(Train())
    Session(handle).run(inbox)
    return moments["done"] - moments["training"]
