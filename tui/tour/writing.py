"""Pages of the tour on what the model writes, at other settings and at other times."""

from math import isfinite
from statistics import fmean

from engine.config import all_settings
from tui.drawing.curve import Curve
from tui.drawing.words import count, counted, rate
from tui.state import RunState
from tui.time.chart import why_none
from tui.time_actions import NOT_SAVED
from tui.time_state import NOW
from tui.tour.phrases import goes_to, quoted, trains
from tui.tour.scene import PageText, Parent, Scene, Written
from tui.views import TIME, TRAIN

LITTLE = 100
"""Steps before which most of what is written is noise."""
FACTOR = 10
"""By which the learning rate is to be raised."""
LEAST_FACTOR = 3
"""By which it is raised at least where it cannot be that high."""
ENOUGH = 50
"""Steps after which one sees what that does."""

NOW_WRITE = "p leads to the prompt: type a beginning, then Enter."


def temperature(scene: Scene) -> PageText:
    """The same prompt at a higher temperature."""
    ended = [one for one in scene.notes.answers if one.ended]
    now = scene.config.temperature
    if (two := _colder_and_warmer(ended)) is not None:
        return PageText(
            f"At {two[0].temperature:.1f}: {quoted(two[0].text, 36)} At {two[1].temperature:.1f}: "
            f"{quoted(two[1].text, 36)} A higher temperature draws unlikely characters more often; "
            "0 takes the likeliest only. [ lowers it.",
            done=True,
        )
    if scene.view != TRAIN:
        return PageText(f"{goes_to(scene, TRAIN)}The prompt is there.")
    noise = ""
    if scene.state.step < LITTLE and scene.state.phase != "training":
        noise = f"After {counted(scene.state.step, 'step')} it is all noise. {trains(scene.state)}"
    if not scene.notes.answers:
        return PageText(
            f"At temperature {now:.1f} it mostly draws what it thinks likely. {noise or NOW_WRITE}"
        )
    last = scene.notes.answers[-1]
    if not last.ended:
        return PageText(
            f"It writes at temperature {last.temperature:.1f}: a moment, or Esc stops it."
        )
    at = f"At {last.temperature:.1f}: {quoted(last.text)}"
    if now > last.temperature:
        return PageText(f"{at} It is {now:.1f} now: w (outside the prompt) writes again.")
    return PageText(
        f"{at} {noise or 'Would it spell better if it took more risks?'} Esc leaves the prompt, ] "
        "raises the temperature: go well above 1, then w writes again."
    )


def back_in_time(scene: Scene) -> PageText:
    """What it wrote earlier."""
    state, moments = scene.state, scene.notes.moments
    if reason := why_none(state):
        return PageText(reason)
    if len(moments) > 1:
        by_step = sorted(moments, key=lambda one: one.step)
        first, last = by_step[0], by_step[-1]
        return PageText(
            f"Step {count(first.step)}: {quoted(first.text)} Step {count(last.step)}: "
            f"{quoted(last.text)} The same prompt and the same seed: only the weights differ. "
            f"P plays all {count(len(state.moments.steps))}.",
            done=True,
        )
    if scene.view != TIME:
        kept = count(len(state.moments.steps))
        return PageText(
            f"{goes_to(scene, TIME)}The weights of {kept} steps were kept. When did it learn words?"
        )
    if not moments:
        return PageText("It writes: a moment.")
    key = (
        "Home goes to the first step"
        if state.moments.chosen == NOW
        else "← and → go to another step"
    )
    return PageText(
        f"Step {count(moments[0].step)}: {quoted(moments[0].text)} At which step do you expect the "
        f"first words? {key}, whose model writes to the same prompt."
    )


def too_high_a_rate(scene: Scene) -> PageText:
    """A fork with ten times the learning rate."""
    state, parent = scene.state, scene.notes.parent
    opened = state.opened
    assert opened is not None, "a run is open"
    if parent is None or state.learning_rate < LEAST_FACTOR * parent.learning_rate:
        if not opened.saving:
            return PageText(NOT_SAVED)
        higher = min(FACTOR * state.learning_rate, _highest_rate())
        if higher < LEAST_FACTOR * state.learning_rate:
            return PageText(
                f"The learning rate, {rate(state.learning_rate)}, is nearly as high as it can be: "
                "what a far higher one does shows in a run with a usual one."
            )
        times = count(higher / state.learning_rate)
        how = goes_to(scene, TIME) or "Choose a step with ←, then f forks a run from there. "
        return PageText(
            f"The learning rate is {rate(state.learning_rate)}: how far a step moves the weights. "
            f"Does {times} times the rate learn {times} times as fast? {how}"
            f"Type: learning rate {rate(higher)}"
        )
    steps = state.step - opened.step
    if steps < ENOUGH and state.phase != "failed":
        return PageText(
            f"This is the fork: {opened.run}, learning rate {rate(state.learning_rate)} (before: "
            f"{rate(parent.learning_rate)}). Will its loss fall faster? {trains(state)} "
            f"{ENOUGH} steps show it."
        )
    return PageText(
        f"{_outcome(state, parent)} o opens {parent.run} again; t ends the tour.", done=True
    )


def _colder_and_warmer(ended: list[Written]) -> tuple[Written, Written] | None:
    """The newest answer, and one before it at the lowest temperature, if that is lower."""
    if len(ended) < 2:
        return None
    colder, warmer = min(ended, key=lambda one: one.temperature), ended[-1]
    return (colder, warmer) if colder.temperature < warmer.temperature else None


def _highest_rate() -> float:
    """The highest learning rate that a run can have."""
    highest = all_settings()["train.learning_rate"].high
    assert highest is not None, "a number has a range"
    return highest


def _outcome(state: RunState, parent: Parent) -> str:
    """How the losses of the fork and its parent compare."""
    rates = f"learning rate {rate(state.learning_rate)} in place of {rate(parent.learning_rate)}"
    if state.phase == "failed":
        return f"With {rates} a loss was no longer a number after step {count(state.step)}."
    step = state.step
    now = fmean(state.newest) if state.newest else float("nan")
    before = _around(parent.train, step)
    then = f"{before:.2f}" if before is not None else "unknown"
    loss = f"{now:.2f}" if isfinite(now) else "no number"
    words = f"With {rates}: training loss {loss} at step {count(step)}, in {parent.run} {then}."
    if before is None or now > before:
        return f"{words} Its steps go too far, past where the loss is low."
    return f"{words} So far it does not fail: that may still come."


def _around(curve: Curve, step: int) -> float | None:
    """The mean loss around a step, or of the newest before it."""
    losses = [bucket.mean for bucket in curve.buckets if bucket.first <= step][-ENOUGH:]
    return fmean(losses) if losses else None
