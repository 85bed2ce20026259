"""The held-out losses of all sides of a race."""

from textual.content import Content

from engine.protocol import RunCurve
from tui.drawing.axis import XAxis
from tui.drawing.chart import draw_chart
from tui.drawing.value_range import Losses
from tui.lab.sides import sign
from tui.lab.state import Lab
from tui.panes.chart_axis import pace_of
from tui.panes.loss import STYLES
from tui.panes.pane import Pane
from tui.state import RunState
from tui.tokens import guesses, tokens_of

EARLY = 8
"""Of so many evaluations the first is left out: the steep fall at the beginning, which is much the
same for all, would leave little room for what differs."""


class SidesChart(Pane):
    """By what the race compares: characters, steps or seconds."""

    def part(self, state: RunState) -> object:
        return tuple(side.curve for side in state.lab.sides), state.corpus, state.lab.unit

    def titles(self, state: RunState) -> tuple[Content, Content]:
        unit = state.lab.unit if state.lab.sides else ""
        signs = [sign(number, side.label) for number, side in enumerate(state.lab.sides)]
        return Content("  ").join([Content("held-out loss"), *signs]), Content(unit)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        lab = state.lab
        if not any(side.curve.losses for side in lab.sides):
            return []
        curves = [side.curve for side in lab.sides]
        losses = Losses(
            compared=tuple(curve.losses[len(curve.losses) // EARLY :] for curve in curves),
            bigram=_bigram(state) if lab.is_open else None,
        )
        return draw_chart(
            losses,
            width=width,
            height=height,
            spikes=(),
            x=_axis(lab, curves),
            whole=True,
            styles=STYLES,
        )


def _bigram(state: RunState) -> float | None:
    """The loss of a guess by pairs of characters."""
    if state.corpus is None:
        return None
    tokens = tokens_of(state)
    return tokens.compared(guesses(state.corpus, tokens).bigram, mixed=state.lab.is_mixed)


def _axis(lab: Lab, curves: list[RunCurve]) -> XAxis:
    ends = {
        "steps": max(side.steps for side in lab.sides),
        "characters": max(side.characters_planned for side in lab.sides),
        "seconds": 0,
    }
    paces = tuple(pace_of(curve, lab.axis) for curve in curves)
    return XAxis(ends[lab.axis], False, lab.axis, None, paces, lab.counted)
