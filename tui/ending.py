"""The signals by which a program is told to end, and what it answers."""

import signal

EXIT_SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)
]


def exit_code(number: int) -> int:
    """What a shell calls the end of a program by this signal."""
    return 128 + number
