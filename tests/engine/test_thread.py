"""The engine on its own thread: same events, start and close, no exception is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import is_a, of, only, run_to_end, timeless, tiny, transcript
from listening import TIMEOUT, Gate, engine_threads, running

from engine.protocol import (
    Close,
    Closed,
    Evaluated,
    Event,
    Failed,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    Sample,
    Saved,
    StepDone,
    TextSampled,
    Train,
)
from engine.session.thread import EngineThread
from engine.training.trainer import StepResult, Trainer

pytestmark = pytest.mark.timeout(30)


def without_name(event: Event) -> object:
    """The event without times, and without the name of the run, which is random."""
    match event:
        case Opened():
            return Opened, event.config, event.phase, event.parameters
        case Saved():
            return Saved, event.step
        case _:
            return timeless(event)


def test_the_thread_emits_what_the_session_emits(verse_file: Path) -> None:
    config = tiny(verse_file)
    with running() as (engine, listener):
        engine.send(Open(config))
        engine.send(Train())
        listener.until(is_a(Saved))
        engine.send(Close())
        listener.until(is_a(Closed))
    threaded = [without_name(event) for event in transcript(listener.events)]
    alone = [without_name(event) for event in transcript(run_to_end(Open(config), Train()))]
    assert threaded == [*alone, Closed()]
    assert len(of(listener.events, StepDone)) == 20


def test_a_held_gate_holds_the_engine(verse_file: Path) -> None:
    gate = Gate()
    with running(gate) as (engine, listener):
        engine.send(Open(tiny(verse_file)))
        engine.send(Train())
        gate.wait_until_parked()
        assert only(listener.so_far(), PhaseChanged).phase == "training"
        assert of(listener.events, Evaluated) == []
        while not of(listener.so_far(), Evaluated):
            gate.allow_one_tick()
        for steps in range(10):
            assert len(of(listener.so_far(), StepDone)) == steps
            gate.allow_one_tick()
        assert len(of(listener.so_far(), StepDone)) == 10


def test_closing_an_engine_that_was_never_started() -> None:
    assert EngineThread(print).close(0)
    assert engine_threads() == []


def test_closing_twice_and_sending_after_the_end_is_harmless() -> None:
    with running() as (engine, listener):
        assert engine.close(TIMEOUT)
        engine.send(Train())
        assert engine.close(TIMEOUT)
    assert listener.so_far() == [Closed()]


def test_closing_while_it_trains_joins_the_thread(verse_file: Path) -> None:
    with running() as (engine, listener):
        engine.send(Open(tiny(verse_file, "train.steps=1000000")))
        engine.send(Train())
        listener.until(is_a(StepDone))
        assert len(engine_threads()) == 1
        assert engine.close(TIMEOUT)
        assert engine_threads() == []
    assert listener.so_far()[-1] == Closed()
    assert of(listener.events, Failed) == []


def test_closing_while_it_samples_joins_the_thread(verse_file: Path) -> None:
    config = tiny(verse_file, "sample.characters=1000000")
    with running() as (engine, listener):
        engine.send(Open(config))
        engine.send(Sample(1, "The", config.sample))
        listener.until(is_a(TextSampled))
    assert listener.so_far()[-1] == Closed()
    assert of(listener.events, Failed) == []


def test_close_saves_where_it_stands(verse_file: Path) -> None:
    with running() as (engine, listener):
        engine.send(Open(tiny(verse_file, "train.steps=1000000")))
        engine.send(Train())
        listener.until(is_a(StepDone))
        engine.send(Close())
        listener.until(is_a(Closed))
    assert only(listener.events, Saved).step == of(listener.events, StepDone)[-1].step


def test_after_an_exception_in_the_engine_the_run_can_be_opened_again(
    verse_file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices = Trainer.slices

    def explode(
        self: Trainer, progress: float, context_length: int
    ) -> Iterator[float | StepResult]:
        if self.step_number == 12:
            raise KeyError("nobody thought of this")
        return slices(self, progress, context_length)

    monkeypatch.setattr(Trainer, "slices", explode)
    with running() as (engine, listener):
        engine.send(Open(tiny(verse_file)))
        engine.send(Train())
        listener.until(is_a(Failed))
        monkeypatch.undo()
        monkeypatch.setenv("TINYGPT_HOME", str(home))
        engine.send(OpenRun(only(listener.events, Opened).run))
        engine.send(Train())
        listener.until(is_a(Saved))
    failed = only(listener.events, Failed)
    assert failed.during == "engine"
    (log,) = (home / "log").iterdir()
    assert failed.message.startswith(
        "The engine stopped: KeyError: 'nobody thought of this' (in explode, line "
    )
    assert failed.message.endswith(
        f"; details in {log}). Space opens the run as it was saved last."
    )
    assert "Traceback (most recent call last)" in log.read_text(encoding="utf-8")
    assert [event.step for event in of(listener.events, Opened)] == [0, 10]
    assert only(listener.events, Saved).step == 20


def test_a_bad_corpus_does_not_end_the_thread(verse_file: Path) -> None:
    with running() as (engine, listener):
        engine.send(Open(tiny("/no/such/text.txt")))
        listener.until(is_a(Failed))
        engine.send(Open(tiny(verse_file)))
        listener.until(is_a(Evaluated))
