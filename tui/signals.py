"""What the system asks of the app: to end, in order, or at once when it asks again."""

import asyncio
import os
import signal
from collections.abc import Callable

ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
)


def exit_code(number: int) -> int:
    """What a shell calls the end of a program by this signal."""
    return 128 + number


def on_ending(end: Callable[[int], None], at_once: Callable[[], None]) -> None:
    """From now on the first such signal calls `end` with its number, in the running loop; a second
    one calls `at_once` and ends the process."""
    if os.name != "posix":  # elsewhere a loop takes no signals
        return
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def handle(number: int) -> None:
        came.append(number)
        if len(came) == 1:
            end(number)
        else:
            at_once()
            os._exit(exit_code(number))

    for number in ENDING:
        loop.add_signal_handler(number, handle, number)
