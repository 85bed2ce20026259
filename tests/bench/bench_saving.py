"""What it costs to lose nothing: steps a second of a run that is kept, over one that is not."""

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
"""Two exams, and so checkpoints, beside those at the start."""


class Unkept(Recorder):
    """Writes nothing."""

    def record(self, event: Event) -> None:
        """Forget it."""

    def start_writing(self) -> None:
        """Keep the disk as it is."""

    def checkpoint(self, progress: object) -> None:
        """Keep nothing."""

    def flush(self) -> None:
        """There is nothing to hand on."""


def test_steps_per_second_of_a_run_that_is_kept(
    text: Path, tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYGPT_HOME", str(tmp_path))
    ratios = []
    for number in range(PAIRS):
        seconds = {}
        for keeper in (Recorder, Unkept) if number % 2 else (Unkept, Recorder):
            monkeypatch.setattr(active_run, "Recorder", keeper)
            seconds[keeper] = seconds_of_a_run(text)
        ratios.append(seconds[Unkept] / seconds[Recorder])
    told = ", ".join(f"{ratio:.3f}" for ratio in ratios)
    table.row("steps/s kept, over steps/s not kept", f"{median(ratios):.3f} ({told})", "0.98")


def seconds_of_a_run(text: Path) -> float:
    """From the word to train until its end, exams included."""
    inbox: SimpleQueue[Command] = SimpleQueue()
    moments: dict[str, float] = {}

    def hear(event: Event) -> None:
        assert not isinstance(event, Failed), event
        if isinstance(event, PhaseChanged):
            moments[event.phase] = perf_counter()
            if event.phase == "done":
                inbox.put(Close())

    inbox.put(Open(config_of(text, *SETTINGS)))
    inbox.put(Train())
    Session(hear).run(inbox)
    return moments["done"] - moments["training"]
