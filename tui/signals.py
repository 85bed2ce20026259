"""What the system asks of the app: to end in order, or at once when it asks again."""

import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Timer
from types import FrameType
from typing import Any

from tui.ending import EXIT_SIGNALS, exit_code

if sys.platform != "win32":
    import termios

STANDARD_ERROR = 2
"""Where Textual draws; `sys.stderr` is another while it does."""
NORMAL = b"".join(
    b"\x1b[" + code
    for code in (
        *(b"?1000l", b"?1002l", b"?1003l", b"?1006l", b"?1015l"),  # no mouse
        *(b"?2004l", b"?1004l", b"?2048l"),  # no news of pastes, focus, sizes
        *(b"?7h", b"<u"),  # lines wrap, keys as they are
        *(b"?1049l", b"?25h"),  # the screen from before, a cursor
    )
)
"""What gives a terminal back as Textual found it."""


def modes() -> list[Any] | None:
    """The terminal's modes now; None where there is none."""
    if sys.platform != "win32":
        with suppress(termios.error, OSError):
            return termios.tcgetattr(sys.stdin)
    return None


class SignalGuard:
    """While it is watched for: the first signal to end calls `begin`, and the process ends after
    so many seconds in any case; a second one ends it at once.

    Not by the event loop: where a terminal has gone, the loop may wait for it for ever.
    """

    def __init__(self, begin: Callable[[int], None], seconds: float) -> None:
        """To be made while the terminal is as it was found. `begin` takes the signal's number, in
        the middle of anything."""
        self._begin = begin
        self._seconds = seconds
        self._number = 0
        self._modes = modes()
        self._before: dict[int, Any] = {}

    def watch(self) -> None:
        """Begin to watch; in the main thread."""
        self._before = {number: signal.signal(number, self._came) for number in EXIT_SIGNALS}

    def look_at_terminal(self) -> None:
        """End where the terminal has gone and no signal has told so (there is none where it does
        not control this program): reading from it would spin."""
        if sys.platform != "win32" and _hung_up(sys.stdin.fileno()):
            signal.raise_signal(signal.SIGHUP)

    def forget(self) -> None:
        """Watch no more."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _came(self, number: int, _frame: FrameType | None) -> None:
        if self._number:
            self._leave()
        self._number = number
        timer = Timer(self._seconds, self._leave)
        timer.daemon = True
        timer.start()
        self._begin(number)

    def _leave(self) -> None:
        # Writing to a terminal that has gone may take for ever.
        restoring = Timer(0, self._restore)
        restoring.daemon = True
        restoring.start()
        restoring.join(0.3)
        os._exit(exit_code(self._number))

    def _restore(self) -> None:
        with suppress(OSError):
            os.write(STANDARD_ERROR, NORMAL)
        if sys.platform != "win32" and self._modes is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._modes)


def _hung_up(terminal: int) -> bool:
    """Whether the other end of a terminal is closed."""
    poll = select.poll()
    poll.register(terminal, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
