"""The loss of the run, and under it a slider over its kept moments."""

from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from tui.drawing.axis import XAxis
from tui.drawing.chart import Frame, draw_chart, frame
from tui.drawing.page import Page
from tui.drawing.words import count, size
from tui.panes.chart_axis import x_axis
from tui.panes.chart_pane import ChartPane
from tui.panes.loss import STYLES, losses
from tui.state import RunState
from tui.time_state import NOW
from tui.tokens import tokens_of, with_bits

RAIL, MARK, THUMB = "─", "┴", "▲"
BYTES_OF_A_WEIGHT = 4
RAIL_STYLE, MARK_STYLE, THUMB_STYLE = "$foreground 30%", "$primary", "bold reverse $accent"


class TimeChart(ChartPane):
    """Both have the same axis, a logarithmic one: moments are kept evenly on it."""

    BINDINGS = [
        Binding("left", "move(-1)", "earlier"),
        Binding("right", "move(1)", "later"),
        Binding("home", "move_to(0)", "first", show=False),
        Binding("end", "move_to(-1)", "now", show=False),
    ]

    playing: reactive[bool] = reactive(False, repaint=False)
    """Whether the moments follow each other by themselves."""

    _chosen = NOW

    class Chosen(Message):
        """Another moment is to be looked at."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def part(self, state: RunState) -> object:
        return super().part(state), state.moments.kept, state.moments.chosen

    def watch_state(self, state: RunState) -> None:
        super().watch_state(state)
        if state.moments.chosen != self._chosen:  # the user waits to see the effect of a key
            self._chosen = state.moments.chosen
            self._redraw()

    def watch_playing(self) -> None:
        self._redraw()

    def titles(self, state: RunState) -> tuple[Content, Content]:
        return Content(title(state, playing=self.playing)), Content(kept_words(state))

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        if reason := why_none(state):
            below = Content.styled(reason, "$foreground-muted").wrap(width)
        else:
            below = [_slider(state, width, height)]
        chosen = state.moments.chosen
        chart = draw_chart(
            losses(state),
            width=width,
            height=height - len(below),
            spikes=(),
            x=_x(state),
            whole=True,
            styles=STYLES,
            cursor=state.step if chosen == NOW else chosen,
        )
        return [*chart, *below]

    # Moving the slider.

    def action_move(self, by: int) -> None:
        """Look at a moment so many further on."""
        moments, now = self.state.moments, self.state.step
        stops = moments.stops(now)
        self._choose(stops[max(0, min(moments.place(now) + by, len(stops) - 1))])

    def action_move_to(self, place: int) -> None:
        """Look at the first moment (0) or the last (-1), which is now."""
        self._choose(self.state.moments.stops(self.state.step)[place])

    def _frame(self) -> Frame | None:
        return _frame(self.state, *self.size)

    def go_to_cell(self, frame: Frame, cell: int) -> None:
        cells = _cells(self.state, frame)
        place = min(range(len(cells)), key=lambda one: abs(cells[one] - cell - frame.gutter))
        self._choose(self.state.moments.stops(self.state.step)[place])

    def _choose(self, step: int) -> None:
        if step != self.state.moments.chosen:
            self.post_message(self.Chosen(step))


def title(state: RunState, *, playing: bool) -> str:
    """Which moment is looked at, and what its loss was."""
    chosen = state.moments.chosen
    words = ["time", "now" if chosen == NOW else f"step {count(chosen)}"]
    step = state.step if chosen == NOW else chosen
    if chosen == NOW:
        words[1] = f"now, step {count(step)}"
    evaluated = (one.mean for one in state.validation.buckets if one.first == step == one.last)
    words += [f"held-out loss {with_bits(loss, tokens_of(state))}" for loss in evaluated]
    return " · ".join([*words, *["playing"] * playing])


def kept_words(state: RunState) -> str:
    """How many moments are kept, and what of their budget they take."""
    kept = state.moments.kept
    if kept is None:
        return ""
    return f"{count(len(kept.steps))} kept, {size(kept.bytes)} of {size(kept.budget)}"


def why_none(state: RunState) -> str:
    """Why there is no moment to look at; empty where there are some."""
    kept, opened = state.moments.kept, state.opened
    if kept is None or opened is None or kept.steps:
        return ""
    if not opened.saving:
        return "Nothing is kept of a run that is not saved (--no-save): there is only now."
    if not kept.budget:
        return (
            "No weights are kept: their budget, train.moments_mb, is 0. "
            f"--run {opened.run} --set train.moments_mb=200 keeps those of later steps."
        )
    weights = BYTES_OF_A_WEIGHT * opened.parameters
    if weights > kept.budget:
        return (
            f"No weights are kept: those of one step take {size(weights)}, more than their budget of "
            f"{size(kept.budget)} (train.moments_mb)."
        )
    if state.phase == "following":
        return "The program that trains this run has kept no weights so far: there is only now."
    if not state.step:
        return "The weights are kept from the first step on: space starts training."
    forked = state.forked
    if forked is not None and forked.step == state.step:
        parent = next((run.run for run in state.compared if run.run == forked.run), "")
        earlier = f" Those of earlier steps are with {parent}, its parent." if parent else ""
        return f"A fork keeps its weights from its first step on: space starts training.{earlier}"
    return "No weights of the steps so far were kept: those of later steps will be."


def _slider(state: RunState, width: int, height: int) -> Content:
    framed = _frame(state, width, height)
    if framed is None:
        return Content("")
    page = Page(width, 1)
    cells = _cells(state, framed)
    page.write(0, framed.gutter, RAIL * (width - framed.gutter), RAIL_STYLE)
    for cell in cells:
        page.write(0, cell, MARK, MARK_STYLE)
    page.write(0, cells[state.moments.place(state.step)], THUMB, THUMB_STYLE)
    return page.lines()[0]


def _frame(state: RunState, width: int, height: int) -> Frame | None:
    """Where the steps lie in the chart and in the slider, which takes the last line."""
    return frame(losses(state), width=width, height=height - 1, x=_x(state), whole=True)


def _x(state: RunState) -> XAxis:
    return x_axis(state, "steps", log=True)


def _cells(state: RunState, framed: Frame) -> list[int]:
    """Where each stop stands in the slider."""
    stops = state.moments.stops(state.step)
    steps = (state.step if step == NOW else step for step in stops)
    return [framed.gutter + framed.cell(step) for step in steps]
