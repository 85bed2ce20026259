"""Starts the program as ranks that train one run, as a launcher does."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.protocol import Event
from engine.storage.history import read_history
from engine.storage.manifest import checkpoints_of, read_manifest

TIMEOUT = 100
TIMES = ("seconds", "elapsed", "remaining")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment(home: Path, rank: int, world: int, port: int, **more: str) -> dict[str, str]:
    """That of one rank."""
    return {
        **os.environ,
        "TINYGPT_HOME": str(home),
        "RANK": str(rank),
        "WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        **more,
    }


@contextmanager
def started(
    home: Path, world: int, *arguments: str, per_rank: dict[int, tuple[str, ...]] | None = None
) -> Iterator[list[subprocess.Popen[str]]]:
    """So many ranks with these arguments, and some with more of them; killed at the end."""
    port = free_port()
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tinygpt_tui", *arguments, *(per_rank or {}).get(rank, ())],
            env=environment(home, rank, world, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]
    try:
        yield ranks
    finally:
        for process in ranks:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


def only_run(home: Path) -> Path:
    """The folder of the one run that there is."""
    (folder,) = (home / "runs").iterdir()
    return folder


def weights(folder: Path) -> dict[str, str]:
    """The sha256 of the newest checkpoint's weights and optimizer."""
    return read_manifest(checkpoints_of(folder)[-1]).sha256


def losses(folder: Path, kind: type[Event]) -> list[dict[str, object]]:
    """The events of a kind in a run's history, but for their times."""
    found = [event for event in read_history(folder, sys.maxsize) if isinstance(event, kind)]
    return [
        {name: getattr(event, name) for name in event.__struct_fields__ if name not in TIMES}
        for event in found
    ]
