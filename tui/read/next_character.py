"""What the model expects at the selected place."""

from rich.cells import cell_len
from textual.content import Content

from engine.config import SampleConfig
from engine.protocol import Likely, Place
from tui.drawing.words import bar
from tui.insight import Insight
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, TRUE, ReadPane, about_the_place, column, end_of, percent
from tui.state import RunState
from tui.tokens import tokens_of

FIXED = 15
"""Cells of a line beside its two bars."""
CONTEXT = 12
"""Characters before the selected one that the title tells."""


class NextPane(ReadPane):
    """The likeliest characters, as the model has them and as they are sampled."""

    def part(self, state: RunState) -> object:
        return (super().part(state), self.config)

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        return about_the_place(state, config)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        insight = state.insight
        if insight.passage is None:
            return Content(f"next {tokens_of(state).noun}"), Content("")
        end = max(0, insight.cursor)
        before = end_of(insight.passage.characters[:end], CONTEXT)
        return Content(f"next, after “{before}”"), Content(facts(insight))

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        place = state.insight.selected
        if place is None or not place.next:
            waits = "Nothing comes before it: it is not predicted." if place else ""
            return Content.styled(waits, MUTED).wrap(width)
        sampled = _sampled(state.insight)
        likely = with_true(place, height - 1)
        names = column(text for text, _ in likely)
        wide = max(0, *map(cell_len, names)) - 1 if names else 0
        across = max(0, (width - FIXED - wide) // 2)
        head = Content.styled(
            f"{'':{4 + wide}}{'probability'[: across + 5]:{across + 6}}{'as sampled'[: across + 5]}",
            MUTED,
        )
        lines = [head]
        for number, (name, (text, probability)) in enumerate(zip(names, likely, strict=True)):
            true = ("◂", "bold $accent") if text == place.character else " "
            style = TRUE if text == place.character else ""
            marked = number == state.insight.marked
            chance = sampled.get(text, 0.0) if sampled is not None else None
            lines.append(
                Content.assemble(
                    _sign(state.insight, number),
                    " ",
                    (name, CURSOR if marked else style),
                    true,
                    _bar(probability, across, "$primary"),
                    percent(probability),
                    " ",
                    _bar(chance or 0.0, across, "$secondary"),
                    "" if chance is None else percent(chance) if chance else "   -",
                ).truncate(width)
            )
        return lines


def _bar(fraction: float, width: int, style: str) -> Content:
    """A bar padded to its whole width; the padding has no style: a styled run costs time."""
    drawn = bar(fraction, width)
    return Content.assemble((drawn, style if drawn else "")).pad_right(width - len(drawn))


def with_true(place: Place, number: int) -> Likely:
    """The likeliest characters, and in place of the last of them the true one if it is not there."""
    likely = place.next[:number]
    if place.bits is None or place.character in dict(likely):
        return likely
    return (*likely[: number - 1], (place.character, 2**-place.bits))


def _sign(insight: Insight, number: int) -> Content:
    """Whether a character is marked, or was written on with."""
    if number == insight.marked:
        return Content.styled("▸", "bold $primary")
    kept = insight.branches.written_from(insight.begun_with(number)) is not None
    return Content.styled("+", "$primary") if kept else Content(" ")


def facts(insight: Insight) -> str:
    """How well it predicted the selected character, in a line."""
    place = insight.selected
    if place is None or not place.next:
        return ""
    if place.bits is None:
        return f"after the end · entropy {place.entropy:.1f} bits"
    return f"rank {place.rank} · {place.bits:.1f} bits · entropy {place.entropy:.1f}"


def _sampled(insight: Insight) -> dict[str, float] | None:
    """The probabilities after temperature, top-k and top-p; None: not known for this place."""
    looked = insight.looked
    if looked is None or looked.index != insight.cursor:
        return None
    return dict(looked.answer.sampled)
