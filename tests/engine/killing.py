"""Kill a run repeatedly at random times: the result must equal that of an uninterrupted run."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import torch
from driving import Driver, losses, only, run_to_end, tiny
from forking import DONE, child, exit_code

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


def equal_states(one: State, other: State) -> bool:
    """Whether two states are equal bit for bit."""
    return one.keys() == other.keys() and all(
        one[group].keys() == other[group].keys()
        and all(torch.equal(tensor, other[group][name]) for name, tensor in one[group].items())
        for group in one
    )


def kill_repeatedly(corpus: Path, kills: int, steps: int) -> int:
    """Kill a run of `steps` steps `kills` times, then let it finish. It must equal an uninterrupted
    run in its weights, its optimizer and every loss, each occurring once.

    Half of the kills come during training, half at any time after the process has started. The time
    until each is at most 1 / `kills` of the whole run's, so that the run does not finish too early.

    Returns how many of the starts advanced the run by a checkpoint or more.
    """
    config = tiny(corpus, f"train.steps={steps}", "train.evaluation_interval=25")
    began = time.monotonic()
    uninterrupted = run_to_end(Open(config), Train())
    longest = (time.monotonic() - began) / kills
    expected = only(uninterrupted, Opened).run
    # Opened here, so that the forked children have the modules loaded and are not killed while loading.
    assert losses(Driver().run(OpenRun(expected), Close())) == losses(uninterrupted)
    rng = random.Random(2)
    saved: RunSummary | None = None
    advances = 0
    for left in range(kills, -1, -1):
        opening = OpenRun(saved.name) if saved else Open(config)
        if left:
            code = _train_in_a_child(opening, rng.random() < 0.5, rng.uniform(0, longest))
            assert code == -signal.SIGKILL, f"it finished with {left} kills to come"
        else:
            assert _train_in_a_child(opening, False, None) == DONE
        before, saved = saved, _other_run(expected)
        advances += saved is not None and (before is None or saved.step > before.step)
    assert saved is not None, "the last start was not killed"
    assert equal_states(load_run(saved.name).state, load_run(expected).state)
    assert losses(Driver().run(OpenRun(saved.name), Close())) == losses(uninterrupted)
    assert read_manifest(checkpoints_of(folder_of(saved.name))[-1]).progress.step == steps
    return advances


def _other_run(name: str) -> RunSummary | None:
    """The only other saved run, if there is one yet."""
    others = [summary for summary in library.summaries() if summary.name != name]
    assert len(others) <= 1
    return others[0] if others else None


def _train_in_a_child(opening: Command, in_training: bool, seconds: float | None) -> int:
    """Train in a child and kill it `seconds` after it has started, or after training has; None: let
    it finish. Its exit code."""
    reader, writer = os.pipe()
    with child(partial(_train, opening, writer)) as (pid, start):
        os.close(writer)
        start()
        if in_training:
            os.read(reader, 1)
        if seconds is not None:
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
        code = exit_code(pid)
    os.close(reader)
    return code


def _train(opening: Command, writer: int) -> None:
    """Open and train to the end, as the program does. Writes a byte to `writer` when training starts."""
    inbox: SimpleQueue[Command] = SimpleQueue()

    def on_event(event: Event) -> None:
        match event:
            case PhaseChanged("training"):
                os.write(writer, b"t")
            case Saved() | Failed():
                inbox.put(Close())
            case _:
                pass

    inbox.put(opening)
    inbox.put(Train())
    Session(on_event).run(inbox)
