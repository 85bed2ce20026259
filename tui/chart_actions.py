"""What the keys do to the loss chart."""

from tui.app_part import AppPart
from tui.drawing.axis import UNITS
from tui.panes.chart_axis import is_left_out
from tui.panes.loss import LossPane, why_only_whole


class ChartActions(AppPart):
    """The part of the app that decides what the loss chart shows."""

    def action_log_axis(self) -> None:
        """Switch between a linear and a logarithmic x axis."""
        pane = self.query_one(LossPane)
        pane.log_x = not pane.log_x
        pane.whole = pane.log_x  # the beginning takes most of a logarithmic axis

    def action_x_unit(self) -> None:
        """Switch the x axis between steps, characters and seconds; name what has no record of them."""
        pane = self.query_one(LossPane)
        unit = UNITS[(UNITS.index(pane.x_unit) + 1) % len(UNITS)]
        pane.x_unit = unit
        without = [run.run for run in self.state.compared if is_left_out(run, unit)]
        if without:
            names = ", ".join(without)
            self.notify(f"Not drawn, for lack of a record of its {unit}: {names}.", markup=False)

    def action_whole_loss(self) -> None:
        """Show the whole fall of the loss, or the newest part of it, larger; say why where there is
        no such part."""
        if reason := why_only_whole(self.state):
            self.notify(reason)
            return
        pane = self.query_one(LossPane)
        pane.whole = not pane.whole

    def action_chart_cursor(self, cells: int) -> None:
        """Move the cursor of the chart, or show it first."""
        pane = self.query_one(LossPane)
        if pane.is_on_screen:
            self.screen_stack[0].set_focus(pane)
            pane.action_move(cells)
