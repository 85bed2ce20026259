"""Watch the resources of an app that trains for long and is prompted from time to time."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple

import pytest
from terminal import Terminal

PROMPTS = ("ROMEO: ", "the ", "What say you to ", "O", "and the ")
CHARACTERS = 500
"""The length of a sample."""
SAMPLE_DEADLINE = 60.0
"""Seconds to wait for a sample before the test fails."""
MOMENTARY = 2
"""Handles that a save or a directory listing may hold for a moment."""
MIB = 2.0**20
HOUR = 3600.0

needs_proc = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc")


class Usage(NamedTuple):
    """The resources of a process at a moment."""

    seconds: float  # since the watch began
    memory: float  # resident, in MiB
    handles: int  # open files, pipes and sockets
    threads: int


def usage_of(pid: int, seconds: float) -> Usage:
    """What a process uses now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    memory = int(fields["VmRSS"].split()[0]) * 1024 / MIB
    handles = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Usage(seconds, memory, handles, int(fields["Threads"]))


def train(terminal: Terminal) -> None:
    """Wait for the app to start, and start training."""
    terminal.wait_for("● untrained")
    terminal.wait_for("step      0")
    terminal.type(" ")
    terminal.wait_for("● training")


def watch(
    terminal: Terminal, seconds: float, *, prompt_every: float, measure_every: float
) -> Iterator[Usage]:
    """Read the screen for `seconds`, with a prompt and a measurement every so many seconds.

    Output is dropped once read, since a watch may last for days.
    """
    began = monotonic()
    step = -1
    next_prompt, next_measurement, number = prompt_every, 0.0, 0
    while (now := monotonic() - began) < seconds:
        terminal.read(0.1)
        terminal.raw.clear()
        if now >= next_measurement:
            yield usage_of(terminal.process.pid, now)
            next_measurement += measure_every
        if now >= next_prompt:
            step = ask(terminal, PROMPTS[number % len(PROMPTS)], step)
            next_prompt += prompt_every
            number += 1


def ask(terminal: Terminal, prompt: str, last: int) -> int:
    """Type a prompt and wait for the whole sample, whose step must come after that of the `last`
    one; its step."""
    terminal.type(f"p{prompt}\r")
    screen = terminal.wait_for(lambda text: sampled_at(text) > last, SAMPLE_DEADLINE)
    leave_the_prompt(terminal)
    return sampled_at(screen)


def sampled_at(screen: str) -> int:
    """The step of the weights that wrote the sample on the screen; -1 while it is not complete."""
    found = re.search(rf"by step ([\d,]+) · {CHARACTERS} characters", screen)
    return int(found[1].replace(",", "")) if found else -1


def leave_the_prompt(terminal: Terminal) -> None:
    """Leave the prompt, so that keys are commands again."""
    terminal.type("\x1b")
    terminal.wait_for("q quit")


def quit_cleanly(terminal: Terminal) -> None:
    """Press q: the app ends without an error and restores the terminal."""
    terminal.type("q")
    assert terminal.wait_for_end() == 0
    assert b"Traceback" not in terminal.raw
    assert terminal.modes == terminal.modes_before


def assert_steady(usages: Sequence[Usage]) -> None:
    """The number of threads never changes, and no handle is leaked."""
    assert len({each.threads for each in usages}) == 1
    handles = [each.handles for each in usages]
    quiet = min(handles)
    assert min(handles[len(handles) // 2 :]) == quiet
    assert max(handles) <= quiet + MOMENTARY


def slope(usages: Sequence[Usage]) -> float:
    """How fast memory grows, in MiB an hour: the median slope over all pairs (Theil-Sen), which is
    robust against bursts and steps."""
    return median(
        HOUR * (later.memory - earlier.memory) / (later.seconds - earlier.seconds)
        for earlier, later in combinations(usages, 2)
    )
