"""`make soak` in short: twenty seconds of training and prompts leave no handle, no thread and
little memory behind."""

from pathlib import Path

from starting import start
from watching import assert_steady, needs_proc, quit_cleanly, train, watch

SECONDS = 20.0
WARM_UP = 8.0
"""Seconds until everything has been loaded and done once."""
MOST_GROWTH = 30.0
"""MiB. So short a time cannot tell a small leak from caches that fill: `make soak` can."""


@needs_proc
def test_twenty_seconds_of_training_and_prompts_leave_nothing(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000", columns=120, lines=40) as terminal:
        train(terminal)
        looks = list(watch(terminal, SECONDS, prompt_every=2, look_every=0.1))
        quit_cleanly(terminal)
    looks = [each for each in looks if each.seconds >= WARM_UP]
    assert_steady(looks)
    assert looks[-1].memory - looks[0].memory < MOST_GROWTH
