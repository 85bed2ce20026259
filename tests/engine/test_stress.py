"""Whatever is pressed, and however fast, the engine ends in the state of the last press."""

import random
import threading
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import pytest
from driving import FakeClock, is_a, of, tiny
from listening import Listener, engine_threads, running

from engine.config import SampleConfig
from engine.protocol import (
    Close,
    Command,
    Evaluated,
    Event,
    Failed,
    Measure,
    Open,
    Opened,
    Pause,
    PhaseChanged,
    Sample,
    SampleDone,
    SampleStarted,
    Save,
    SetLearningRate,
    Step,
    StepDone,
    Stop,
    StopSample,
    TextSampled,
    Train,
)
from engine.session.session import Session
from engine.session.thread import EngineThread

pytestmark = [pytest.mark.thorough, pytest.mark.stress, pytest.mark.timeout(90)]


def finish_commands(listener: Listener, engine: EngineThread) -> None:
    """Wait until every command so far has been carried out."""
    engine.send(Sample(999, "The", SampleConfig(characters=1)))
    listener.until(is_a(SampleDone, sample_id=999))


@pytest.mark.parametrize("last", [Train(), Pause()])
def test_two_hundred_fast_presses(verse_file: Path, last: Train | Pause) -> None:
    before = set(threading.enumerate())
    dice = random.Random(1)
    with running() as (engine, listener):
        engine.send(Open(tiny(verse_file, "train.steps=1000000", "train.evaluation_interval=50")))
        for press in range(200):
            engine.send(Train() if press % 2 == 0 else Pause())
            if press % 2 == 0 and dice.random() < 0.3:
                listener.until(is_a(StepDone))
        engine.send(last)
        finish_commands(listener, engine)
        # No other thread was started.
        assert set(threading.enumerate()) - before == set(engine_threads())
        assert len(engine_threads()) == 1

    phases = [change.phase for change in of(listener.events, PhaseChanged)]
    assert phases[-1] == ("training" if last == Train() else "paused")
    assert all(one != other for one, other in pairwise(phases))
    assert of(listener.events, StepDone)[-1].step >= 20
    check(listener.events)
    assert set(threading.enumerate()) == before


def random_commands(dice: random.Random, corpus: object, count: int) -> list[Command]:
    config = tiny(corpus, "train.steps=30", "train.evaluation_interval=10")

    def one(number: int) -> Command:
        choices: list[Command] = [
            Train(),
            Train(),
            Train(),
            Pause(),
            Step(),
            Step(),
            Stop(),
            Save(),
            StopSample(),
            SetLearningRate(dice.choice([0.001, 0.02, 7.0])),
            Sample(number, dice.choice(["", "owl", "☃"]), SampleConfig(characters=40)),
            Sample(number, "mouse", SampleConfig(characters=300)),
        ]
        if number % 25 == 0:
            choices = [Open(config), Open(tiny("/no/such/text.txt")), Measure(config, 30)]
        return dice.choice(choices)

    return [Open(config), *(one(number) for number in range(1, count))]


class ImpatientInbox(SimpleQueue[Command]):
    """Hands out one command wherever the engine would sleep, then Close."""

    def __init__(self, waiting: list[Command]) -> None:
        self._waiting = waiting

    def next_one(self) -> None:
        """The next command arrives."""
        if self._waiting:
            self.put(self._waiting.pop(0))

    def get(self, block: bool = True, timeout: float | None = None) -> Command:
        if block and self.empty():
            self.put(self._waiting.pop(0) if self._waiting else Close(save=False))
        return super().get(block, timeout)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_commands(verse_file: Path, seed: int) -> None:
    """Commands arrive while events are emitted."""
    dice = random.Random(seed)
    waiting = random_commands(dice, verse_file, 80)
    inbox = ImpatientInbox(waiting)
    events: list[Event] = []

    def handle(event: Event) -> None:
        events.append(event)
        if dice.random() < 0.4:
            inbox.next_one()

    Session(handle, clock=FakeClock()).run(inbox)
    assert waiting == []
    assert len(of(events, StepDone)) > 10
    check(events)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_commands_on_the_thread(verse_file: Path, seed: int) -> None:
    """Bursts of commands, with events in between."""
    dice = random.Random(seed)
    with running() as (engine, listener):
        for command in random_commands(dice, verse_file, 120):
            engine.send(command)
            if isinstance(command, Sample):
                listener.until(is_a(SampleStarted))
        finish_commands(listener, engine)
    check(listener.events)


def check(events: list[Event]) -> None:
    """What holds for every list of events."""
    assert [e for e in of(events, Failed) if e.during not in ("open", "train")] == []
    step = 0
    phase = "untrained"
    open_sample: int | None = None
    for event in events:
        match event:
            case Opened():
                step, phase = event.step, event.phase
            case StepDone():
                assert event.step == step + 1
                step = event.step
            case Evaluated():
                assert event.step == step
            case PhaseChanged():
                assert event.phase != phase
                assert event.step == step
                phase = event.phase
            case SampleStarted():
                assert open_sample is None
                assert event.step == step
                open_sample = event.sample_id
            case TextSampled():
                assert event.sample_id == open_sample
            case SampleDone():
                assert event.sample_id == open_sample
                open_sample = None
            case _:
                pass


def test_a_thousand_starts_and_ends_leave_no_thread() -> None:
    before = set(threading.enumerate())
    for _ in range(1_000):
        engine = EngineThread(lambda _: None)
        engine.start()
        engine.send(Train())
        assert engine.close(60)
    assert set(threading.enumerate()) == before


def test_ten_thousand_pauses_save_only_what_is_new(verse_file: Path) -> None:
    events: list[Event] = []
    inbox: SimpleQueue[Command] = SimpleQueue()
    inbox.put(Open(tiny(verse_file, "train.steps=1000000")))
    for _ in range(10_000):
        inbox.put(Train())
        inbox.put(Pause())
    inbox.put(Step())

    def handle(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepDone):
            inbox.put(Close())

    Session(handle).run(inbox)
    assert len(of(events, StepDone)) == 1
    assert [event.phase for event in of(events, PhaseChanged)] == ["training", "paused"] * 10_000
    assert of(events, Failed) == []
