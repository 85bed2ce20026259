"""Where a head looked to predict the selected character. That is not why it predicted it."""

from collections.abc import Sequence

from textual.content import Content

from engine.config import SampleConfig
from tui.drawing.passage import PassageLayout
from tui.insight import Insight
from tui.questions import Questions
from tui.read.pane import (
    MUTED,
    ReadPane,
    about_the_place,
    end_of,
    percent,
    picture,
    side_by_side,
    styled,
)
from tui.state import RunState

LEVELS = (
    (0.75, "bold underline $background on $primary"),
    (0.35, "underline on $primary 50%"),
    (0.1, "on $primary 25%"),
    (0.0, MUTED),
)
"""From this fraction of the largest weight on, the style of a character."""
LIST = 4
"""The number of characters that are listed."""
LIST_WIDTH = 34
LIST_BY_TEXT = 70
"""Cells from which on the list has a column of its own, and is not below the text."""
TITLE_FRAME = 4
"""Cells of the border that a title has no room in."""
AROUND = 7
"""Characters on each side of a listed one."""


class AttentionPane(ReadPane):
    """The text before the selected character, with the weights of one head as brightness."""

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        return about_the_place(state, config)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        insight = state.insight
        title = "where it looked, not why"
        if (head := insight.shown_head) is not None:
            long = f"block {head.block} head {head.number}: {title}"
            fits = len(long) <= self.size.width - TITLE_FRAME
            title = long if fits else f"{head.block}.head.{head.number}: {title}"
        return Content(title), Content(off_words(insight))

    def on_resize(self) -> None:
        self._redraw()  # the title has another width

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        insight, passage = state.insight, state.insight.passage
        head = insight.shown_head
        if insight.looked is None or passage is None or head is None:
            none = insight.looked is not None and not insight.looked.answer.attention
            return [Content.styled("This model has no attention." if none else "", MUTED)]
        if {f"{head.block}.attention", f"{head.block}.head.{head.number}"} & {*insight.off}:
            return [Content.styled("This head is switched off.", MUTED)]
        answer = insight.looked.answer
        weights = answer.attention[head.block - 1][head.number - 1]
        text = passage.characters[answer.start : insight.looked.index]
        weights, text = weights[: len(text)], text[: len(weights)]
        if not text:
            return []
        two_columns = width >= LIST_BY_TEXT
        listed = _list(text, weights, min(LIST, max(1, height - (0 if two_columns else 3))))
        if two_columns:
            lines = _bright(text, weights, width - LIST_WIDTH - 2, height)
            return side_by_side(lines, listed, width - LIST_WIDTH)
        return [*_bright(text, weights, width, height - len(listed)), *listed]


def off_words(insight: Insight) -> str:
    """What is switched off, and what that costs."""
    if not insight.off:
        return ""
    cost = "" if insight.cost is None else f" costs {insight.cost:+.2f} bits"
    return f"off: {', '.join(insight.off)}{cost}"


def _bright(
    text: Sequence[str], weights: tuple[float, ...], width: int, height: int
) -> list[Content]:
    """The last rows of the text, as bright as the weights."""
    largest = max(weights) or 1.0
    styles = [
        next(style for least, style in LEVELS if weight >= least * largest) for weight in weights
    ]
    rows = PassageLayout(text, width).rows[-max(1, height) :]
    return [styled(text[row.start : row.stop], styles[row.start : row.stop]) for row in rows]


def _list(text: Sequence[str], weights: tuple[float, ...], number: int) -> list[Content]:
    """The characters that it looked at most, each with what stands around it."""
    most = sorted(range(len(text)), key=lambda index: -weights[index])[:number]
    return [
        Content.assemble(
            percent(weights[index]),
            (f" {len(text) - index:>4} back ", MUTED),
            (end_of(text[:index], AROUND).rjust(AROUND), MUTED),
            (picture(text[index]), "bold underline"),
            ("".join(text[index + 1 : index + 1 + AROUND])[:AROUND], MUTED),
        ).truncate(LIST_WIDTH)
        for index in most
    ]
