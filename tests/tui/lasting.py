"""What the screen knows after a very long run: how much that is, and what it costs to draw."""

from collections.abc import Callable
from random import Random

from msgspec import Struct
from msgspec.structs import astuple, replace
from recording import PROMPT, evaluated, opening, state_after, step_done
from textual.geometry import Region

from engine.protocol import Excerpt
from tui.app import TinyGPTApp
from tui.course import Moment
from tui.drawing.curve import Bucket
from tui.panes.loss import LossPane
from tui.state import RunState, fold

MOST_POINTS = 10_000
"""The number of points that may be in memory, however long the run is."""
PLANTED = 150
"""Steps whose loss leaps out of the noise, at the same distance from each other."""
BAD_EVALUATION = 7.5
"""The loss of one evaluation in the middle, in nats per character."""


class LongRun:
    """A run of `steps` steps, with an evaluation and a sample every `interval` steps."""

    def __init__(self, steps: int, interval: int) -> None:
        self.planted = [
            (steps * number // PLANTED, 9.0 + number / PLANTED) for number in range(1, PLANTED + 1)
        ]
        self.bad_evaluation = steps // 2 // interval * interval
        self.state = self._fold(steps, interval)

    def _fold(self, steps: int, interval: int) -> RunState:
        dice, leaps, event = Random(1), dict(self.planted), step_done(1)
        state = state_after(*opening())
        for step in range(1, steps + 1):
            usual = 1.4 + 2.7 / (1 + step / 18) ** 0.6
            loss = leaps.get(step) or usual + dice.gauss(0, 0.05)
            state = fold(state, replace(event, step=step, loss=loss))
            if step % interval == 0:
                state = fold(
                    state, evaluated(step, BAD_EVALUATION if step == self.bad_evaluation else usual)
                )
                state = fold(state, Excerpt(step, PROMPT, "\nGood night, sweet lady: may the"))
        return state


def points_in(value: object) -> int:
    """How many points and lines a state holds, in all its fields: a new one counts, too."""
    if isinstance(value, Struct):
        return sum(points_in(field) for field in astuple(value))
    if isinstance(value, tuple) and not isinstance(value, Bucket | Moment):
        return sum(max(1, points_in(item)) for item in value)
    return 0


def assert_small_and_sharp(run: LongRun) -> None:
    """Few points are left of it, and none of its spikes is lost."""
    state = run.state
    assert points_in(state) <= MOST_POINTS
    for step, loss in run.planted:
        (bucket,) = (one for one in state.train.buckets if one.first <= step <= one.last)
        assert bucket.high == loss
    assert set(run.planted[-20:]) <= set(state.spikes.found), "the newest are marked"
    assert max(bucket.high for bucket in state.validation.buckets) == BAD_EVALUATION
    assert state.train.last == run.planted[-1]


def redraw_seconds(
    app: TinyGPTApp, states: list[RunState], times: int, clock: Callable[[], float]
) -> list[list[float]]:
    """What each redraw of the loss takes in the app that is open; the states in turn."""
    pane = app.query_one(LossPane)
    taken: list[list[float]] = [[] for _ in states]
    for _ in range(times):
        for state, seconds in zip(states, taken, strict=True):
            pane.set_reactive(LossPane.state, state)
            pane.refresh(layout=False)
            began = clock()
            pane.render_lines(Region(0, 0, *pane.outer_size))
            seconds.append(clock() - began)
    return taken
