"""The base of the drawn parts of the screen: each draws a part of the state, at a limited rate, and
never changes the layout."""

from time import monotonic

from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from tui.state import RunState


class Pane(Widget):
    """A widget that is a pure function of the state and its own size."""

    INTERVAL = 1.0
    """The least number of seconds between two redraws within a phase: drawing slows training."""

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    _part: object = None
    _phase: object = None
    _drawn_at = 0.0
    _timer: Timer | None = None

    def part(self, state: RunState) -> object:
        """What of the state is drawn; quick to compare."""
        raise NotImplementedError

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        """At most `height` lines of at most `width` cells."""
        raise NotImplementedError

    def watch_state(self, state: RunState) -> None:
        part = self.part(state)
        if part == self._part:
            return
        self._part = part
        if state.phase != self._phase:  # the user pressed a key and waits to see its effect
            self._phase = state.phase
            self._redraw()
            return
        wait = self._drawn_at + self.INTERVAL - monotonic()
        if wait <= 0:
            self._redraw()
        elif self._timer is None:
            self._timer = self.set_timer(wait, self._redraw)

    def _redraw(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._drawn_at = monotonic()
        self.refresh(layout=False)

    def render(self) -> Content:
        width, height = self.size
        if not (width and height):
            return Content("")
        return Content("\n").join(self.draw(self.state, width, height)[:height])


def line(left: Content, right: Content, width: int) -> Content:
    """One line with text at both ends; where it is too narrow, the right one is left out."""
    gap = width - left.cell_length - right.cell_length
    if gap >= 1:
        return left.pad_right(gap) + right
    return left.truncate(width, ellipsis=True)


def pair(label: str, value: str, width: int, label_width: int = 15) -> Content:
    """A muted label and its value, in columns."""
    text = Content.assemble((label.ljust(label_width), "$foreground-muted"), value)
    return text.truncate(width, ellipsis=True)
