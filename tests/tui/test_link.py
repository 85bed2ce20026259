"""The doorbell: rung once for many events, and nothing is lost."""

import sys
import threading
from collections.abc import Iterator

import pytest
from recording import opened, step_done

from engine.protocol import Event, Excerpt
from tui.link import MAX_BATCH, Link


def test_it_rings_once_for_many_events() -> None:
    rings: list[None] = []
    link = Link(lambda: rings.append(None))

    for step in range(100):
        link.emit(step_done(step, 1.0))

    assert len(rings) == 1
    assert link.drain() == [step_done(step, 1.0) for step in range(100)]


def test_it_rings_again_once_everything_was_taken() -> None:
    rings: list[None] = []
    link = Link(lambda: rings.append(None))

    link.emit(opened())
    link.drain()
    link.emit(opened())

    assert len(rings) == 2


def test_a_long_history_is_taken_in_helpings() -> None:
    rings: list[None] = []
    link = Link(lambda: rings.append(None))
    history = [step_done(step, 1.0) for step in range(2 * MAX_BATCH + 1)]

    for event in history:
        link.emit(event)
    taken = []
    while len(rings) > len(taken):  # each ring is answered
        taken.append(link.drain())

    assert [len(helping) for helping in taken] == [MAX_BATCH, MAX_BATCH, 1]
    assert [event for helping in taken for event in helping] == history


def test_nothing_waits_twice() -> None:
    link = Link(lambda: None)
    link.emit(opened())

    assert link.drain() == [opened()]
    assert link.drain() == []


def test_the_bell_may_be_answered_while_it_rings() -> None:
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
    bell = threading.Semaphore(0)
    link = Link(bell.release)
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
        assert bell.acquire(timeout=30), "events wait, and the bell did not ring"
        for event in link.drain():
            assert isinstance(event, Excerpt)
            taken.append(event)
    for thread in threads:
        thread.join()

    assert link.drain() == []
    for writer in range(writers):
        order = [event.step for event in taken if event.prompt == str(writer)]
        assert order == list(range(each))
