"""The x axis of the loss chart for a run and those that it is compared with."""

from engine.protocol import RunCurve
from tui.drawing.axis import Pace, Unit, XAxis
from tui.drawing.scale import two_digits_up
from tui.state import RunState
from tui.tokens import tokens_of


def x_axis(state: RunState, unit: Unit, *, log: bool) -> XAxis:
    """The axis in a unit."""
    compared = tuple(pace_of(run, unit) for run in state.compared)
    pace = state.course.pace(unit, tokens_of(state).characters_each)
    return XAxis(planned_end(state, unit), log, unit, pace, compared)


def planned_end(state: RunState, unit: Unit) -> float:
    """Where the run will end, in a unit; what is estimated changes in steps, so that the axis does
    not jitter."""
    last = state.course.last
    if unit == "steps":
        return state.last_planned_step
    if last is None or state.opened is None or state.phase == "done":
        return 0.0
    if unit == "characters":
        config = state.opened.config
        batch = config.train.batch_size * config.model.context_length
        left = (state.last_planned_step - state.step) * batch
        each = tokens_of(state).characters_each
        return two_digits_up(each * (last.tokens + left)) if left > 0 else each * last.tokens
    if state.minutes:
        return 60 * state.minutes
    left_seconds = state.last_step.remaining if state.last_step else 0.0
    return two_digits_up(state.elapsed + left_seconds)


def pace_of(run: RunCurve, unit: Unit) -> Pace | None:
    """Where the steps of a compared run lie in a unit; None by steps, or if it is not recorded.
    Characters: of the text, so that runs with different tokens compare."""
    characters = [tokens * run.tokens.characters_each for tokens in run.characters]
    values = {"steps": (), "characters": characters, "seconds": run.seconds}[unit]
    steps = [step for step, _ in run.losses]
    return Pace.of(steps, values) if values and len(values) == len(steps) else None


def is_left_out(run: RunCurve, unit: Unit) -> bool:
    """Whether a compared run has no record of the unit, so that its curve cannot be drawn."""
    return unit != "steps" and bool(run.losses) and pace_of(run, unit) is None
