"""A run that is killed at random times, as often as one likes, and must not differ by it."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import torch
from driving import Driver, losses, only, run_to_end, tiny
from forking import DONE, child, ended

from engine.protocol import (
    Close,
    Command,
    Event,
    Failed,
    Open,
    Opened,
    OpenRun,
    PhaseChanged,
    RunSummary,
    Saved,
    Train,
)
from engine.session.session import Session
from engine.storage import library
from engine.storage.checkpoints import State
from engine.storage.manifest import checkpoints_of, read_manifest
from engine.storage.paths import folder_of
from engine.storage.saved_run import load_run


def alike(one: State, other: State) -> bool:
    """Whether two states are the same to the last bit."""
    return all(
        torch.equal(tensor, other[group][name])
        for group, tensors in one.items()
        for name, tensor in tensors.items()
    )


def killed_again_and_again(corpus: Path, kills: int, steps: int) -> int:
    """Kill a run of so many steps so often, then let it end: it must be the same run as one that
    was let alone, in its weights, its optimizer and every loss, each once.

    Half of the kills come while it trains, half at any time from its start on. Each leaves it at
    most the time of its share of the steps, on any machine: so it does not end too early.

    How many of the starts brought it on by a checkpoint or more: the others were killed too soon.
    """
    config = tiny(corpus, f"train.steps={steps}", "train.evaluation_interval=25")
    began = time.monotonic()
    straight = run_to_end(Open(config), Train())
    latest = (time.monotonic() - began) / kills
    expected = only(straight, Opened).run
    # Opened here, too: the children find loaded what that needs, and are not killed while it loads.
    assert losses(Driver().run(OpenRun(expected), Close())) == losses(straight)
    dice = random.Random(2)
    saved: RunSummary | None = None
    advances = 0
    for left in range(kills, -1, -1):
        opening = OpenRun(saved.name) if saved else Open(config)
        if left:
            code = _train_in_a_child(opening, dice.random() < 0.5, dice.uniform(0, latest))
            assert code == -signal.SIGKILL, f"it ended with {left} kills to come"
        else:
            assert _train_in_a_child(opening, False, None) == DONE
        before, saved = saved, _other_than(expected)
        advances += saved is not None and (before is None or saved.step > before.step)
    assert saved is not None, "it was let alone at last"
    assert alike(load_run(saved.name).state, load_run(expected).state)
    assert losses(Driver().run(OpenRun(saved.name), Close())) == losses(straight)
    assert read_manifest(checkpoints_of(folder_of(saved.name))[-1]).progress.step == steps
    return advances


def _other_than(name: str) -> RunSummary | None:
    """The one run that is saved beside this one, if there is one yet."""
    others = [summary for summary in library.summaries() if summary.name != name]
    assert len(others) <= 1
    return others[0] if others else None


def _train_in_a_child(opening: Command, in_training: bool, seconds: float | None) -> int:
    """Train in a child, and kill it so many seconds after its start, or after it has begun to
    train; None: let it end. How it ended."""
    heard, tell = os.pipe()
    with child(partial(_train, opening, tell)) as (pid, begin):
        os.close(tell)
        begin()
        if in_training:
            os.read(heard, 1)
        if seconds is not None:
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
        code = ended(pid)
    os.close(heard)
    return code


def _train(opening: Command, tell: int) -> None:
    """As the program does it: open, train to the end. A byte goes to `tell` when it trains."""
    inbox: SimpleQueue[Command] = SimpleQueue()

    def hear(event: Event) -> None:
        match event:
            case PhaseChanged("training"):
                os.write(tell, b"t")
            case Saved() | Failed():
                inbox.put(Close())
            case _:
                pass

    inbox.put(opening)
    inbox.put(Train())
    Session(hear).run(inbox)
