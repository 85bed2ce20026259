"""Where the loss lives: by the kind of character, and by how much of the text is seen."""

from textual.content import Content

from data.character_kinds import KINDS, KINDS_OF_TOKENS
from engine.config import SampleConfig
from engine.protocol import DivideLoss, LossDivided, LossPart, Tokens
from tui.context_use import bounds, context_words, least_seen
from tui.drawing.words import bar, count
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, TWO_COLUMNS, ReadPane, percent, side_by_side
from tui.state import RunState
from tui.tokens import surprise_unit, tokens_of

GROUP = 4
"""Cells for each group of positions."""
KINDS_WIDTH = 36
"""Cells of the kinds, where the positions have a column of their own."""
SHORTEST_BAR = 4
"""Cells that bars have at least: with less room there are none."""
WIDE = 46
"""Cells from which on the title is in full."""
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
        shown = surprise_unit(tokens_of(state))
        words = f"{answer.bits * shown.of_a_bit:.2f} {shown.unit}"
        if shown.unit == "nats":
            words += f" · {answer.bits_per_byte:.2f} bits/byte"
        if shown.unit == "bits" or self.size.width >= WIDE:
            words = f"step {count(answer.step)} · {words}"
        return Content("where the loss lives"), Content(words)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        divided = state.insight.divided
        if divided.failure:
            return Content.styled(divided.failure, "$error").wrap(width)
        if (answer := divided.answer) is None:
            waits = "reading held-out text …" if state.opened else ""
            return [Content.styled(waits, MUTED)]
        seen, tokens = min(max(0, state.insight.cursor), answer.context_length), tokens_of(state)
        if width >= TWO_COLUMNS:
            across = width - KINDS_WIDTH - 2
            kinds = _kinds(answer, state, KINDS_WIDTH, height)
            positions = _positions(answer, tokens, seen, across, height)
            return side_by_side(kinds, positions, KINDS_WIDTH + 2)
        room = height - min(len(answer.kinds) + 1, height // 2)
        below = _positions(answer, tokens, seen, width, room)
        return [*_kinds(answer, state, width, height - len(below)), *below]

    def on_resize(self) -> None:
        self._redraw()  # the title has another width


def _kinds(answer: LossDivided, state: RunState, width: int, height: int) -> list[Content]:
    """A line for each kind, of which that of the selected token is marked; first that which makes
    most of the loss."""
    tokens, passage = tokens_of(state), state.insight.passage
    names = KINDS if tokens.kind == "characters" else KINDS_OF_TOKENS
    kind = passage.kind(state.insight.cursor) if passage else None
    selected = "" if kind is None else names[kind]
    total = answer.bits or 1.0
    parts = sorted(answer.kinds, key=lambda part: -part.bits * part.share)
    room = max(1, height - 1)
    below = [part for part in parts[room:] if part.name == selected]
    parts = [*parts[: room - len(below)], *below]
    longest = max((part.bits for part in parts), default=0.0) or 1.0
    name = 1 + max(map(len, names if names is KINDS_OF_TOKENS else names[:-1]))
    head = " bits   share" if names is KINDS else " nats bit/B share"
    across = max(0, width - name - len(head))
    across = across if across >= SHORTEST_BAR else 0
    lines = [
        Content.assemble(
            (part.name, CURSOR if part.name == selected else MUTED),
            " " * (name - len(part.name)),
            (bar(part.bits / longest, across).ljust(across), "$primary"),
            _figures(part, tokens),
            percent(part.bits * part.share / total),
        )
        for part in parts
    ]
    return [
        line.truncate(width)
        for line in (Content.styled(" " * (name + across) + head, MUTED), *lines)
    ]


def _figures(part: LossPart, tokens: Tokens) -> str:
    """Its loss, as the head of the table names it."""
    if tokens.kind == "characters":
        return f"{part.bits:5.2f}    "
    return f"{part.bits * surprise_unit(tokens).of_a_bit:5.2f}{part.bits_per_byte:6.2f}  "


def _positions(
    answer: LossDivided, tokens: Tokens, seen: int, width: int, height: int
) -> list[Content]:
    """The loss by the number of tokens that are seen: numbers over bars over the least number of
    each group, where that of the selected token, which has `seen` before it, is marked; and the
    sentence."""
    words = Content(context_words(answer, tokens)).wrap(width)
    rows = min(MOST_ROWS_OF_BARS, height - len(words) - 2)
    parts = _fitting(answer.positions, width // GROUP)
    if rows < 1 or not parts:
        return words[:height]
    longest = max(part.bits for part in parts) or 1.0
    eighths = [round(part.bits / longest * rows * 8) for part in parts]
    factor = surprise_unit(tokens).of_a_bit
    lines = [Content("".join(f"{part.bits * factor:.1f}"[:3].ljust(GROUP) for part in parts))]
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
