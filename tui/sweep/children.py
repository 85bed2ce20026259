"""Trains the runs of a sweep: each by `tinygpt-tui train` in a process of its own."""

import subprocess
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from engine.protocol import Event, from_json
from tui.sweep.plan import Trial

LAST_WORDS = 4_000
"""Bytes that are read of the end of a child's standard error."""


class Began(NamedTuple):
    """The process of a trial has been started; its first event may take some seconds."""


class Ended(NamedTuple):
    """The process of a trial has ended, or, with an exit code of None, was not started."""

    exit_code: int | None
    message: str = ""  # the last line that it printed on standard error


Update = tuple[Trial, Event | Began | Ended]


class Children:
    """Runs one process for each trial, some at the same time."""

    def __init__(self, jobs: int, program: Sequence[str]) -> None:
        """`jobs`: processes at a time. `program`: the words before the arguments."""
        self._jobs = jobs
        self._program = program
        self._running: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self._updates: SimpleQueue[Update] = SimpleQueue()

    def train(self, trials: Sequence[tuple[Trial, list[str]]]) -> Generator[Update]:
        """Call the program with the arguments of each trial; what the processes report, as it comes,
        until all have ended. If the iterator is closed before, they are stopped. OSError if one
        cannot be started."""
        left = len(trials)
        with ThreadPoolExecutor(self._jobs) as pool:
            futures = [pool.submit(self._train, *trial) for trial in trials]
            try:
                while left:
                    update = self._updates.get()
                    left -= isinstance(update[1], Ended)
                    yield update
            finally:
                self.stop()
        for future in futures:
            future.result()

    def stop(self) -> None:
        """Have the processes save and end, and start no other. Safe from a signal handler."""
        if not self._stopping:  # a second signal would end a process at once, unsaved
            self._stopping = True
            for process in tuple(self._running):
                process.terminate()

    def _train(self, trial: Trial, arguments: list[str]) -> None:
        ended = Ended(None)
        try:
            if not self._stopping:
                ended = self._run(trial, arguments)
        finally:
            self._updates.put((trial, ended))

    def _run(self, trial: Trial, arguments: list[str]) -> Ended:
        """Report what the process of a trial prints, until it ends."""
        with TemporaryFile() as errors:
            process = subprocess.Popen(
                [*self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C in the terminal is for this program alone
            )
            self._running.append(process)
            self._updates.put((trial, Began()))
            if self._stopping:  # since it was asked above
                process.terminate()
            with process:
                assert process.stdout is not None
                for line in process.stdout:
                    with suppress(ValueError):  # nothing of ours
                        self._updates.put((trial, from_json(line)))
            self._running.remove(process)
            return Ended(process.returncode, _last_line(errors))


def _last_line(errors: IO[bytes]) -> str:
    end = errors.seek(0, 2)
    errors.seek(max(0, end - LAST_WORDS))
    lines = errors.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "").removeprefix(
        "Error: "
    )
