"""An app that trains for long, prompted from time to time; what it holds of the system meanwhile."""

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
"""As long is an answer."""
ANSWER_DEADLINE = 60.0
"""Seconds until an answer that does not come is a failure."""
MOMENTARY = 2
"""Handles that a save or a look at the disk may hold for a moment."""
MIB = 2.0**20
HOUR = 3600.0

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="no /proc to look at a process in"
)


class Look(NamedTuple):
    """What a process holds at a moment."""

    seconds: float  # since the watch began
    memory: float  # MiB that are resident
    handles: int  # files, pipes and sockets that are open
    threads: int


def look(pid: int, seconds: float) -> Look:
    """Look at a process now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    memory = int(fields["VmRSS"].split()[0]) * 1024 / MIB
    handles = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Look(seconds, memory, handles, int(fields["Threads"]))


def train(terminal: Terminal) -> None:
    """Bring the app from its start to training."""
    terminal.wait_for("● untrained")
    terminal.wait_for("step      0")
    terminal.type(" ")
    terminal.wait_for("● training")


def watch(
    terminal: Terminal, seconds: float, *, prompt_every: float, look_every: float
) -> Iterator[Look]:
    """Read the app's screen for so long, ask it and look at it at this pace.

    What has been read is dropped: the watch itself may last for days.
    """
    began = monotonic()
    answered = -1
    next_prompt, next_look, number = prompt_every, 0.0, 0
    while (now := monotonic() - began) < seconds:
        terminal.read(0.1)
        terminal.raw.clear()
        if now >= next_look:
            yield look(terminal.process.pid, now)
            next_look += look_every
        if now >= next_prompt:
            answered = ask(terminal, PROMPTS[number % len(PROMPTS)], answered)
            next_prompt += prompt_every
            number += 1


def ask(terminal: Terminal, prompt: str, last: int) -> int:
    """Type a prompt and wait for its whole answer, by the weights of a later step than the last
    answer's; that step."""
    terminal.type(f"p{prompt}\r")
    screen = terminal.wait_for(lambda text: answered_by(text) > last, ANSWER_DEADLINE)
    leave_the_prompt(terminal)
    return answered_by(screen)


def answered_by(screen: str) -> int:
    """The step whose weights wrote the answer on the screen; -1 while it is not whole."""
    found = re.search(rf"by step ([\d,]+) · {CHARACTERS} characters", screen)
    return int(found[1].replace(",", "")) if found else -1


def leave_the_prompt(terminal: Terminal) -> None:
    """Back to where a key is a command."""
    terminal.type("\x1b")
    terminal.wait_for("q quit")


def quit_cleanly(terminal: Terminal) -> None:
    """Press q: it ends without an error, and gives the terminal back."""
    terminal.type("q")
    assert terminal.wait_for_end() == 0
    assert b"Traceback" not in terminal.raw
    assert terminal.modes == terminal.modes_before


def assert_steady(looks: Sequence[Look]) -> None:
    """No thread is new or gone, and no handle stays open that was not."""
    assert len({each.threads for each in looks}) == 1
    handles = [each.handles for each in looks]
    quiet = min(handles)
    assert min(handles[len(handles) // 2 :]) == quiet
    assert max(handles) <= quiet + MOMENTARY


def slope(looks: Sequence[Look]) -> float:
    """MiB an hour by which the memory grows: the median slope of all pairs (Theil and Sen), which
    a burst or a step does not move."""
    return median(
        HOUR * (later.memory - earlier.memory) / (later.seconds - earlier.seconds)
        for earlier, later in combinations(looks, 2)
    )
