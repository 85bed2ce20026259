"""The doorbell between the engine thread and the screen.

The engine rings only when nothing waits; the screen then takes all that has come since. So the
engine never blocks on the screen, and a slow screen gets fewer, larger helpings.
"""

import threading
from collections.abc import Callable
from typing import Protocol

from engine.protocol import Command, Event


class Engine(Protocol):
    """What the app needs of an engine: an EngineThread, or a recording in a test."""

    def start(self) -> None: ...

    def send(self, command: Command) -> None: ...

    def close(self, timeout: float | None = None) -> bool: ...


class Link:
    """Events wait here until the screen takes them."""

    def __init__(self, ring: Callable[[], object]) -> None:
        """`ring` is called in the engine thread and must not block: App.post_message, say."""
        self._ring = ring
        self._lock = threading.Lock()
        self._waiting: list[Event] = []

    def emit(self, event: Event) -> None:
        """Leave an event (engine thread)."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(event)
        if first:
            self._ring()

    def take(self) -> list[Event]:
        """All that has come since the last time (screen)."""
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken
