"""Another process that trains a run while a test looks on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue

from forking import child, exit_code

from engine.protocol import Close, Command, Event, OpenRun, Train
from engine.session.session import Session
from engine.storage.paths import folder_of


def train(command: Command, ready: Callable[[Event], None]) -> None:
    """What the other program does: train until SIGTERM, one step in some milliseconds."""
    inbox: SimpleQueue[Command] = SimpleQueue()
    signal.signal(signal.SIGTERM, lambda *_: inbox.put(Close()))
    inbox.put(command)
    inbox.put(Train())
    Session(ready, gate=lambda: time.sleep(0.005)).run(inbox)


def wait_until_held(name: str, pid: int) -> None:
    """Wait until a process holds the lock of a run."""
    holder = folder_of(name) / "holder.json"
    while f'"pid":{pid},' not in holder.read_text():
        time.sleep(0.01)


@contextmanager
def trained_elsewhere(name: str) -> Iterator[int]:
    """Another process trains the run; its id."""
    with child(partial(train, OpenRun(name), lambda _: None)) as (pid, begin):
        begin()
        wait_until_held(name, pid)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)
            exit_code(pid)
