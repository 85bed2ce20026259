"""The engine on its own thread: start, send, close.

A daemon thread that is inside torch at exit aborts the process, and a Textual worker cannot be
cancelled: this thread is asked to close, and joined.
"""

import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from data.home import home
from engine.protocol import Close, Closed, Command, Event, Failed

if TYPE_CHECKING:
    from engine.session.session import Session


class EngineThread:
    """Runs a Session. Commands may be sent from any thread; events are emitted in its own."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        gate: Callable[[], None] = lambda: None,
        *,
        saving: bool = True,
        follows: bool = False,
    ) -> None:
        """`emit` must return quickly, since training waits for it. `gate`, `saving` and `follows`:
        as for `Session`."""
        self._emit = emit
        self._gate = gate
        self._saving = saving
        self._follows = follows
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._thread = threading.Thread(target=self._main, name="engine")

    def start(self) -> None:
        """Start the thread. It imports torch with the first run."""
        self._thread.start()

    def send(self, command: Command) -> None:
        """Queue a command; what comes of it is emitted as events."""
        self._inbox.put(command)

    def close(self, timeout: float | None = None) -> bool:
        """Close without saving, unless it has closed, and wait; False if the timeout ran out first."""
        if self._thread.ident is None:
            return True
        self.send(Close(save=False))
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        from engine.session.session import Session  # not before the first paint

        try:
            while not self._run_until_closed(
                Session(self._emit, gate=self._gate, saving=self._saving, follows=self._follows)
            ):
                pass
        finally:
            self._emit(Closed())

    def _run_until_closed(self, session: "Session") -> bool:
        """False if it ended with an unexpected error: a new session can open the run again."""
        try:
            session.run(self._inbox)
        # The top of the thread: an exception would be lost here.
        except Exception as error:  # noqa: BLE001
            where = traceback.extract_tb(error.__traceback__)[-1]
            log = write_log(error)
            self._emit(
                Failed(
                    f"The engine stopped: {type(error).__name__}: {error} "
                    f"(in {where.name}, line {where.lineno}"
                    f"{f'; details in {log}' if log else ''}). "
                    "Space opens the run as it was saved last.",
                    "engine",
                )
            )
            return False
        return True


def write_log(error: BaseException) -> Path | None:
    """Write a traceback to a log file; its path, or None if that failed."""
    folder = home() / "log"
    path = folder / time.strftime("%Y-%m-%d_%H%M%S.txt")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
    except OSError:
        return None
    return path
