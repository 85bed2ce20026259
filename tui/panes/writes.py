"""What it writes by itself, from exam to exam: reading down, one watches it go to school."""

import re

from textual.content import Content
from textual.events import Resize
from textual.reactive import reactive

from engine.protocol import Excerpt
from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.panes.scrolling import ScrollingLines
from tui.state import RunState

LABEL = 13
"""Cells for the step."""


class WritesPane(ScrollingLines):
    """One excerpt a step, the oldest at the top."""

    BORDER_TITLE = "what it writes"

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    _shown: tuple[Excerpt, ...] | None = None

    def watch_state(self, state: RunState) -> None:
        if state.excerpts is not self._shown:
            self._shown = state.excerpts
            self._rewrap()

    def on_resize(self, _event: Resize) -> None:
        self._rewrap()

    def _rewrap(self) -> None:
        width = self.size.width - self.scrollbar_size_vertical
        self.show([line for excerpt in self._shown or () for line in excerpt_lines(excerpt, width)])


def excerpt_lines(excerpt: Excerpt, width: int) -> list[Content]:
    """The step, the prompt in a quiet colour, and what was written: a slash for each line's end."""
    wrapping = Wrapping(width - LABEL)
    prompt, text = (_in_a_row(part) for part in (excerpt.prompt, excerpt.text.rstrip("\n")))
    wrapping.append(prompt + text)
    lines = []
    quiet = len(prompt)
    for number, text in enumerate(wrapping.lines):
        label = f"step {count(excerpt.step):>6}" if number == 0 else ""
        content = Content(text).stylize("$foreground-muted", 0, max(0, min(quiet, len(text))))
        lines.append(Content.styled(label.ljust(LABEL), "$primary") + content)
        quiet -= len(text) + 1
    return lines


def _in_a_row(text: str) -> str:
    return re.sub(r"\n+", " / ", text)
