"""The loss: the chart, and under it the newest values."""

from collections.abc import Sequence
from math import exp, log
from statistics import fmean

from textual.content import Content
from textual.reactive import reactive

from engine.protocol import RunCurve
from tui.drawing.chart import draw_chart, legend
from tui.drawing.series import CLIPPED, COMPARED, HELD_OUT, ChartStyles
from tui.drawing.value_range import FEWEST_STEPS, Losses, value_range
from tui.drawing.words import count
from tui.panes.pane import Pane
from tui.remarks import remark
from tui.state import RunState

STYLES = ChartStyles()

_TALL = 9  # lines of the pane from which on compared runs have one of their own
_NAME = 20  # cells of the name of a compared run
_GAP = "  "


class LossPane(Pane):
    """Training and held-out loss over the steps, with two reference losses."""

    DEFAULT_CSS = "LossPane { border-subtitle-align: left; }"
    BORDER_TITLE = "loss, in nats per character"

    log_x: reactive[bool] = reactive(False)
    whole: reactive[bool] = reactive(False)
    """Whether the whole fall is shown, however little of it the newest losses take."""

    def part(self, state: RunState) -> object:
        return (
            state.step,
            state.steps,
            state.evaluated,
            state.corpus,
            state.phase,
            state.compared,
        )

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        below = [numbers(state, width, compared=height < _TALL)]
        if state.compared and height >= _TALL:
            below.insert(0, compared_runs(state, width))
        chart = draw_chart(
            losses(state),
            width=width,
            height=height - len(below),
            spikes=state.spikes.found,
            steps=state.last_planned_step,
            log_x=self.log_x,
            whole=self.whole,
            styles=STYLES,
        )
        return [*chart, *below]

    def watch_whole(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        self.border_title = title(self.state, self.whole)
        self.border_subtitle = verdict(self.state)
        super()._redraw()


def losses(state: RunState) -> Losses:
    """What the chart draws of a run."""
    corpus = state.corpus
    return Losses(
        train=state.train,
        validation=state.validation,
        compared=tuple(run.losses for run in state.compared),
        uniform=corpus.uniform_loss if corpus else None,
        unigram=corpus.unigram_loss if corpus else None,
        bigram=corpus.bigram_loss if corpus else None,
    )


def title(state: RunState, whole: bool) -> str:
    """What the chart shows, and the key that shows more or less of it."""
    unit = LossPane.BORDER_TITLE
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


def numbers(state: RunState, width: int, *, compared: bool) -> Content:
    """The legend and the newest losses in one line, the compared runs too if `compared`; what does
    not fit is left out at the right."""
    parts = []
    if state.newest:  # single batches are noisy
        parts.append(Content.assemble(("━ training", "$primary"), f" {fmean(state.newest):.3f}"))
    evaluated = state.evaluated
    if evaluated is not None:
        held_out = (f"{HELD_OUT} held-out", "$accent")
        # The verdict follows the training loss until there is a later evaluation.
        when = " (untrained)" if evaluated.step == 0 < state.step else ""
        parts.append(Content.assemble(held_out, f" {evaluated.loss:.4f}{when}"))
    if compared and state.compared:
        parts.append(compared_runs(state, width - _joined(parts, width).cell_length - len(_GAP)))
    if evaluated is not None:
        parts += [
            Content(f"{evaluated.loss / log(2):.2f} bits/char"),
            Content(f"{evaluated.accuracy:.0%} right"),
            Content(f"perplexity {exp(min(evaluated.loss, 50)):.2f}"),
        ]
    if state.best is not None:
        parts.append(
            Content(f"lowest held-out {state.best.loss:.4f} at step {count(state.best.step)}")
        )
    return _joined(parts or [legend(STYLES)], width)


def compared_runs(state: RunState, width: int) -> Content:
    """The mark, name and lowest held-out loss of the compared runs, as many as fit, and the number of
    the others."""
    named = []
    for run, (mark, style) in zip(state.compared, COMPARED, strict=False):
        name = f"{mark} {Content(run.run).truncate(_NAME, ellipsis=True).plain}"
        best = f" {min(loss for _, loss in run.losses):.4f}" if run.losses else ""
        other = " (other text)" if _is_of_another_text(run, state) else ""
        named.append(Content.assemble((name, style), best, (other, "$foreground-muted")))
    for number in range(len(named), 0, -1):
        more = [Content(f"+{len(named) - number}")] if number < len(named) else []
        whole = Content(_GAP).join([*named[:number], *more])
        if whole.cell_length <= width:
            return whole
    return Content(f"+{len(named)} compared")


def _is_of_another_text(run: RunCurve, state: RunState) -> bool:
    own = state.corpus.sha256 if state.corpus else ""
    return bool(own and run.sha256) and run.sha256 != own


def _joined(parts: Sequence[Content], width: int) -> Content:
    """The parts that fit, in their order."""
    text = Content("")
    for part in parts:
        longer = text + Content(_GAP) + part if text else part
        if longer.cell_length > width:
            break
        text = longer
    return text
