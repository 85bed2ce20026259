"""Standard input as a text, and the terminal in its place."""

import os
import sys
from contextlib import suppress
from functools import cache

from data.raw_bytes import MAX_BYTES, TAKE_A_PART, check_size

_CHUNK_BYTES = 1 << 20


@cache
def read_standard_input() -> bytes:
    """All bytes of standard input, read once: another run may be started on the same text.

    Raises ValueError, with a user-facing message, if it is a terminal or cannot be read.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError(
            "Standard input (-) is no text here: pipe one into the program, as in "
            "cat letters.txt | tinygpt-tui train -"
        )
    chunks: list[bytes] = []
    length = 0
    try:
        while chunk := sys.stdin.buffer.read(_CHUNK_BYTES):
            chunks.append(chunk)
            length += len(chunk)
            check_size(length, "standard input", TAKE_A_PART, MAX_BYTES)
    except OSError as error:
        raise ValueError(f"Standard input cannot be read: {error.strerror}.") from error
    return b"".join(chunks)


def keys_from_terminal() -> None:
    """Once the piped text has been read, have standard input be the terminal that standard error
    is, if it is one: the app reads its keys from there."""
    with suppress(OSError):
        terminal = os.open(os.ttyname(sys.stderr.fileno()), os.O_RDWR)
        os.dup2(terminal, sys.stdin.fileno())
        os.close(terminal)
