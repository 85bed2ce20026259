"""The alphabet as the model sees it: characters that it treats alike are near each other."""

import unicodedata
from collections.abc import Sequence
from itertools import product
from math import hypot, sqrt

from rich.cells import cell_len
from textual.content import Content

from engine.config import SampleConfig
from engine.protocol import AlphabetMapped, CharacterPoint, MapAlphabet
from tui.drawing.words import count, counted
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, TWO_COLUMNS, ReadPane, picture, side_by_side
from tui.state import RunState

NEIGHBOUR = "bold underline $accent"
VOWEL = "bold"
CAPITAL = "$primary"
VOWELS = frozenset("aeiouαεηιουωаеиоуыэюя")
"""The letters of three alphabets, without marks."""
WORDS_WIDTH = 30
AWAY = sorted(
    product((0, 1, -1), range(-3, 4)), key=lambda place: hypot(2 * place[0], place[1] + 0.1)
)
"""Rows and cells from its place where a character may stand if others are there, the nearest first:
a row is as high as two cells are wide."""
BLANK = (" ", "")
ORDER = 1.15
"""From so many times what chance would put on the plane on, there is some order."""


class AlphabetPane(ReadPane):
    """Characters on a plane, and those that are most like the selected one."""

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        return {"alphabet": MapAlphabet(0, state.moments.chosen)}

    def part(self, state: RunState) -> object:
        return (super().part(state), state.insight.alphabet)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        answer = state.insight.alphabet.answer
        title = "the alphabet as it sees it"
        if answer is None:
            return Content(title), Content("")
        number = counted(len(answer.points), "character")
        if answer.vocabulary > len(answer.points):
            number = f"{count(len(answer.points))} of {count(answer.vocabulary)} characters"
        return Content(title), Content(f"step {count(answer.step)} · {number}")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        mapped = state.insight.alphabet
        if mapped.failure:
            return Content.styled(mapped.failure, "$error").wrap(width)
        if mapped.answer is None or mapped.raw is None or state.opened is None:
            return []
        answer = mapped.answer
        # By the characters themselves: two of them may have one picture.
        raw = [point.character for point in mapped.raw.value.points]
        character = state.insight.character
        selected = raw.index(character) if character in raw else -1
        near = {raw.index(other) for other, _ in _neighbours(mapped.raw.value.points, selected)}
        order = Content(order_words(answer, state.opened.config.model.n_embd))
        if not any(answer.explained):
            return order.wrap(width)
        if width >= TWO_COLUMNS:
            words = [*_alike(answer, selected, WORDS_WIDTH), *order.wrap(WORDS_WIDTH)]
            across = width - WORDS_WIDTH - 2
            plane, hidden = _plane(answer.points, selected, near, across, height)
            return side_by_side(plane, [*words, *_hidden(hidden, WORDS_WIDTH)], across + 2)
        words = [*_alike(answer, selected, width)[:1], *order.wrap(width)][: height - 1]
        return [*_plane(answer.points, selected, near, width, height - len(words))[0], *words]


def order_words(answer: AlphabetMapped, n_embd: int) -> str:
    """How much of the variance is on the plane, and whether that is more than by chance. `n_embd`:
    the width of an embedding."""
    if len(answer.points) < 2:
        return "There is no other character to compare it with."
    if not (share := sum(answer.explained)):
        return "All characters are the same to it so far."
    by_chance = _by_chance(len(answer.points), n_embd)
    if by_chance * ORDER >= 1:
        return f"Variance explained: {share:.0%}."
    if share < by_chance * ORDER:
        return f"Variance explained: {share:.0%}, as by chance. No order so far."
    return f"Variance explained: {share:.0%}; by chance {by_chance:.0%}."


def _by_chance(characters: int, n_embd: int) -> float:
    """The share of the variance that the first two components of random embeddings have: the
    largest variance is about (sqrt(N) + sqrt(D))^2, and all together are N D (Marchenko and Pastur
    1967)."""
    return 2 * (sqrt(characters) + sqrt(n_embd)) ** 2 / (characters * n_embd)


def _neighbours(points: Sequence[CharacterPoint], selected: int) -> Sequence[tuple[str, float]]:
    return points[selected].neighbours if selected >= 0 else ()


def _alike(answer: AlphabetMapped, selected: int, width: int) -> list[Content]:
    """The nearest neighbours of the selected character, with their cosine similarity."""
    if selected < 0:
        return Content.styled("The selected one is not among these.", MUTED).wrap(width)
    line = Content.assemble((picture(answer.points[selected].character), CURSOR), " is like")
    lines = []
    for other, cosine in answer.points[selected].neighbours:
        near = Content.assemble("  ", (picture(other), NEIGHBOUR), f" {cosine:.2f}")
        if line.cell_length + near.cell_length > width:
            lines.append(line)
            line = Content("")
        line += near
    return [*lines, line]


def _plane(
    points: Sequence[CharacterPoint], selected: int, near: set[int], width: int, height: int
) -> tuple[list[Content], int]:
    """The characters where they lie, and the number of those that others leave no room for; the
    selected one and its neighbours come first."""
    across = _fractions([point.x for point in points])
    down = _fractions([-point.y for point in points])
    cells: list[list[tuple[str, str] | None]] = [[BLANK] * width for _ in range(height)]
    hidden = 0
    order = sorted(range(len(points)), key=lambda number: (number != selected, number not in near))
    for number in order:
        shown = picture(points[number].character)
        wide = cell_len(shown)
        top, left = round(down[number] * (height - 1)), round(across[number] * (width - wide))
        for row, start in ((top + rows, left + right) for rows, right in AWAY):
            fits = 0 <= row < height and 0 <= start <= width - wide
            if fits and cells[row][start : start + wide] == [BLANK] * wide:
                style = CURSOR if number == selected else _style(shown)
                style = NEIGHBOUR if number in near else style
                cells[row][start : start + wide] = [(shown, style), *[None] * (wide - 1)]
                break
        else:
            hidden += 1
    return [Content.assemble(*(cell for cell in row if cell)) for row in cells], hidden


def _hidden(number: int, width: int) -> list[Content]:
    if not number:
        return []
    return Content.styled(f"{count(number)} have no room here.", MUTED).wrap(width)


def _fractions(values: Sequence[float]) -> list[float]:
    """Where each lies between the smallest (0) and the largest (1)."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _style(shown: str) -> str:
    """The weight and colour of a character on the plane, so that its like are seen together."""
    category = unicodedata.category(shown[-1])
    if unicodedata.normalize("NFKD", shown)[0] in VOWELS:
        return VOWEL
    return CAPITAL if category in ("Lu", "Lt") else "" if category[0] in "LM" else MUTED
