"""The line under the chart that names the compared runs."""

from textual.content import Content

from engine.protocol import RunCurve
from tui.drawing.axis import Unit
from tui.drawing.series import COMPARED
from tui.panes.chart_axis import is_left_out
from tui.state import RunState
from tui.tokens import loss_unit

_NAME = 20  # cells of the name of a run
_GAP = "  "


def compared_runs(state: RunState, width: int, unit: Unit = "steps") -> Content:
    """The mark, name and lowest held-out loss of the compared runs, as many as fit, and the number of
    the others."""
    named = []
    for run, (mark, style) in zip(state.compared, COMPARED, strict=False):
        name = f"{mark} {Content(run.run).truncate(_NAME, ellipsis=True).plain}"
        best = _best(run, mixed=loss_unit(state).mixed)
        remark = " (parent)" if state.forked and run.run == state.forked.run else ""
        if _is_of_another_text(run, state):
            remark = " (other text)"
        if is_left_out(run, unit):
            remark = f" (not drawn: {unit} not recorded)"
        named.append(Content.assemble((name, style), best, (remark, "$foreground-muted")))
    for number in range(len(named), 0, -1):
        more = [Content(f"+{len(named) - number}")] if number < len(named) else []
        whole = Content(_GAP).join([*named[:number], *more])
        if whole.cell_length <= width:
            return whole
    return Content(f"+{len(named)} compared")


def _best(run: RunCurve, *, mixed: bool) -> str:
    """Its lowest loss. `mixed`: the runs have different tokenizers, so that bits per byte compare."""
    if not run.losses:
        return ""
    lowest = min(loss for _, loss in run.losses)
    if not mixed:
        return f" {lowest:.4f}"
    bits = run.tokens.bits_per_byte(lowest)
    return " (not drawn: no bits per byte recorded)" if bits is None else f" {bits:.3f} bits/byte"


def _is_of_another_text(run: RunCurve, state: RunState) -> bool:
    own = state.corpus.sha256 if state.corpus else ""
    return bool(own and run.sha256) and run.sha256 != own
