"""Signals that end the program: saved and in order on the first, at once on the second."""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from types import FrameType
from typing import Any

if sys.platform != "win32":
    import termios

EXIT_SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
]
STANDARD_ERROR = 2
"""The file descriptor on which Textual draws; it replaces `sys.stderr` while it does."""


def exit_code(number: int) -> int:
    """The exit code by which a shell reports that this signal ended a program."""
    return 128 + number


@contextmanager
def on_exit_signal(act: Callable[[int], None]) -> Iterator[None]:
    """Meanwhile the first signal to end calls `act`, in a signal handler, with the exit code for it;
    the second ends the process at once. In the main thread."""
    received = False

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal received
        if received:
            os._exit(exit_code(number))
        received = True
        act(exit_code(number))

    before = {number: signal.signal(number, on_signal) for number in EXIT_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class SignalGuard:
    """Between `watch` and `forget`, the first signal to end calls `begin`, and the process ends
    within a time limit whatever `begin` does; a second signal ends it at once.

    It does not use the event loop's signal handlers: with the terminal gone, the loop may block on
    it for ever.
    """

    def __init__(self, begin: Callable[[int], None], seconds: float, reset: bytes) -> None:
        """Make it before the terminal's modes are changed: they are put back from here.

        `begin` takes the signal's number, in a signal handler. `seconds` is the time limit.
        `reset` is written to the terminal at the end.
        """
        self._begin = begin
        self._seconds = seconds
        self._reset = reset
        self._number = 0
        self._modes = _terminal_modes()
        self._before: dict[int, Any] = {}

    def watch(self) -> None:
        """Install the handlers; in the main thread."""
        self._before = {number: signal.signal(number, self._handle) for number in EXIT_SIGNALS}

    def look_at_terminal(self) -> None:
        """Raise SIGHUP if the terminal has gone, unless the program is ending already.

        No signal reports that where the terminal does not control this process, and reading from
        it would then spin.
        """
        if sys.platform != "win32" and not self._number and _hung_up(sys.stdin.fileno()):
            signal.raise_signal(signal.SIGHUP)

    def forget(self) -> None:
        """Put the handlers from before back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._number:
            self._exit()
        self._number = number
        timer = Timer(self._seconds, self._exit)
        timer.daemon = True
        timer.start()
        self._begin(number)

    def _exit(self) -> None:
        # In a thread, since writing to a terminal that has gone may block for ever.
        restoring = Timer(0, self._restore_terminal)
        restoring.daemon = True
        restoring.start()
        restoring.join(0.3)
        os._exit(exit_code(self._number))

    def _restore_terminal(self) -> None:
        with suppress(OSError):
            os.write(STANDARD_ERROR, self._reset)
        if sys.platform != "win32" and self._modes is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._modes)


def _terminal_modes() -> list[Any] | None:
    """The terminal's modes now; None where there is no terminal."""
    if sys.platform != "win32":
        with suppress(termios.error, OSError):
            return termios.tcgetattr(sys.stdin)
    return None


def _hung_up(terminal: int) -> bool:
    """Whether the other end of a terminal is closed."""
    poll = select.poll()
    poll.register(terminal, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
