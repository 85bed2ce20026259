"""The queue of events from the engine thread to the screen.

The engine notifies the screen only when the queue was empty; the screen then takes everything that
has come since. So the engine never blocks on the screen, and a slow screen takes fewer, larger
batches. Their size is limited, so that a long history that is sent at once does not block the keys.
Steps of training can wait: the first event that cannot notifies the screen again.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from engine.protocol import Command, Event, StepDone, StepProgress

MAX_BATCH = 4_000
"""Events in a batch: some 20 ms of folding."""


class Engine(Protocol):
    """What the app needs of an engine: an EngineThread, or a recorded one in a test."""

    def start(self) -> None: ...

    def send(self, command: Command) -> None: ...

    def close(self, timeout: float | None = None) -> bool: ...


class Link:
    """Holds events until the screen takes them."""

    def __init__(self, notify: Callable[[], object]) -> None:
        """`notify` is called in the engine thread and must not block, like App.post_message."""
        self._notify = notify
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self.urgent = False
        """Whether something waits that is not a step of training."""

    def emit(self, event: Event) -> None:
        """Add an event (engine thread)."""
        with self._lock:
            first = not self._waiting
            self._waiting.append(event)
            now_urgent = not (self.urgent or isinstance(event, StepDone | StepProgress))
            self.urgent = self.urgent or now_urgent
        if first or now_urgent:
            self._notify()

    def drain(self) -> list[Event]:
        """Take the waiting events, oldest first (screen). If they are more than a batch, the screen
        is notified again for the rest."""
        with self._lock:
            size = min(MAX_BATCH, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(size)]
            more = self.urgent = bool(self._waiting)
        if more:
            self._notify()
        return taken
