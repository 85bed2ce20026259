"""The mean curves of the cases of a sweep."""

from textual.content import Content
from textual.reactive import reactive

from tui.drawing.mean_chart import MeanLine, draw_means
from tui.drawing.series import COMPARED
from tui.mean_curve import MeanPoint, mean_curve
from tui.panes.pane import Pane
from tui.state import RunState
from tui.sweep.comparison import CaseResult
from tui.sweep.shown import ShownSweep, drawn, results_of
from tui.sweep.unit import is_mixed

OTHER = "$foreground 35%"
SELECTED = ("◆", "bold $foreground")
"""Mark and style of the selected case, where it is none of the best."""


class CasesChart(Pane):
    """The best cases have marks and colours of their own, as in the table; the selected one is on
    top."""

    selected: reactive[str] = reactive("", repaint=False)
    """The label of the selected case."""
    whole: reactive[bool] = reactive(False, repaint=False)
    """Whether the first steps are sure to be inside, too."""

    def part(self, state: RunState) -> object:
        sweep = state.lab.sweep
        return sweep.read, sweep.curves

    def watch_selected(self) -> None:
        self._redraw()

    def watch_whole(self) -> None:
        self._redraw()

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        sweep = state.lab.sweep
        lines, front = [], []
        for number, row in enumerate(drawn(sweep)):
            mark, style = COMPARED[number] if number < len(COMPARED) else ("", OTHER)
            if row.case == self.selected:
                mark, style = (mark, f"bold {style}") if mark else SELECTED
                front.append(MeanLine(curve_of(sweep, row), mark, style))
            else:
                lines.append(MeanLine(curve_of(sweep, row), mark, style))
        # The best ones over the others.
        ordered = [*reversed(lines), *front]
        return draw_means(ordered, width=width, height=height, whole=self.whole)


def curve_of(shown: ShownSweep, row: CaseResult) -> list[MeanPoint]:
    """The mean over the runs of a case that have ended; before there is one, over those that are
    trained."""
    results = results_of(shown, row)
    done = {one.run for one in results if one.state == "done"}
    runs = done or {one.run for one in results if one.state == "started"}
    mixed = is_mixed(shown)
    return mean_curve(
        [
            [(step, curve.tokens.compared(loss, mixed=mixed)) for step, loss in curve.losses]
            for curve in shown.curves
            if curve.run in runs
        ]
    )
