"""What it writes by itself, from exam to exam: reading down, one watches it go to school."""

import re

from textual.events import Resize
from textual.reactive import reactive

from engine.protocol import Excerpt
from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.panes.scrolling import Line, ScrollingLines, lines_of
from tui.state import RunState

LABEL = 13
"""Cells for the step."""


class SamplesPane(ScrollingLines):
    """One excerpt a step, the oldest at the top."""

    BORDER_TITLE = "what it writes"

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    _shown: tuple[Excerpt, ...] | None = None

    def __init__(self) -> None:
        super().__init__()
        self._wrapped: dict[Excerpt, list[Line]] = {}

    def watch_state(self, state: RunState) -> None:
        if state.excerpts is not self._shown:
            self._shown = state.excerpts
            self._wrap()

    def on_resize(self, _event: Resize) -> None:
        self._wrapped.clear()
        self._wrap()

    def _wrap(self) -> None:
        """Show what there is; of it only what is new is wrapped."""
        width = self.size.width - self.scrollbar_size_vertical
        shown, before = self._shown or (), self._wrapped
        self._wrapped = {one: before.get(one) or excerpt_lines(one, width) for one in shown}
        self.show([line for one in shown for line in self._wrapped[one]])


def excerpt_lines(excerpt: Excerpt, width: int) -> list[Line]:
    """The step, the prompt in a quiet colour, and what was written: a slash for each line's end."""
    wrapping = Wrapping(width - LABEL)
    prompt, text = (_in_a_row(part) for part in (excerpt.prompt, excerpt.text.rstrip("\n")))
    wrapping.append(prompt + text)
    label = f"step {count(excerpt.step):>6}"
    return [
        line._replace(label=(label if number == 0 else "").ljust(LABEL))
        for number, line in enumerate(lines_of(wrapping.lines, len(prompt)))
    ]


def _in_a_row(text: str) -> str:
    return re.sub(r"\n+", " / ", text)
