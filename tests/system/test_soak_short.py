"""A short `make soak`: eight seconds of training and prompts leak no handle and no thread."""

from pathlib import Path

import pytest
from starting import start
from watching import assert_steady, needs_proc, quit_cleanly, train, watch

pytestmark = pytest.mark.thorough

SECONDS = 8.0
WARM_UP = 4.0
"""Seconds until everything has been loaded and used once."""
MOST_GROWTH = 30.0
"""MiB. A short run cannot tell a small leak from caches that fill; `make soak` can."""


@needs_proc
def test_eight_seconds_of_training_and_prompts_leak_nothing(text: Path, tmp_path: Path) -> None:
    with start(text, tmp_path, "--steps=1000000", columns=120, lines=40) as terminal:
        train(terminal)
        usages = list(watch(terminal, SECONDS, prompt_every=0.5, measure_every=0.1))
        quit_cleanly(terminal)
    usages = [each for each in usages if each.seconds >= WARM_UP]
    assert_steady(usages)
    assert usages[-1].memory - usages[0].memory < MOST_GROWTH
