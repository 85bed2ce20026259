"""The base of the drawn parts of the screen: each draws a part of the state, at a limited rate, and
never changes the layout."""

from time import monotonic
from typing import Self

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer
from textual.visual import Visual
from textual.widget import Widget

from tui.state import RunState

SLACK = 0.1
"""The fraction of its interval by which a pane is drawn early or late, to be drawn with others."""


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
    _border_row: int | None = None
    """The row of the widget whose title is being written."""
    _rows: list[Content] | None = None
    """What was drawn last; None: it has to be drawn again."""
    _strips: dict[int, Strip]
    """Those of its rows that are rendered for the terminal, which takes most of the time."""
    _size_drawn = Size(0, 0)
    _base_style: Style

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
        slack = SLACK * self.INTERVAL
        if wait <= slack:
            self._redraw()
        elif self._timer is None:
            self._timer = self.set_timer(wait + slack, self._redraw)

    def titles(self, state: RunState) -> tuple[Content, Content] | None:
        """The words in the border, above and below, where they change with the state."""
        return None

    def _redraw(self) -> None:
        """Draw at once, and have the rows painted that have changed: painting takes most of the
        time."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._drawn_at = monotonic()
        self._write_titles()
        before = self._rows
        if before is None or self.size != self._size_drawn or not self.is_on_screen:
            self.refresh(layout=False)
            return
        rows = self._draw()
        if len(rows) != len(before):
            self.refresh(layout=False)
            return
        changed = [
            y for y, row in enumerate(rows) if row is not before[y] and not row.is_same(before[y])
        ]
        self._rows = rows
        for y in changed:
            self._strips.pop(y, None)
        if changed:
            width = self.size.width
            super().refresh(*(Region(0, y, width, 1) for y in changed))

    def _write_titles(self) -> None:
        """Write the titles that have changed."""
        titles, before = self.titles(self.state), self._titles
        if titles is not None and titles != before:
            self._titles = titles
            if before is None or titles[0] != before[0]:
                self._border_row = 0
                self.border_title = titles[0]
            if before is None or titles[1] != before[1]:
                self._border_row = self.outer_size.height - 1
                self.border_subtitle = titles[1]
            self._border_row = None

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw it again, all of it; where it is refreshed for a title, only the border there."""
        if self._border_row is not None and self._rows is not None:
            left, top = self.content_offset
            row = Region(-left, self._border_row - top, self.outer_size.width, 1)
            return super().refresh(row)
        self._rows = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        self._rows = None
        super().notify_style_update()

    def render(self) -> Content:
        return Content("\n").join(self._draw())

    def render_line(self, y: int) -> Strip:
        """A row for the terminal; Textual's own would render all of them."""
        if self.text_selection is not None:  # it goes over several rows
            return super().render_line(y)
        if self._rows is None or self.size != self._size_drawn:
            self._rows, self._strips, self._size_drawn = self._draw(), {}, self.size
            self._base_style = self.visual_style
        y = min(y, len(self._rows))  # the rows below are all alike
        if (strip := self._strips.get(y)) is None:
            strip = self._strips[y] = self._strip(y)
        return strip

    def _strip(self, y: int) -> Strip:
        """A row for the terminal. It has at most the width of the pane: Textual's own way, which
        wraps it, takes twice the time."""
        assert self._rows is not None, "it is drawn"
        base = self._base_style
        if y >= len(self._rows):
            return Strip.blank(self.size.width, base.rich_style)
        row = self._rows[y]
        if self.auto_links:
            (strip,) = Visual.to_strips(self, row, self.size.width, 1, base)
            return strip.apply_offsets(0, y)
        segments, x = [], 0
        for text, over in row.render(base, end="", parse_style=self._get_style):
            style = base + over
            selectable = self.ALLOW_SELECT
            drawn = style.rich_style_with_offset(x, y) if selectable else style.rich_style
            segments.append(Segment(text, drawn))
            x += len(text)
        return Strip(segments, row.cell_length)

    def _draw(self) -> list[Content]:
        width, height = self.size
        return self.draw(self.state, width, height)[:height] if width and height else []


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
