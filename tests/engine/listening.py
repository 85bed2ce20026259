"""An engine thread under test: hears what it tells, holds it, and always ends it."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.protocol import Event
from engine.session.thread import EngineThread

PATIENCE = 30
"""Seconds that a test waits for something that must happen."""


class Listener:
    """Takes the events of an engine thread, and waits for one."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.events: list[Event] = []

    def hear(self, event: Event) -> None:
        self._arrived.put(event)

    def until(self, happens: Callable[[Event], bool]) -> Event:
        """Wait for it; every event up to it is in `events` then."""
        while True:
            event = self._arrived.get(timeout=PATIENCE)
            self.events.append(event)
            if happens(event):
                return event

    def so_far(self) -> list[Event]:
        """All that has been told by now."""
        while not self._arrived.empty():
            self.events.append(self._arrived.get())
        return self.events


class Gate:
    """Lets the engine do one tick of work at a time; between two it is parked."""

    def __init__(self) -> None:
        self._tickets = threading.Semaphore(0)
        self._parked = threading.Semaphore(0)
        self._open = False

    def __call__(self) -> None:
        self._parked.release()
        if not self._open:
            assert self._tickets.acquire(timeout=PATIENCE)

    def wait_until_parked(self) -> None:
        assert self._parked.acquire(timeout=PATIENCE)

    def let_one_through(self) -> None:
        """And wait until the engine is parked again."""
        self._tickets.release()
        self.wait_until_parked()

    def open(self) -> None:
        """Hold nobody any more."""
        self._open = True
        self._tickets.release()


@contextmanager
def running(gate: Gate | None = None) -> Iterator[tuple[EngineThread, Listener]]:
    """A started engine and its listener; at the end it must close, whatever it was doing."""
    listener = Listener()
    engine = EngineThread(listener.hear, gate) if gate else EngineThread(listener.hear)
    engine.start()
    try:
        yield engine, listener
    finally:
        if gate:
            gate.open()
        ended = engine.close(PATIENCE)
    assert ended
    assert engine_threads() == []


def engine_threads() -> list[threading.Thread]:
    """The engine threads that are alive."""
    return [thread for thread in threading.enumerate() if thread.name == "engine"]
