"""The loss: the chart, and under it the newest values."""

from math import exp, log
from statistics import fmean

from textual.content import Content
from textual.reactive import reactive

from tui.drawing.chart import draw_chart, legend
from tui.drawing.series import CLIPPED, COMPARED, HELD_OUT, ChartStyles
from tui.drawing.value_range import Losses, value_range
from tui.panes.pane import Pane
from tui.remarks import remark
from tui.state import RunState

STYLES = ChartStyles()


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
        chart = draw_chart(
            losses(state),
            width=width,
            height=height - 1,
            spikes=state.spikes.found,
            steps=state.last_planned_step,
            log_x=self.log_x,
            whole=self.whole,
            styles=STYLES,
        )
        return [*chart, numbers(state, width)]

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
    )


def title(state: RunState, whole: bool) -> str:
    """What the chart shows, and the key that shows more or less of it."""
    unit = LossPane.BORDER_TITLE
    if not value_range(losses(state), whole=False).newest:
        return unit
    if whole:
        return f"{unit} · a: the later steps larger"
    return f"{unit} · {CLIPPED} it began higher, a shows all"


def verdict(state: RunState) -> Content:
    """What the losses say, in words."""
    said = remark(state)
    if said is None:
        return Content("")
    return Content.styled(said.text, "$warning" if said.warning else "$foreground 80%")


def numbers(state: RunState, width: int) -> Content:
    """The legend and the newest losses in one line; what does not fit is left out at the right."""
    parts = []
    if state.newest:  # single batches are noisy
        parts.append(Content.assemble(("━ training", "$primary"), f" {fmean(state.newest):.3f}"))
    evaluated = state.evaluated
    if evaluated is not None:
        held_out = (f"{HELD_OUT} held-out", "$accent")
        parts.append(Content.assemble(held_out, f" {evaluated.loss:.4f}"))
    for run, style in zip(state.compared, COMPARED, strict=False):
        best = f" {min(loss for _, loss in run.losses):.4f}" if run.losses else ""
        parts.append(Content.assemble((f"━ {run.run}", style), best))
    if evaluated is not None:
        parts += [
            Content(f"{evaluated.loss / log(2):.2f} bits/char"),
            Content(f"{evaluated.accuracy:.0%} right"),
            Content(f"perplexity {exp(min(evaluated.loss, 50)):.2f}"),
        ]
    if not parts:
        parts.append(legend(STYLES))
    text = Content("")
    for part in parts:
        longer = text + Content("  ") + part if text else part
        if longer.cell_length > width:
            break
        text = longer
    return text
