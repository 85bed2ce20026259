"""The samples that the model generates at each evaluation, and the rungs that it passes: reading down,
they get better."""

import re

from textual.events import Resize
from textual.reactive import reactive

from data.beginning import LINE, beginning
from engine.protocol import Excerpt
from tui.drawing.references import PASSED
from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.ladder import Ladder
from tui.panes.scrolling import Line, ScrollingLines, lines_of
from tui.state import RunState

LABEL = 13
"""Cells for the label with the step."""
IN_SIGHT = 10
"""Of so many excerpts, the newest, a large pane shows as many lines as it has room for."""
FEW_LINES, MANY_LINES = 2, 6
"""Lines of an excerpt in a small pane, and at most."""


class SamplesPane(ScrollingLines):
    """One excerpt per evaluation, the oldest at the top; before it, the rungs that were passed."""

    BORDER_TITLE = "samples"

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    _shown: tuple[tuple[Excerpt, ...], Ladder] = ((), Ladder())

    def __init__(self) -> None:
        super().__init__()
        self._wrapped: dict[Excerpt, list[Line]] = {}

    def watch_state(self, state: RunState) -> None:
        shown = state.excerpts, state.ladder
        if any(new is not old for new, old in zip(shown, self._shown, strict=True)):
            self._shown = shown
            self._wrap()

    def on_resize(self, _event: Resize) -> None:
        self._wrapped.clear()
        self._wrap()

    def _wrap(self) -> None:
        """Show all excerpts; only new ones are wrapped."""
        (shown, ladder), before = self._shown, self._wrapped
        lines = lines_for(self.room - LABEL, self.size.height)
        self._wrapped = {
            one: before.get(one) or excerpt_lines(one, self.room, lines) for one in shown
        }
        passed = ladder.passings()
        lines_of_all: list[Line] = []
        for one in shown:
            while passed and passed[0][0] <= one.step:
                lines_of_all += passing_lines(*passed.pop(0), self.room)
            lines_of_all += self._wrapped[one]
        for step, said in passed:
            lines_of_all += passing_lines(step, said, self.room)
        self.show(lines_of_all)


def lines_for(width: int, height: int) -> int:
    """How many lines of each excerpt a pane shows that has this room for text."""
    return min(max(FEW_LINES, width * height // (LINE * IN_SIGHT)), MANY_LINES)


def excerpt_lines(excerpt: Excerpt, width: int, lines: int) -> list[Line]:
    """The step, the muted prompt and so many lines of the generated text, with slashes for line
    breaks."""
    wrapping = Wrapping(width - LABEL)
    prompt, text = (
        _in_a_row(part) for part in (excerpt.prompt, beginning(excerpt.text, lines).rstrip("\n"))
    )
    wrapping.append(prompt + text)
    return _labelled(excerpt.step, lines_of(wrapping.lines, len(prompt)))


def passing_lines(step: int, said: str, width: int) -> list[Line]:
    """The step, and which rungs the model passed there."""
    wrapping = Wrapping(width - LABEL)
    wrapping.append(f"{PASSED} {said}")
    return _labelled(step, lines_of(wrapping.lines, 0))


def _labelled(step: int, lines: list[Line]) -> list[Line]:
    """The lines with the step before the first of them."""
    label = f"step {count(step):>6}"
    return [
        line._replace(label=(label if number == 0 else "").ljust(LABEL))
        for number, line in enumerate(lines)
    ]


def _in_a_row(text: str) -> str:
    return re.sub(r"\n+", " / ", text)
