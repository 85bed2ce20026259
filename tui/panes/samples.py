"""The samples that the model generates at each evaluation, and the rungs that it passes: reading down,
they get better."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from textual.events import Resize
from textual.message import Message
from textual.reactive import reactive

from data.beginning import LINE, beginning
from engine.protocol import Excerpt
from tui.copies import Copies
from tui.drawing.references import PASSED
from tui.drawing.words import count
from tui.drawing.wrapping import Wrapping
from tui.ladder import Ladder
from tui.panes.scrolling import Line, ScrollingLines, lines_of, with_copies
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

    copies: reactive[Mapping[str, Copies]] = reactive(MappingProxyType({}), repaint=False)
    """What is copied, by the text of a sample, as far as it is known."""

    class Moved(Message):
        """Others may be in sight now."""

    _shown: tuple[tuple[Excerpt, ...], Ladder] = ((), Ladder())

    def __init__(self) -> None:
        super().__init__()
        self._wrapped: dict[Excerpt, list[Line]] = {}
        self._of_line: list[Excerpt | None] = []

    @property
    def in_sight(self) -> list[Excerpt]:
        """The samples of which some lines are in sight, the newest first."""
        top = self.scroll_offset.y
        owners = self._of_line[top : top + self.size.height] if self.is_on_screen else []
        return list(dict.fromkeys(one for one in reversed(owners) if one is not None))

    def watch_copies(self, before: Mapping[str, Copies], now: Mapping[str, Copies]) -> None:
        for one in self._shown[0]:
            if now.get(one.text) is not before.get(one.text):
                self._wrapped.pop(one, None)
        self._wrap()

    def watch_state(self, state: RunState) -> None:
        shown = state.excerpts, state.ladder
        if any(new is not old for new, old in zip(shown, self._shown, strict=True)):
            self._shown = shown
            self._wrap()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())

    def on_resize(self, _event: Resize) -> None:
        self._wrapped.clear()
        self._wrap()
        self.post_message(self.Moved())

    def _wrap(self) -> None:
        """Show all excerpts; only new ones are wrapped."""
        (shown, ladder), before = self._shown, self._wrapped
        lines = lines_for(self.room - LABEL, self.size.height)
        self._wrapped = {
            one: before.get(one) or excerpt_lines(one, self.room, lines, self.copies.get(one.text))
            for one in shown
        }
        passed = ladder.passings()
        lines_of_all: list[Line] = []
        self._of_line = []
        for one in shown:
            while passed and passed[0][0] <= one.step:
                lines_of_all += passing_lines(*passed.pop(0), self.room)
            self._of_line += [None] * (len(lines_of_all) - len(self._of_line))
            lines_of_all += self._wrapped[one]
            self._of_line += [one] * len(self._wrapped[one])
        for step, said in passed:
            lines_of_all += passing_lines(step, said, self.room)
        newest = self.copies.get(shown[-1].text) if shown else None
        longest = newest is not None and newest.found.longest
        self.border_subtitle = f"{newest.summary} · a click shows it" if newest and longest else ""
        self.show(lines_of_all)


def lines_for(width: int, height: int) -> int:
    """How many lines of each excerpt a pane shows that has this room for text."""
    return min(max(FEW_LINES, width * height // (LINE * IN_SIGHT)), MANY_LINES)


def excerpt_lines(
    excerpt: Excerpt, width: int, lines: int, copies: Copies | None = None
) -> list[Line]:
    """The step, the muted prompt and so many lines of the generated text, with slashes for line
    breaks and with what is copied marked."""
    wrapping = Wrapping(width - LABEL)
    begins = beginning(excerpt.text, lines).rstrip("\n")
    prompt, text = _in_a_row(excerpt.prompt), _in_a_row(begins)
    wrapping.append(prompt + text)
    wrapped = lines_of(wrapping.lines, len(prompt))
    if copies is not None and copies.spans:
        places = [
            tuple(len(prompt) + len(_in_a_row(begins[:place])) for place in span)
            for span in copies.spans
        ]
        spans = tuple((start, end) for start, end in places if start < end)
        click = f"app.show_sample_copy({excerpt.step})"
        wrapped = with_copies(wrapped, prompt + text, spans, click)
    return _labelled(excerpt.step, wrapped)


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
