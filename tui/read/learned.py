"""When the model learned what follows: its prediction at each moment whose weights are kept."""

from rich.cells import cell_len
from textual.content import Content

from engine.config import SampleConfig
from engine.protocol import AskWhenLearned, WhenLearned
from tui.drawing.page import Page
from tui.drawing.words import count
from tui.insight import Insight
from tui.questions import Questions
from tui.read.pane import CURSOR, MUTED, TRUE, ReadPane, column, percent, picture
from tui.state import RunState

SHADES = ((0.7, "█"), (0.35, "▓"), (0.1, "▒"), (0.02, "░"), (0.0, " "))
"""From this probability on, the sign of a cell."""
LABEL = 4
"""Cells of a row before its signs: the character, and whether it is the true one."""
PERCENT = 5
"""Cells after them: its probability in the last column."""
WIDEST = 6
"""Cells of a column, at most."""
LEAST_ROWS = 2
"""Characters that are shown even where the words below need more than one line."""


class LearnedPane(ReadPane):
    """The likeliest characters at the selected place, from the first moment to now."""

    @staticmethod
    def questions(state: RunState, config: SampleConfig) -> Questions:
        question = _question(state.insight)
        return {"learned": question} if question else {}

    def part(self, state: RunState) -> object:
        return (super().part(state), state.insight.learned, state.moments.chosen)

    def titles(self, state: RunState) -> tuple[Content, Content]:
        answer = _answer(state.insight)
        title = "when it learned this"
        if answer is None:
            return Content(title), Content("")
        shades = " ".join(f"{sign} {least:.0%}" for least, sign in reversed(SHADES[:-1]))
        return Content(f"{title}: “{picture(answer.target)}”"), Content(shades)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        insight = state.insight
        answer, failure = _answer(insight), insight.learned.failure
        if answer is None:
            if _question(insight) is None:
                return []
            if insight.learned.answered and failure:
                return Content.styled(failure, "$error").wrap(width)
            return [Content.styled("reading the kept weights …", MUTED)]
        below = Content(learned_words(answer)).wrap(width)
        if failure:
            below += Content.styled(failure, "$warning").wrap(width)
        below = below[: max(1, height - 1 - LEAST_ROWS)]
        chosen = state.moments.chosen
        return [*_heatmap(answer, chosen, width, height - len(below)), *below]


def learned_words(answer: WhenLearned) -> str:
    """A sentence on when the prediction was right."""
    steps, first, since = answer.steps, answer.first_right, answer.sure_since
    if len(steps) == 1:
        return f"At step {count(steps[0])}. Nothing earlier is kept to compare it with."
    if first < 0:
        return "Never the likeliest so far."
    if since < 0:
        return f"First right at step {count(first)}, but not now."
    if since == first:
        return f"Right since step {count(first)}."
    return f"First right at step {count(first)}, sure since step {count(since)}."


def _question(insight: Insight) -> AskWhenLearned | None:
    """About the selected character, if it is predicted."""
    before, ids = insight.before_cursor, insight.ids_before
    if not (before or ids):
        return None
    return AskWhenLearned(0, "" if ids else before, insight.character, ids)


def _answer(insight: Insight) -> WhenLearned | None:
    """What is known of the selected character."""
    learned = insight.learned
    return learned.answer if learned.answers == _question(insight) else None


def _heatmap(answer: WhenLearned, chosen: int, width: int, height: int) -> list[Content]:
    """A row for each character, a column for each step, and the steps below. `chosen`: the step
    that is looked at."""
    shown = answer.rows[: max(1, height - 1)]
    true = next((row for row in answer.rows if row[0] == answer.target), answer.rows[0])
    if true not in shown:
        shown = (*shown[:-1], true)
    names = column(character for character, _ in shown)
    labelled = LABEL + max(0, *(cell_len(name) - 2 for name in names))
    room = max(1, width - labelled - PERCENT)
    columns = _columns(answer, chosen, room)
    cells = min(WIDEST, room // len(columns))
    lines = []
    for name, (character, probabilities) in zip(names, shown, strict=True):
        signs = "".join(_sign(probabilities[column]) * cells for column in columns)
        is_true = character == answer.target
        label = Content.assemble(
            (name, TRUE if is_true else ""),
            ("◂" if is_true else "", "bold $accent"),
        )
        lines.append(
            label.pad_right(labelled - label.cell_length)
            + Content.styled(signs, "$accent" if is_true else "$primary")
            + Content.styled(f" {percent(probabilities[-1])}", MUTED)
        )
    steps = [answer.steps[column] for column in columns]
    first = (steps[-1], chosen, answer.sure_since, answer.first_right, steps[0])
    return [*lines, _axis(steps, first, chosen, cells, labelled, width)]


def _columns(answer: WhenLearned, chosen: int, room: int) -> list[int]:
    """The numbers of the steps that are shown where there is no room for all: the ones that the
    words tell, the chosen one, and others evenly."""
    number = len(answer.steps)
    if number <= room:
        return list(range(number))
    needed = {answer.first_right, answer.sure_since, chosen, answer.steps[0], answer.steps[-1]}
    kept = {place for place, step in enumerate(answer.steps) if step in needed}
    others = [place for place in range(number) if place not in kept]
    left = max(0, room - len(kept))
    kept.update(others[place * len(others) // left] for place in range(left))
    return sorted(kept)[-room:]


def _axis(
    steps: list[int], first: tuple[int, ...], chosen: int, cells: int, labelled: int, width: int
) -> Content:
    """The steps under their columns, as many as have room, `first` these."""
    page = Page(width, 1)
    for step in dict.fromkeys([*(step for step in first if step in steps), *steps]):
        label = count(step)
        start = max(0, min(labelled + steps.index(step) * cells, width - len(label)))
        before = max(0, start - 1)
        if page.is_free(0, before, " ", min(width, start + len(label) + 1) - before):
            page.write(0, start, label, CURSOR if step == chosen else MUTED)
    return page.lines()[0]


def _sign(probability: float) -> str:
    return next(sign for least, sign in SHADES if probability >= least)
