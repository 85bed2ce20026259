"""A run of 200,000 steps takes no more memory than a short one, and hardly more time to draw
(`make soak` has ten million)."""

from statistics import median
from time import thread_time

import pytest
from lasting import LongRun, assert_small_and_sharp, redraw_seconds
from looking import Opener

from tui.drawing.series import SPIKE
from tui.panes.loss import LossPane

INTERVAL = 5
"""200,000 steps have forty thousand evaluations then, as ten million have with the default."""
REDRAWS = 15
MOST_TIMES = 3
"""A redraw may cost this many times as much as one of a short run."""


@pytest.fixture(scope="module")
def run() -> LongRun:
    return LongRun(200_000, INTERVAL)


def test_200_000_steps_are_few_points_and_every_spike(run: LongRun) -> None:
    assert_small_and_sharp(run)


async def test_a_redraw_costs_little_more_than_one_of_a_short_run(
    run: LongRun, desk: Opener
) -> None:
    short = LongRun(10_000, 250)
    async with desk() as it:
        # Processor time, and in turn: so a busy machine slows both alike.
        long_taken, short_taken = redraw_seconds(
            it.app, [run.state, short.state], REDRAWS, thread_time
        )
    assert median(long_taken) < MOST_TIMES * median(short_taken)


async def test_its_spikes_are_on_the_screen(run: LongRun, desk: Opener) -> None:
    async with desk() as it:
        pane = it.app.query_one(LossPane)
        drawn = pane.draw(run.state, *pane.size)
    assert any(SPIKE in line.plain for line in drawn)
