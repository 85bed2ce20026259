"""An engine thread under test: takes its events, holds it between ticks, and always ends it."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.protocol import Event
from engine.session.thread import EngineThread

TIMEOUT = 30
"""Seconds that a test waits for something that must happen."""


class Listener:
    """Collects the events of an engine thread, and waits for one."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.events: list[Event] = []

    def receive(self, event: Event) -> None:
        self._arrived.put(event)

    def until(self, happens: Callable[[Event], bool]) -> Event:
        """Wait for it; every event up to it is in `events` then."""
        while True:
            event = self._arrived.get(timeout=TIMEOUT)
            self.events.append(event)
            if happens(event):
                return event

    def so_far(self) -> list[Event]:
        """All events by now."""
        while not self._arrived.empty():
            self.events.append(self._arrived.get())
        return self.events


class Gate:
    """Lets the engine do one tick at a time; in between it is parked."""

    def __init__(self) -> None:
        self._tickets = threading.Semaphore(0)
        self._parked = threading.Semaphore(0)
        self._open = False

    def __call__(self) -> None:
        self._parked.release()
        if not self._open:
            assert self._tickets.acquire(timeout=TIMEOUT)

    def wait_until_parked(self) -> None:
        assert self._parked.acquire(timeout=TIMEOUT)

    def allow_one_tick(self) -> None:
        """Let it do one tick, and wait until it is parked again."""
        self._tickets.release()
        self.wait_until_parked()

    def open(self) -> None:
        """Hold it no longer."""
        self._open = True
        self._tickets.release()


@contextmanager
def running(gate: Gate | None = None) -> Iterator[tuple[EngineThread, Listener]]:
    """A started engine and its listener; at the end it must close, whatever it is doing."""
    listener = Listener()
    engine = EngineThread(listener.receive, gate) if gate else EngineThread(listener.receive)
    engine.start()
    try:
        yield engine, listener
    finally:
        if gate:
            gate.open()
        ended = engine.close(TIMEOUT)
    assert ended
    assert engine_threads() == []


def engine_threads() -> list[threading.Thread]:
    """The engine threads that are alive."""
    return [thread for thread in threading.enumerate() if thread.name == "engine"]
