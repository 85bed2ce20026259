"""The base of the drawn parts of the screen: each draws a part of the state, at a limited rate, and
never changes the layout."""

from time import monotonic
from typing import Self

from textual.content import Content
from textual.geometry import Region
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from tui.state import RunState


class Pane(Widget):
    """A widget that is a pure function of the state and its own size."""

    auto_links: reactive[bool] = reactive(False)
    """Whether links have a style of their own: looking for them takes time."""
    INTERVAL = 1.0
    """The least number of seconds between two redraws within a phase: drawing slows training."""

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    _part: object = None
    _phase: object = None
    _drawn_at = 0.0
    _timer: Timer | None = None
    _titles: tuple[Content, Content] | None = None
    _drawn: Content | None = None
    """What was drawn last."""
    _ready: Content | None = None
    """The same, as long as it is not painted."""

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

    def titles(self, state: RunState) -> tuple[Content, Content] | None:
        """The words in the border, above and below, where they change with the state."""
        return None

    def _redraw(self) -> None:
        """Draw at once, and have it painted if it has changed: painting takes most of the time."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._drawn_at = monotonic()
        self._write_titles()
        if not self.is_on_screen:
            self.refresh(layout=False)
            return
        drawn = self._draw()
        if self._drawn is None or not drawn.is_same(self._drawn):
            self.refresh(layout=False)
            self._ready = self._drawn = drawn

    def _write_titles(self) -> None:
        """Write the titles that have changed."""
        titles, before = self.titles(self.state), self._titles
        if titles is not None and titles != before:
            self._titles = titles
            if before is None or titles[0] != before[0]:
                self.border_title = titles[0]
            if before is None or titles[1] != before[1]:
                self.border_subtitle = titles[1]

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw it again, even if a drawing is ready to be painted."""
        self._ready = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render(self) -> Content:
        drawn, self._ready = self._ready, None
        self._drawn = self._draw() if drawn is None else drawn
        return self._drawn

    def _draw(self) -> Content:
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
