"""Where the loss lives: by the kind of character, and by how much of the text is seen."""

from textual.content import Content

from data.character_kinds import KINDS, kind_at
from engine.config import SampleConfig
from engine.protocol import DivideLoss, LossDivided, LossPart
from tui.context_use import bounds, context_words, least_seen
from tui.drawing.words import bar, count
from tui.insight import Insight
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, TWO_COLUMNS, ReadPane, percent, side_by_side
from tui.state import RunState

NAME = 14
"""Cells for the kind of a character."""
NUMBERS = 13
"""Cells for its loss and its part of the whole loss."""
GROUP = 4
"""Cells for each group of positions."""
KINDS_WIDTH = 36
"""Cells of the kinds, where the positions have a column of their own."""
MOST_ROWS_OF_BARS = 3
BLOCKS = " ▁▂▃▄▅▆▇█"


class LossPartsPane(ReadPane):
    """The mean loss on some of the characters, as bars."""

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        return {"divided": DivideLoss(0, state.moments.chosen)}

    def part(self, state: RunState) -> object:
        return (super().part(state), state.insight.divided)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        answer = state.insight.divided.answer
        if answer is None:
            return Content("where the loss lives"), Content("")
        words = f"step {count(answer.step)} · {answer.bits:.2f} bits"
        return Content("where the loss lives"), Content(words)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        divided = state.insight.divided
        if divided.failure:
            return Content.styled(divided.failure, "$error").wrap(width)
        if (answer := divided.answer) is None:
            waits = "reading held-out text …" if state.opened else ""
            return [Content.styled(waits, MUTED)]
        seen = min(max(0, state.insight.cursor), answer.context_length)
        kind = _kind(state.insight)
        if width >= TWO_COLUMNS:
            across = width - KINDS_WIDTH - 2
            kinds = _kinds(answer, kind, KINDS_WIDTH, height)
            positions = _positions(answer, seen, across, height)
            return side_by_side(kinds, positions, KINDS_WIDTH + 2)
        room = height - min(len(answer.kinds) + 1, height // 2)
        below = _positions(answer, seen, width, room)
        return [*_kinds(answer, kind, width, height - len(below)), *below]


def _kind(insight: Insight) -> str:
    """The kind of the selected character; empty after the end."""
    before = insight.before_cursor
    text = before + insight.character
    return KINDS[kind_at(text, len(before))] if insight.character else ""


def _kinds(answer: LossDivided, selected: str, width: int, height: int) -> list[Content]:
    """A line for each kind, of which the selected one is marked; first that which makes most of the
    loss."""
    total = answer.bits or 1.0
    parts = sorted(answer.kinds, key=lambda part: -part.bits * part.share)
    room = max(1, height - 1)
    below = [part for part in parts[room:] if part.name == selected]
    parts = [*parts[: room - len(below)], *below]
    longest = max((part.bits for part in parts), default=0.0) or 1.0
    across = max(0, width - NAME - NUMBERS)
    if not answer.kinds:
        return Content.styled("Kinds are for characters; these are tokens.", MUTED).wrap(width)
    lines = [
        Content.assemble(
            (part.name[: NAME - 1], CURSOR if part.name == selected else MUTED),
            " " * max(1, NAME - len(part.name)),
            (bar(part.bits / longest, across).ljust(across), "$primary"),
            f"{part.bits:5.2f}    ",
            percent(part.bits * part.share / total),
        )
        for part in parts
    ]
    head = Content.styled(f"{'':{NAME + across}} bits   share", MUTED)
    return [line.truncate(width) for line in (head, *lines)]


def _positions(answer: LossDivided, seen: int, width: int, height: int) -> list[Content]:
    """The loss by the number of characters that are seen: numbers over bars over the least number
    of each group, where that of the selected character, which has `seen` before it, is marked; and
    the sentence."""
    words = Content(context_words(answer)).wrap(width)
    rows = min(MOST_ROWS_OF_BARS, height - len(words) - 2)
    parts = _fitting(answer.positions, width // GROUP)
    if rows < 1 or not parts:
        return words[:height]
    longest = max(part.bits for part in parts) or 1.0
    eighths = [round(part.bits / longest * rows * 8) for part in parts]
    lines = [Content("".join(f"{part.bits:.1f}"[:3].ljust(GROUP) for part in parts))]
    for row in reversed(range(rows)):
        blocks = [BLOCKS[max(0, min(8, height - 8 * row))] for height in eighths]
        lines.append(Content.styled("".join((3 * b).ljust(GROUP) for b in blocks), "$primary"))
    lines.append(Content("").join(_label(part, seen) for part in parts))
    return [*(line.truncate(width) for line in lines), *words]


def _label(part: LossPart, seen: int) -> Content:
    least, most = bounds(part)
    label = Content.styled(least_seen(part), CURSOR if least <= seen <= most else MUTED)
    return label.pad_right(GROUP - label.cell_length)


def _fitting(parts: tuple[LossPart, ...], number: int) -> tuple[LossPart, ...]:
    """The first group and the last ones, where there is no room for all."""
    return parts if len(parts) <= number else (*parts[:1], *parts[len(parts) - number + 1 :])
