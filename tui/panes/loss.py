"""The loss: the chart, and under it the newest values."""

from collections.abc import Sequence
from math import exp

from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive

from tui.compared import branches_at
from tui.drawing.axis import Unit
from tui.drawing.chart import MIN_HEIGHT, Frame, draw_chart, frame, legend
from tui.drawing.series import CLIPPED, HELD_OUT, ChartStyles
from tui.drawing.value_range import FEWEST_STEPS, Losses, value_range
from tui.drawing.words import count
from tui.encoding import named
from tui.panes.chart_axis import is_left_out, x_axis
from tui.panes.chart_cursor import (
    KEYS,
    explained,
    marks_of,
    nearest,
    readout,
    signs,
    step_cells_away,
)
from tui.panes.chart_pane import ChartPane
from tui.panes.compared_runs import compared_runs
from tui.remarks import remark
from tui.state import RunState
from tui.tokens import as_bits, guesses, loss_unit, tokens_of

STYLES = ChartStyles()

_TALL = 9  # lines of the pane from which on compared runs have one of their own
_ROOMY = 16  # lines from which on what the signs in the chart mean has one
_GAP = "  "


class LossPane(ChartPane):
    """Training and held-out loss over the steps, with two reference losses, and a cursor while it has
    the focus."""

    DEFAULT_CSS = "LossPane { border-subtitle-align: left; }"
    BORDER_TITLE = "loss"

    BINDINGS = [
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("home", "move_to_start", show=False),
        Binding("end", "move_to_end", show=False),
        Binding("escape", "leave_chart", show=False),
    ]

    log_x: reactive[bool] = reactive(False)
    whole: reactive[bool] = reactive(False, repaint=False)
    """Whether the whole fall is shown, however little of it the newest losses take."""
    x_unit: reactive[Unit] = reactive("steps")
    cursor: reactive[int | None] = reactive(None, repaint=False)
    """The step that the cursor is at; None: at the newest."""

    _framed: tuple[RunState, tuple[object, ...], Frame | None] | None = None
    """The frame that was made last, and of what."""

    def part(self, state: RunState) -> object:
        return super().part(state), state.course.marks

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        below = self._below(state, width, height)
        chart = draw_chart(
            losses(state, self.x_unit),
            width=width,
            height=height - len(below),
            spikes=spikes(state),
            x=x_axis(state, self.x_unit, log=self.log_x),
            whole=self.whole,
            styles=STYLES,
            marks=[(mark.step, mark.sign) for mark in marks_of(state, self.x_unit)],
            cursor=self._shown_cursor(state),
        )
        return [*chart, *below]

    def _below(self, state: RunState, width: int, height: int) -> list[Content]:
        """The lines under the chart: what the cursor tells, or else the newest losses."""
        cursor = self._shown_cursor(state)
        if cursor is not None:
            below = readout(state, cursor, width, 2 if height >= MIN_HEIGHT + 2 else 1)
        else:
            below = [numbers(state, width, self.x_unit, compared=height < _TALL)]
        if state.compared and height >= _TALL:
            below.insert(0, compared_runs(state, width, self.x_unit))
        if height >= _ROOMY and (there := signs(state, self.x_unit)):
            below.insert(0, _joined(there, width).stylize("$foreground-muted"))
        return below

    def watch_whole(self) -> None:
        self._redraw()

    def titles(self, state: RunState) -> tuple[Content, Content]:
        return Content(title(state, self.whole)), self._subtitle()

    def _subtitle(self) -> Content:
        """What the losses say; while the chart is read, what happened there, or else the keys."""
        cursor = self._shown_cursor(self.state)
        frame = None if cursor is None else self._frame()
        if cursor is None or frame is None:
            return verdict(self.state)
        happened = explained(self.state, frame, self.x_unit, cursor)
        return Content(happened) if happened else Content.styled(named(KEYS), "$foreground-muted")

    # The cursor.

    def _shown_cursor(self, state: RunState) -> int | None:
        """The step of the cursor, if it is shown."""
        return self._cursor_step(state) if self.has_focus else None

    def _cursor_step(self, state: RunState) -> int | None:
        """The step that the cursor is at, or would be; None before anything is recorded."""
        newest = state.course.last
        if newest is None:
            return None
        return newest.step if self.cursor is None else min(self.cursor, newest.step)

    def _frame(self) -> Frame | None:
        width, height = self.size
        height -= len(self._below(self.state, width, height))
        view = (width, height, self.x_unit, self.log_x, self.whole)
        if self._framed is None or self._framed[0] is not self.state or self._framed[1] != view:
            x = x_axis(self.state, self.x_unit, log=self.log_x)
            shown = losses(self.state, self.x_unit)
            framed = frame(shown, width=width, height=height, x=x, whole=self.whole)
            self._framed = self.state, view, framed
        return self._framed[2]

    def action_move(self, cells: int) -> None:
        """Move the cursor by cells; at the end, it follows what is trained."""
        cursor, frame = self._cursor_step(self.state), self._frame()
        if cursor is not None and frame is not None:
            step = step_cells_away(self.state, frame, self.x_unit, cursor, cells)
            newest = self.state.course.last
            assert newest is not None, "the cursor is at a step"
            at_the_end = cells > 0 and frame.cell(step) == frame.cell(newest.step)
            self.cursor = None if at_the_end else step

    def action_move_to_start(self) -> None:
        """Move the cursor to the first step that is known."""
        moments = self.state.course.moments
        self.cursor = moments[0].step if moments else None

    def action_move_to_end(self) -> None:
        """Move the cursor to the newest step, and on with it."""
        self.cursor = None

    def action_leave_chart(self) -> None:
        """Hide the cursor."""
        self.cursor = None
        self.blur()

    def watch_cursor(self) -> None:
        self._redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._redraw()

    def go_to_cell(self, frame: Frame, cell: int) -> None:
        if self.state.course.last is not None:
            self.cursor = nearest(self.state, frame, self.x_unit, cell)


def losses(state: RunState, unit: Unit = "steps") -> Losses:
    """What the chart draws of a run; the curves of compared ones as far as their records allow."""
    guessed = guesses(state.corpus, tokens_of(state)) if state.corpus else None
    drawn = [() if is_left_out(run, unit) else run for run in state.compared]
    shown = Losses(
        train=state.train,
        validation=state.validation,
        compared=tuple(run.losses if run else () for run in drawn),
        branches_at=branches_at([run for run in drawn if run], state.forked),
        uniform=guessed.uniform if guessed else None,
        unigram=guessed.unigram if guessed else None,
        bigram=guessed.bigram if guessed else None,
        rungs=state.ladder.rungs,
    )
    unit_shown = loss_unit(state)
    return as_bits(shown, unit_shown.tokens, state.compared) if unit_shown.mixed else shown


def spikes(state: RunState) -> list[tuple[int, float]]:
    """Where the spikes lie in the chart."""
    unit = loss_unit(state)
    return [(step, unit.of(loss)) for step, loss in state.spikes.found]


def title(state: RunState, whole: bool) -> str:
    """What the chart shows, and the key that shows more or less of it."""
    unit = f"loss, in {loss_unit(state).name}"
    if not value_range(losses(state), whole=False).newest:
        return unit
    if whole:
        return f"{unit} · a: the later steps larger"
    return f"{unit} · {CLIPPED} it began higher, a shows all"


def why_only_whole(state: RunState) -> str:
    """Why the newest losses cannot be shown larger; empty where they can."""
    if value_range(losses(state), whole=False).newest:
        return ""
    if state.step < FEWEST_STEPS:
        return (
            f"The chart shows every loss; from step {FEWEST_STEPS} on, a shows the newest larger."
        )
    return "The chart shows every loss: the newest alone would hardly be larger."


def verdict(state: RunState) -> Content:
    """What the losses say, in words."""
    said = remark(state)
    if said is None:
        return Content("")
    return Content.styled(said.text, "$warning" if said.warning else "$foreground 80%")


def numbers(state: RunState, width: int, unit: Unit = "steps", *, compared: bool) -> Content:
    """The legend and the newest losses in one line, the compared runs too if `compared`; what does
    not fit is left out at the right."""
    parts, shown = [], loss_unit(state)
    if state.newest:  # single batches are noisy
        from statistics import fmean  # once there are losses

        train = shown.of(fmean(state.newest))
        parts.append(Content.assemble(("━ training", "$primary"), f" {train:.3f}"))
    evaluated = state.evaluated
    if evaluated is not None:
        held_out = (f"{HELD_OUT} held-out", "$accent")
        # The verdict follows the training loss until there is a later evaluation.
        when = " (untrained)" if evaluated.step == 0 < state.step else ""
        parts.append(Content.assemble(held_out, f" {shown.of(evaluated.loss):.4f}{when}"))
    if compared and state.compared:
        room = width - _joined(parts, width).cell_length - len(_GAP)
        parts.append(compared_runs(state, room, unit))
    if evaluated is not None:
        parts += [
            Content(shown.other(evaluated.loss)),
            Content(f"{evaluated.accuracy:.0%} right"),
            Content(f"perplexity {exp(min(evaluated.loss, 50)):.2f}"),
        ]
    if state.best is not None:
        lowest = shown.of(state.best.loss)
        parts.append(Content(f"lowest held-out {lowest:.4f} at step {count(state.best.step)}"))
    return _joined(parts or [legend(STYLES)], width)


def _joined(parts: Sequence[Content], width: int) -> Content:
    """The parts that fit, in their order."""
    text = Content("")
    for part in parts:
        longer = text + Content(_GAP) + part if text else part
        if longer.cell_length > width:
            break
        text = longer
    return text
