"""The base of the panes of this view, and the styles that they share."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.reactive import reactive

from engine.config import SampleConfig
from engine.protocol import InspectPlace, Likely
from tui.drawing.words import character
from tui.panes.pane import Pane
from tui.questions import Questions
from tui.state import RunState

CURSOR = "bold reverse"
MUTED = "$foreground-muted"
TWO_COLUMNS = 64
"""Cells from which on a panel has two columns, and not one part below the other."""
LONGEST = 8
"""Cells of a token in a list, at most."""
TRUE = "bold underline"
"""The character that really comes next."""


class ReadPane(Pane):
    """Draws something about the selected character, as soon as there is an answer about it."""

    INTERVAL = 0.0

    config: reactive[SampleConfig] = reactive(SampleConfig(), layout=False)

    def part(self, state: RunState) -> object:
        insight = state.insight
        return (
            insight.passage,
            insight.cursor,
            insight.looked,
            insight.head,
            insight.off,
            insight.failure,
            insight.marked,
            insight.branches,
            state.opened,
        )

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        """What has to be asked about the inside of the model to draw this."""
        return {}

    def titles(self, state: RunState) -> tuple[Content, Content]:
        raise NotImplementedError


def about_the_place(state: RunState, config: SampleConfig) -> Questions:
    """To look closely at the selected character, if it is predicted."""
    insight = state.insight
    before, ids = insight.before_cursor, insight.ids_before
    if not (before or ids):
        return {}
    text, moment = "" if ids else before, state.moments.chosen
    return {"asked_place": InspectPlace(0, text, config, insight.off, moment, ids)}


def runs_of(styles: Sequence[str]) -> list[tuple[int, int, str]]:
    """Start, end and style of each run of places with the same style."""
    runs: list[tuple[int, int, str]] = []
    for place, style in enumerate(styles):
        if runs and runs[-1][2] == style:
            runs[-1] = (runs[-1][0], place + 1, style)
        else:
            runs.append((place, place + 1, style))
    return runs


def styled(text: Sequence[str], styles: Sequence[str]) -> Content:
    """A text with a style for each of its characters, or tokens."""
    return Content.assemble(
        *[("".join(text[start:end]), style) for start, end, style in runs_of(styles)]
    )


def side_by_side(left: list[Content], right: list[Content], width: int) -> list[Content]:
    """Two columns, the left one padded to `width` cells."""
    pairs = zip_longest(left, right, fillvalue=Content(""))
    return [one.pad_right(width - one.cell_length) + other for one, other in pairs]


def picture(text: str) -> str:
    """A character as it stands in a list: one or two cells; or a token, in as many as it takes."""
    shown = "".join(map(character, text)) or "\N{REPLACEMENT CHARACTER}"
    return shown if cell_len(shown) else f"◌{shown}"


def short_picture(text: str) -> str:
    """The same in few cells: a long token is cut."""
    shown = picture(text)
    return shown if cell_len(shown) <= LONGEST else set_cell_size(shown, LONGEST)


def end_of(text: Sequence[str], length: int) -> str:
    """The last characters of a text; where it is tokens, the last whole ones that are so long."""
    start = len(text)
    while start and (length := length - len(text[start - 1])) >= 0:
        start -= 1
    return "".join(text[start:])


def column(tokens: Iterable[str]) -> list[str]:
    """Pictures below each other: padded to the longest, or cut, where some are wider than a cell."""
    shown = [picture(token) for token in tokens]
    longest = max(map(cell_len, shown), default=0)
    return shown if longest <= 1 else [set_cell_size(one, min(longest, LONGEST)) for one in shown]


def percent(probability: float) -> str:
    """A probability in four cells."""
    return f"{probability:4.0%}"


def likeliest(likely: Likely, true: str) -> Content:
    """Characters with their probabilities in a row; the true one is marked."""
    return Content("  ").join(
        Content.assemble((picture(text), TRUE if text == true else ""), percent(probability))
        for text, probability in likely
    )
