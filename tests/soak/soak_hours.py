"""Hours of the real app in training, with a prompt every minute: it holds no more at the end.

`MINUTES=N` says how long, `WARM_UP=N` how many of these are left out, `TEXT=FILE` on which text.
"""

import os
import sys
from pathlib import Path

import pytest
from terminal import Terminal
from watching import HOUR, Look, assert_steady, needs_proc, quit_cleanly, slope, train, watch

MOST_AN_HOUR = 2.0
"""MiB."""
PROMPT_EVERY = 60.0
LOOK_EVERY = 10.0
"""Seconds."""
LOOKS_A_LINE = 60
"""So many looks, and a line says how it goes."""


@pytest.fixture
def text() -> Path:
    """The text that it learns from."""
    shared = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare.txt"
    path = Path(os.environ.get("TEXT") or shared)
    if not path.is_file():
        pytest.skip(f"{path.name} is missing: TEXT=FILE names a text")
    return path


@needs_proc
def test_hours_of_training_and_prompts(text: Path, tmp_path: Path) -> None:
    minutes = float(os.environ.get("MINUTES") or 180)
    warm_up = float(os.environ.get("WARM_UP") or 30)
    assert minutes > warm_up, "nothing would be left to measure"
    with start(text, tmp_path, minutes) as terminal:
        train(terminal)
        looks = []
        for each in watch(terminal, 60 * minutes, prompt_every=PROMPT_EVERY, look_every=LOOK_EVERY):
            looks.append(each)
            if len(looks) % LOOKS_A_LINE == 0:
                print(f"\nafter {each.seconds / 60:.0f} min: {each.memory:.1f} MiB", end="")
        quit_cleanly(terminal)
    looks = [each for each in looks if each.seconds >= 60 * warm_up]
    report(looks)
    assert_steady(looks)
    assert slope(looks) <= MOST_AN_HOUR


def start(text: Path, folder: Path, minutes: float) -> Terminal:
    """The app on a run that lasts longer than the watch."""
    command = [
        str(Path(sys.executable).with_name("tinygpt-tui")),
        str(text),
        f"--minutes={2 * minutes:g}",
        # The whole context from the first step: one that grows needs more memory, and is no leak.
        "--set=train.context_warmup=0",
    ]
    return Terminal(command, columns=120, lines=40, cwd=str(folder), env={})


def report(looks: list[Look]) -> None:
    """The figures, in a line each."""
    first, last = looks[0], looks[-1]
    print(f"\nwatched for {(last.seconds - first.seconds) / HOUR:.2f} hours after the warm-up")
    print(f"memory, MiB: {first.memory:.1f} at first, {last.memory:.1f} at last")
    print(f"memory, MiB an hour: {slope(looks):+.2f} (goal: at most {MOST_AN_HOUR:.0f})")
    print(f"handles: {sorted({each.handles for each in looks})}")
    print(f"threads: {sorted({each.threads for each in looks})}")
