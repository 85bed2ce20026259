"""The base of the panes that are charts: what the mouse does."""

from textual.events import MouseDown, MouseMove

from tui.drawing.chart import Frame
from tui.panes.pane import Pane
from tui.state import RunState


class ChartPane(Pane, can_focus=True):
    """A chart, in which a click or dragging goes to a step."""

    ALLOW_SELECT = False  # dragging does not select text

    def part(self, state: RunState) -> object:
        return (
            state.step,
            state.steps,
            state.evaluated,
            state.corpus,
            state.opened,
            state.phase,
            state.compared,
            state.forked,
            state.ladder,
        )

    def _frame(self) -> Frame | None:
        """Where steps and losses lie in the chart as it is drawn now; None if it is blank."""
        raise NotImplementedError

    def go_to_cell(self, frame: Frame, cell: int) -> None:
        """Go to the step nearest to a cell of the plot, which may lie outside of it."""
        raise NotImplementedError

    def on_mouse_down(self, event: MouseDown) -> None:
        self.capture_mouse()
        self._go_to_mouse(event)

    def on_mouse_move(self, event: MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._go_to_mouse(event)

    def on_mouse_up(self) -> None:
        self.release_mouse()

    def _go_to_mouse(self, event: MouseDown | MouseMove) -> None:
        frame = self._frame()
        if frame is not None:
            self.go_to_cell(frame, event.get_content_offset_capture(self).x - frame.gutter)
