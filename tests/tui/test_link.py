"""The queue of events: one notification for many events, and nothing is lost."""

import sys
import threading
from collections.abc import Iterator

import pytest
from looking import Opener
from recording import PROMPT, opened, step_done, untrained

from engine.protocol import Busy, Event, Excerpt, PhaseChanged, StepDone
from tui.link import MAX_BATCH, PROGRESS_WAITS, STEPS_WAIT, Link


def test_it_rings_once_for_many_events() -> None:
    notified: list[None] = []
    link = Link(lambda: notified.append(None))

    for step in range(100):
        link.emit(step_done(step, 1.0))

    assert len(notified) == 1
    assert link.drain() == [step_done(step, 1.0) for step in range(100)]


def test_what_cannot_wait_rings_again_after_steps_that_can() -> None:
    notified: list[None] = []
    link = Link(lambda: notified.append(None))

    for event in (step_done(1), step_done(2), Busy("evaluating", 0.5), Busy("evaluating", 0.6)):
        link.emit(event)
    assert (len(notified), link.patience) == (2, PROGRESS_WAITS)
    for _ in range(2):
        link.emit(opened())
    assert (len(notified), link.patience) == (3, 0.0)
    link.drain()
    link.emit(step_done(3))
    assert (len(notified), link.patience) == (4, STEPS_WAIT)


def test_it_rings_again_once_everything_was_taken() -> None:
    notified: list[None] = []
    link = Link(lambda: notified.append(None))

    link.emit(opened())
    link.drain()
    link.emit(opened())

    assert len(notified) == 2


def test_a_long_history_is_taken_in_batches() -> None:
    notified: list[None] = []
    link = Link(lambda: notified.append(None))
    history = [step_done(step, 1.0) for step in range(2 * MAX_BATCH + 1)]

    for event in history:
        link.emit(event)
    taken: list[list[Event]] = []
    while len(notified) > len(taken):  # each notification is answered
        taken.append(link.drain())

    assert [len(batch) for batch in taken] == [MAX_BATCH, MAX_BATCH, 1]
    assert [event for batch in taken for event in batch] == history


def test_nothing_waits_twice() -> None:
    link = Link(lambda: None)
    link.emit(opened())

    assert link.drain() == [opened()]
    assert link.drain() == []


def test_events_may_be_taken_during_the_notification() -> None:
    taken: list[Event] = []
    link = Link(lambda: taken.extend(link.drain()))

    link.emit(step_done(1))
    link.emit(step_done(2))

    assert taken == [step_done(1), step_done(2)]


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hasty")
def test_of_several_threads_nothing_is_lost_and_the_order_of_each_is_kept() -> None:
    writers, each = 8, 2_000
    notified = threading.Semaphore(0)
    link = Link(notified.release)
    start = threading.Barrier(writers + 1)

    def write(writer: int) -> None:
        start.wait()
        for number in range(each):
            link.emit(Excerpt(number, str(writer), ""))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    start.wait()
    taken: list[Excerpt] = []
    while len(taken) < writers * each:
        assert notified.acquire(timeout=30), "events wait, and there was no notification"
        for event in link.drain():
            assert isinstance(event, Excerpt)
            taken.append(event)
    for thread in threads:
        thread.join()

    assert link.drain() == []
    for writer in range(writers):
        order = [event.step for event in taken if event.prompt == str(writer)]
        assert order == list(range(each))


async def test_steps_of_training_wait_for_the_next_update(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each update takes time from training. What is not a step comes at once, with them."""
    async with desk(*untrained(), PhaseChanged("training", 0)) as it:
        monkeypatch.setattr(
            "tui.link.patience_of", lambda event: 3_600.0 * isinstance(event, StepDone)
        )
        for step in (1, 2):
            it.engine.emit(step_done(step))
        await it.pilot.pause()
        assert it.app.state.step == 0
        it.engine.emit(Excerpt(2, PROMPT, "a sample"))
        await it.sees("step 2 / 2,000", "a sample")
