"""The command line in tests: within the test's process, or as a process where that is the point."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from click.testing import CliRunner, Result

from data.standard_input import read_standard_input
from engine.protocol import Event, from_json
from engine.storage.lock import Holder, locked
from engine.storage.paths import folder_of
from tui.cli.main import main

PROGRAM = [sys.executable, "-W", "error", "-c", "from tui.cli.start import main; main()"]
"""The program as a process; with torch, each start takes seconds."""

TINY = [
    *("--preset", "nano", "--device", "cpu"),
    *("--set", "model.n_embd=16", "--set", "model.n_layer=1", "--set", "model.context_length=16"),
    *("--set", "train.batch_size=4", "--set", "train.evaluation_interval=10"),
    *("--set", "train.threads=1", "--set", "train.precision=float32"),
]
"""Options of the smallest run."""


def invoked(
    *arguments: object, text: bytes | None = None, encoding: str = "utf-8", columns: int = 80
) -> Result:
    """What a command does within this process, with `text` on standard input; the encoding is that
    of the output. An exception other than SystemExit is raised."""
    read_standard_input.cache_clear()
    runner = CliRunner(charset=encoding, env={"COLUMNS": str(columns)}, catch_exceptions=False)
    return runner.invoke(main, [*map(str, arguments)], input=text, prog_name="tinygpt-tui")


def events_of(output: str) -> list[Event]:
    """The events of `train --json`."""
    return [from_json(line) for line in output.splitlines()]


@contextmanager
def locked_elsewhere(name: str, host: str = "") -> Iterator[None]:
    """The run is locked, and its holder is another process, here or on another machine."""
    with locked(folder_of(name)) as folder:
        holder = Holder(os.getppid(), time.time(), host)
        (folder / "holder.json").write_bytes(msgspec.json.encode(holder))
        yield
