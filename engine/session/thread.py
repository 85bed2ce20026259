"""The engine on a thread of its own, with an explicit life: start, send, close.

A daemon thread inside torch at exit aborts the process, and a worker that cannot be cancelled
hangs it: so this one is told to close, and joined.
"""

import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from engine.protocol import Close, Closed, Command, Event, Failed
from engine.storage.paths import home

if TYPE_CHECKING:
    from engine.session.session import Session


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
        from engine.session.session import Session

        try:
            while not self._worked_to_the_end(Session(self._emit, gate=self._gate)):
                pass
        finally:
            self._emit(Closed())

    def _worked_to_the_end(self, session: "Session") -> bool:
        """Work until Close: True. After an error of ours: False; a run can be opened anew then."""
        try:
            session.run(self._inbox)
        # The top of the thread: nobody above would see it.
        except Exception as error:  # noqa: BLE001
            where = traceback.extract_tb(error.__traceback__)[-1]
            log = write_log(error)
            self._emit(
                Failed(
                    f"The engine stopped: {type(error).__name__}: {error} "
                    f"(in {where.name}, line {where.lineno}"
                    f"{f'; all of it in {log}' if log else ''}). "
                    "Space opens the run as it was saved last.",
                    "engine",
                )
            )
            return False
        return True


def write_log(error: BaseException) -> Path | None:
    """Write down where an error came from, for whoever mends it; the file, if there is one."""
    folder = home() / "log"
    path = folder / time.strftime("%Y-%m-%d_%H%M%S.txt")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
    except OSError:
        return None
    return path
