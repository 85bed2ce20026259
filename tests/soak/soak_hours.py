"""Hours of training in the app, with a prompt every minute: memory does not grow.

`MINUTES=N`: how long; `WARM_UP=N`: minutes left out at the start; `TEXT=FILE`: on which text.
"""

import os
import sys
from pathlib import Path

import pytest
from terminal import Terminal
from watching import HOUR, Usage, assert_steady, needs_proc, quit_cleanly, slope, train, watch

MOST_AN_HOUR = 2.0
"""MiB of growth."""
PROMPT_EVERY = 60.0
MEASURE_EVERY = 10.0
"""Seconds."""
USAGES_A_LINE = 60
"""Measurements between two lines of progress."""


@pytest.fixture
def text() -> Path:
    """The text to train on."""
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
        usages = []
        for each in watch(
            terminal, 60 * minutes, prompt_every=PROMPT_EVERY, measure_every=MEASURE_EVERY
        ):
            usages.append(each)
            if len(usages) % USAGES_A_LINE == 0:
                print(f"\nafter {each.seconds / 60:.0f} min: {each.memory:.1f} MiB", end="")
        quit_cleanly(terminal)
    usages = [each for each in usages if each.seconds >= 60 * warm_up]
    report(usages)
    assert_steady(usages)
    assert slope(usages) <= MOST_AN_HOUR


def start(text: Path, folder: Path, minutes: float) -> Terminal:
    """The app with a run that is longer than the watch."""
    command = [
        str(Path(sys.executable).with_name("tinygpt-tui")),
        str(text),
        f"--minutes={2 * minutes:g}",
        # The whole context from the first step: a growing one needs more memory, which is no leak.
        "--set=train.context_warmup=0",
    ]
    return Terminal(command, columns=120, lines=40, cwd=str(folder), env={})


def report(usages: list[Usage]) -> None:
    """Print the figures."""
    first, last = usages[0], usages[-1]
    print(f"\nwatched for {(last.seconds - first.seconds) / HOUR:.2f} hours after the warm-up")
    print(f"memory, MiB: {first.memory:.1f} at the start, {last.memory:.1f} at the end")
    print(f"memory, MiB an hour: {slope(usages):+.2f} (goal: at most {MOST_AN_HOUR:.0f})")
    print(f"handles: {sorted({each.handles for each in usages})}")
    print(f"threads: {sorted({each.threads for each in usages})}")
