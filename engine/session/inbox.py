"""The commands to a session, which it also looks at while it is busy."""

from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue

from engine.protocol import Close, Command, StopReading


class Inbox:
    """Hands out the commands of a queue in order."""

    def __init__(self, queue: SimpleQueue[Command]) -> None:
        self._queue = queue
        self._waiting: deque[Command] = deque()
        """Those that were looked at, and are not handed out yet."""

    def next(self, timeout: float | None) -> Command | None:
        """The next command; None if none comes within so many seconds. None: wait for one."""
        if self._waiting:
            return self._waiting.popleft()
        with suppress(Empty):
            return self._queue.get(block=timeout != 0, timeout=timeout or None)
        return None

    def asks_to_end(self) -> bool:
        """Whether a command has come that ends the reading of a text."""
        with suppress(Empty):
            while True:
                self._waiting.append(self._queue.get(block=False))
        return any(isinstance(command, Close | StopReading) for command in self._waiting)

    def skip_to_close(self) -> bool:
        """Leave out what has come, but for a command to close, and what comes after it; whether
        there is one."""
        while self._waiting and not isinstance(self._waiting[0], Close):
            self._waiting.popleft()
        return bool(self._waiting)
