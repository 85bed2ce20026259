"""Lines that scroll, and follow their end unless a person has scrolled up."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual


class Line(NamedTuple):
    """One line, plain: it is coloured only when it is drawn, since thousands may be out of sight."""

    text: str
    quiet: int = 0
    """So many characters at the beginning were given, not written."""
    label: str = ""
    cursor: str = ""

    @property
    def plain(self) -> str:
        """What is read in it."""
        return f"{self.label}{self.text}{self.cursor}"

    @property
    def content(self) -> Content:
        """It in its colours."""
        text = Content(self.text).stylize("$foreground-muted", 0, self.quiet)
        return Content.assemble((self.label, "$primary"), text, (self.cursor, "$primary"))


def lines_of(texts: Sequence[str], given: int) -> list[Line]:
    """The lines of a wrapped text, of which so many characters were given."""
    lines = []
    for text in texts:
        lines.append(Line(text, min(max(0, given), len(text))))
        given -= len(text) + 1
    return lines


class ScrollingLines(ScrollView, can_focus=True):
    """Draws only the lines in sight, so a long text costs no more than a short one."""

    DEFAULT_CSS = "ScrollingLines { scrollbar-size-vertical: 1; overflow-x: hidden; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._following = True

    @property
    def plain(self) -> str:
        """All the text, as it is wrapped."""
        return "\n".join(line.plain for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines, each at most as wide as the widget."""
        following = self._following
        self._lines = lines
        self.virtual_size = Size(self.size.width, len(lines))
        if following:
            self.scroll_end(animate=False, immediate=True, force=True)
        self.refresh(layout=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._following = new_value >= self.max_scroll_y

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        if shown:  # it appears after the lines were scrolled, and would stand at the top
            self.vertical_scrollbar.position = self.scroll_y

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        number = y + self.scroll_offset.y
        line = self._lines[number] if number < len(self._lines) else Line("")
        strips = Visual.to_strips(self, line.content, width, 1, self.visual_style)
        return strips[0] if strips else Strip.blank(width)
