"""The doorbell between the engine thread and the screen.

The engine rings only when nothing waits; the screen then takes all that has come since. So the
engine never blocks on the screen, and a slow screen gets fewer, larger helpings: up to a size, so that a
long history that is told at once does not hold up the keys.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from engine.protocol import Command, Event

MAX_BATCH = 4_000
"""Events at most: some 20 ms of folding."""


class Engine(Protocol):
    """What the app needs of an engine: an EngineThread, or a recording in a test."""

    def start(self) -> None: ...

    def send(self, command: Command) -> None: ...

    def close(self, timeout: float | None = None) -> bool: ...


class Link:
    """Events wait here until the screen takes them."""

    def __init__(self, notify: Callable[[], object]) -> None:
        """`notify` is called in the engine thread and must not block: App.post_message, say."""
        self._notify = notify
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()

    def emit(self, event: Event) -> None:
        """Leave an event (engine thread)."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(event)
        if first:
            self._notify()

    def drain(self) -> list[Event]:
        """What has come since the last time, the oldest first (screen). Where that is more than a
        helping, the bell rings for the rest."""
        with self._lock:
            helping = min(MAX_BATCH, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(helping)]
            more = bool(self._waiting)
        if more:
            self._notify()
        return taken
