"""A command in a pseudo-terminal, whose output a terminal emulator turns into a screen."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic

import pyte

DEADLINE = 60.0
"""Seconds to wait for a screen before the test fails."""


class Terminal:
    """Starts a command, types to it, and waits for what its screen shows."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int,
        lines: int,
        env: dict[str, str],
        cwd: str,
        controls: bool = True,
    ) -> None:
        """`controls`: whether it is the controlling terminal, which sends SIGHUP when it closes."""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._slave = slave
        self.modes_before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": "", **env},
            start_new_session=True,
            preexec_fn=partial(fcntl.ioctl, slave, termios.TIOCSCTTY, 0) if controls else None,
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._master >= 0:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as closing its window does."""
        os.close(self._slave)
        os.close(self._master)
        self._master = -1

    @property
    def modes(self) -> list[object]:
        """The terminal's modes now, to compare with `modes_before`."""
        return termios.tcgetattr(self._slave)

    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(self.screen.display)

    def type(self, keys: str) -> None:
        """Press keys: the bytes that a keyboard sends."""
        os.write(self._master, keys.encode())

    def read(self, seconds: float, *, emulate: bool = True) -> bytes:
        """Read output, waiting for it for at most `seconds`.

        Without `emulate` the screen is not updated, which takes time that a benchmark excludes.
        """
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return b""
        try:
            content = os.read(self._master, 65_536)
        except OSError:  # the command has closed its end
            return b""
        self.raw += content
        if emulate:
            self._stream.feed(content)
        return content

    def wait_for(self, wanted: str | Callable[[str], bool], deadline: float = DEADLINE) -> str:
        """Read until the screen shows `wanted`; the screen then. AssertionError at the deadline."""
        shows = wanted if callable(wanted) else (lambda text: wanted in text)
        end = monotonic() + deadline
        while not shows(text := self.text()):
            assert monotonic() < end, f"{wanted!r} never appeared; the screen was:\n{text}"
            ended = self.process.poll() is not None
            if not self.read(0.1) and ended:
                raise AssertionError(
                    f"the command ended before {wanted!r} appeared; the screen was:\n{text}"
                )
        return text

    def wait_for_end(self, deadline: float = DEADLINE) -> int:
        """Read output until the command ends; its exit code."""
        end = monotonic() + deadline
        while self.process.poll() is None:
            assert monotonic() < end, f"the command never ended; the screen was:\n{self.text()}"
            self.read(0.1)
        while self.read(0.05):
            pass
        return self.process.returncode
