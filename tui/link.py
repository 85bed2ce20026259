"""The queue of events from the engine thread to the screen.

The engine notifies the screen of the first event in the queue, and again only of one that can wait
less than all before it; the screen then takes everything that has come since. So the engine never
blocks on the screen, and a slow screen takes fewer, larger batches. Their size is limited, so that a
long history that is sent at once does not block the keys. Steps of training can wait, and the
progress of longer work for a moment.
"""

import threading
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Protocol

from engine.protocol import Busy, Command, Event, StepDone, StepProgress

MAX_BATCH = 4_000
"""Events in a batch: some 20 ms of folding."""
STEPS_WAIT, PROGRESS_WAITS = 1.0, 0.25
"""Seconds that steps, and the progress of longer work, can wait: each update of the screen takes time
from training."""


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
        self.patience = inf
        """Seconds for which all that is waiting can wait."""

    def emit(self, event: Event) -> None:
        """Add an event (engine thread)."""
        with self._lock:
            self._waiting.append(event)
            patience = patience_of(event)
            notifies = patience < self.patience
            self.patience = min(patience, self.patience)
        if notifies:
            self._notify()

    def drain(self) -> list[Event]:
        """Take the waiting events, oldest first (screen). If they are more than a batch, the screen
        is notified again for the rest."""
        with self._lock:
            size = min(MAX_BATCH, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(size)]
            more = bool(self._waiting)
            self.patience = 0.0 if more else inf
        if more:
            self._notify()
        return taken


def patience_of(event: Event) -> float:
    """Seconds that an event can wait while a run trains."""
    match event:
        case StepDone() | StepProgress():
            return STEPS_WAIT
        case Busy(done=done) if done > 0:
            return PROGRESS_WAITS
        case _:
            return 0.0
