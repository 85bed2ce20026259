"""Lines that scroll, and follow their end unless the user has scrolled up."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual

from tui.copies import Spans
from tui.drawing.wrapping import line_starts

PROMPT = "$foreground-muted underline"
"""How a prompt stands apart from what was written: also where there are no colours."""
COPIED = "$secondary bold underline"
"""How a copy of the training text stands apart from both."""


class Line(NamedTuple):
    """One line of plain text, styled only when it is drawn: thousands may be out of sight."""

    text: str
    muted: int = 0
    """The number of characters at the start that belong to the prompt."""
    copied: Spans = ()
    """The parts of it that are copied from the training text."""
    click: str = ""
    """The action of a click on these parts."""
    label: str = ""
    cursor: str = ""

    @property
    def plain(self) -> str:
        """Its text with label and cursor."""
        return f"{self.label}{self.text}{self.cursor}"

    @property
    def content(self) -> Content:
        """The styled line."""
        text = Content(self.text).stylize(PROMPT, 0, self.muted)
        if self.copied:
            copied = Style.parse(COPIED) + Style.from_meta({"@click": self.click})
            for start, end in self.copied:
                text = text.stylize(copied, start, end)
        return Content.assemble((self.label, "$primary"), text, (self.cursor, "$primary"))


def lines_of(texts: Sequence[str], prompt_length: int) -> list[Line]:
    """The lines of a wrapped text that starts with a prompt of this many characters."""
    lines = []
    for text in texts:
        lines.append(Line(text, min(max(0, prompt_length), len(text))))
        prompt_length -= len(text) + 1
    return lines


def with_copies(lines: Sequence[Line], text: str, copied: Spans, click: str) -> list[Line]:
    """The lines of a text with the copied parts of it marked. `copied`: in order, without overlap;
    `click`: the action of a click on them."""
    marked = []
    first = 0
    for line, start in zip(lines, line_starts(text, [line.text for line in lines]), strict=True):
        end = start + len(line.text)
        while first < len(copied) and copied[first][1] <= start:
            first += 1
        last = first
        while last < len(copied) and copied[last][0] < end:
            last += 1
        here = ((max(a, start) - start, min(b, end) - start) for a, b in copied[first:last])
        marked.append(line._replace(copied=tuple(here), click=click))
    return marked


class ScrollingLines(ScrollView, can_focus=True):
    """Draws only the visible lines, so a long text costs no more than a short one."""

    DEFAULT_CSS = """
    ScrollingLines {
      scrollbar-size-vertical: 1; overflow-x: hidden;
      link-color: $secondary; link-style: bold underline;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._following = True

    @property
    def plain(self) -> str:
        """The whole text as it is wrapped."""
        return "\n".join(line.plain for line in self._lines)

    @property
    def room(self) -> int:
        """Cells for a line. The scrollbar has its place before it appears: lines need not be
        wrapped again when it does."""
        return self.size.width - self.styles.scrollbar_size_vertical

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines, each of at most `room` cells."""
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
        if shown:  # it appears after the lines were scrolled, and would start at the top
            self.vertical_scrollbar.position = self.scroll_y

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        number = y + self.scroll_offset.y
        if number >= len(self._lines):
            return Strip([], 0)  # Textual fills the rest of each row
        content = self._lines[number].content
        strips = Visual.to_strips(self, content, width, 1, self.visual_style)
        return strips[0] if strips else Strip.blank(width)
