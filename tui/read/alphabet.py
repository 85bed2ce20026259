"""The alphabet as the model sees it: tokens that it treats alike are near each other."""

import unicodedata
from collections.abc import Sequence
from itertools import product
from math import hypot, sqrt

from rich.cells import cell_len
from textual.content import Content

from engine.config import SampleConfig
from engine.protocol import AlphabetMapped, CharacterPoint, MapAlphabet
from tui.drawing.words import count, counted
from tui.insight import Insight
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, TWO_COLUMNS, ReadPane, short_picture, side_by_side
from tui.state import RunState
from tui.tokens import tokens_of

NEIGHBOUR = "bold underline $accent"
VOWEL = "bold"
CAPITAL = "$primary"
VOWELS = frozenset("aeiouαεηιουωаеиоуыэюя")
"""The letters of three alphabets, without marks."""
TITLES = {"character": "the alphabet as it sees it", "token": "the tokens as it sees them"}
WORDS_WIDTH = 30
AWAY = sorted(
    product((0, 1, -1), range(-3, 4)), key=lambda place: hypot(2 * place[0], place[1] + 0.1)
)
"""Rows and cells from its place where a token may stand if others are there, the nearest first:
a row is as high as two cells are wide."""
BLANK = (" ", "")
ORDER = 1.15
"""From so many times what chance would put on the plane on, there is some order."""


class AlphabetPane(ReadPane):
    """Tokens on a plane, and those that are most like the selected one."""

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        return {"alphabet": MapAlphabet(0, state.moments.chosen, _missing(state.insight))}

    def part(self, state: RunState) -> object:
        return (super().part(state), state.insight.alphabet)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        answer = state.insight.alphabet.answer
        noun = tokens_of(state).noun
        title = TITLES[noun]
        if answer is None:
            return Content(title), Content("")
        number = counted(answer.vocabulary, noun)
        if answer.vocabulary > len(answer.points):
            number = f"{count(len(answer.points))} of {number}"
        return Content(title), Content(f"step {count(answer.step)} · {number}")

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        mapped = state.insight.alphabet
        if mapped.failure:
            return Content.styled(mapped.failure, "$error").wrap(width)
        if mapped.answer is None or mapped.raw is None or state.opened is None:
            return []
        answer, character = mapped.answer, state.insight.character
        points, known = _points(answer), _points(mapped.raw.value)
        # By the tokens themselves: two of them may have one picture.
        raw = [point.character for point in known]
        selected = raw.index(character) if character in raw else -1
        alike = known[selected].neighbours if selected >= 0 else ()
        near = {raw.index(other) for other, _ in alike if other in raw}
        noun = tokens_of(state).noun
        order = Content(order_words(answer, state.opened.config.model.n_embd, noun))
        if not any(answer.explained):
            return order.wrap(width)
        if width >= TWO_COLUMNS:
            plane, hidden = _plane(points, selected, near, width - WORDS_WIDTH - 2, height)
            which = _which(answer, hidden)
            below = [*(which.wrap(WORDS_WIDTH) if which else []), *order.wrap(WORDS_WIDTH)]
            like = _alike(points, selected, WORDS_WIDTH)[: max(1, height - len(below))]
            words = [*like, *below]
            return side_by_side(plane, words, width - WORDS_WIDTH)
        like = _alike(points, selected, width)
        words = [*like[:1], *order.wrap(width)][: height - 1]
        room = height - len(words) - _is_part(answer)
        plane, hidden = _plane(points, selected, near, width, max(1, room))
        part = [_which(answer, hidden).truncate(width)] if _is_part(answer) else []
        return [*plane, *words, *part][:height]


def _missing(insight: Insight) -> str:
    """The selected token, where it is not among those that are always shown."""
    mapped = insight.alphabet.raw
    if mapped is None or not _is_part(mapped.value):
        return ""
    shown = any(point.character == insight.character for point in mapped.value.points)
    return "" if shown else insight.character


def _is_part(answer: AlphabetMapped) -> bool:
    """Whether there are more tokens than those that are always shown."""
    return answer.vocabulary > len(answer.points)


def _points(answer: AlphabetMapped) -> list[CharacterPoint]:
    """Those that are shown."""
    return [*answer.points, *([answer.selected] if answer.selected else [])]


def order_words(answer: AlphabetMapped, n_embd: int, noun: str) -> str:
    """How much of the variance is on the plane, and whether that is more than by chance. `n_embd`:
    the width of an embedding."""
    if len(answer.points) < 2:
        return f"There is no other {noun} to compare it with."
    if not (share := sum(answer.explained)):
        return f"All {noun}s are the same to it so far."
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


def _alike(points: Sequence[CharacterPoint], selected: int, width: int) -> list[Content]:
    """The nearest neighbours of the selected token, with their cosine similarity."""
    if selected < 0:
        return Content.styled("The selected one is not among these.", MUTED).wrap(width)
    line = Content.assemble((short_picture(points[selected].character), CURSOR), " is like")
    lines = []
    for other, cosine in points[selected].neighbours:
        near = Content.assemble("  ", (short_picture(other), NEIGHBOUR), f" {cosine:.2f}")
        if line.cell_length + near.cell_length > width:
            lines.append(line)
            line = Content("")
        line += near
    return [*lines, line]


def _plane(
    points: Sequence[CharacterPoint], selected: int, near: set[int], width: int, height: int
) -> tuple[list[Content], int]:
    """The tokens where they lie, and the number of those that others leave no room for; the
    selected one and its neighbours come first."""
    across = _fractions([point.x for point in points])
    down = _fractions([-point.y for point in points])
    cells: list[list[tuple[str, str] | None]] = [[BLANK] * width for _ in range(height)]
    hidden = 0
    # Without a blank between them, longer ones would be read as one.
    gap = 1 if any(len(point.character) > 1 for point in points) else 0
    order = sorted(range(len(points)), key=lambda number: (number != selected, number not in near))
    for number in order:
        shown = short_picture(points[number].character)
        wide = cell_len(shown)
        top, left = round(down[number] * (height - 1)), round(across[number] * (width - wide))
        for row, start in ((top + rows, left + right) for rows, right in AWAY):
            fits = 0 <= row < height and 0 <= start <= width - wide
            room = cells[row][max(0, start - gap) : start + wide + gap] if fits else []
            if fits and all(cell == BLANK for cell in room):
                style = CURSOR if number == selected else _style(shown)
                style = NEIGHBOUR if number in near else style
                cells[row][start : start + wide] = [(shown, style), *[None] * (wide - 1)]
                break
        else:
            hidden += 1
    return [Content.assemble(*(cell for cell in row if cell)) for row in cells], hidden


def _which(answer: AlphabetMapped, hidden: int) -> Content:
    """Which tokens are on the plane, where they are not all."""
    shown, words = len(answer.points), ""
    if _is_part(answer):
        some = f"{count(shown - hidden)} of the" if hidden else "The"
        words = f"{some} {count(shown)} most frequent."
    elif hidden:
        words = f"{count(hidden)} have no room here."
    return Content.styled(words, MUTED)


def _fractions(values: Sequence[float]) -> list[float]:
    """Where each lies between the smallest (0) and the largest (1)."""
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _style(shown: str) -> str:
    """The weight and colour of a token on the plane, by its first character that is no space, so
    that its like are seen together."""
    shown = shown.lstrip("␠◌") or shown
    category = unicodedata.category(shown[0])
    if len(shown) == 1 and unicodedata.normalize("NFKD", shown)[0] in VOWELS:
        return VOWEL
    return CAPITAL if category in ("Lu", "Lt") else "" if category[0] in "LM" else MUTED
