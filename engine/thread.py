"""The engine on a thread of its own, with an explicit life: start, send, close.

A daemon thread inside torch at exit aborts the process, and a worker that cannot be cancelled
hangs it: so this one is told to close, and joined.
"""

import threading
import traceback
from collections.abc import Callable
from queue import SimpleQueue

from engine.protocol import Close, Closed, Command, Event, Failed


class EngineThread:
    """Runs a Session; commands may be sent from any thread, events come from the engine's."""

    def __init__(
        self, emit: Callable[[Event], None], gate: Callable[[], None] = lambda: None
    ) -> None:
        """`emit` is called in the engine thread and must return quickly."""
        self._emit = emit
        self._gate = gate
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._thread = threading.Thread(target=self._main, name="engine")

    def start(self) -> None:
        """Start the thread; torch is imported in it when the first run is opened."""
        self._thread.start()

    def send(self, command: Command) -> None:
        """Ask for something; the answer is events."""
        self._inbox.put(command)

    def close(self, timeout: float | None = None) -> bool:
        """End without saving, if it has not ended, and wait; whether it has ended in time."""
        if self._thread.ident is None:
            return True
        self.send(Close(save=False))
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        from engine.session import Session

        try:
            Session(self._emit, gate=self._gate).run(self._inbox)
        # The top of the thread: nobody above would see it.
        except Exception as error:  # noqa: BLE001
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._emit(
                Failed(
                    f"The engine stopped: {type(error).__name__}: {error} "
                    f"(in {where.name}, line {where.lineno}).",
                    "engine",
                )
            )
        finally:
            self._emit(Closed())
