"""The samples that the model generates at each evaluation: reading down, they get better."""

import re

from textual.events import Resize
from textual.reactive import reactive

from engine.protocol import Excerpt
from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.panes.scrolling import Line, ScrollingLines, lines_of
from tui.state import RunState

LABEL = 13
"""Cells for the label with the step."""


class SamplesPane(ScrollingLines):
    """One excerpt per evaluation, the oldest at the top."""

    BORDER_TITLE = "samples"

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
        """Show all excerpts; only new ones are wrapped."""
        shown, before = self._shown or (), self._wrapped
        self._wrapped = {one: before.get(one) or excerpt_lines(one, self.room) for one in shown}
        self.show([line for one in shown for line in self._wrapped[one]])


def excerpt_lines(excerpt: Excerpt, width: int) -> list[Line]:
    """The step, the muted prompt and the generated text, with slashes for line breaks."""
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
