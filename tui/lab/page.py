"""The question of a race, its sides, and what came of it, in words."""

from textual.content import Content

from tui.drawing.words import count
from tui.lab.question import NO_DIFFERENCE, in_common, outcome
from tui.lab.questions import question_titled
from tui.lab.sides import names, sign
from tui.lab.state import Lab, SideProgress
from tui.panes.pane import Pane
from tui.state import RunState

NOTHING_YET = (
    "What does a part of the model do, or of the text? Change it, and see: two to four versions of "
    "one training take turns, and their held-out losses are compared.",
    "Enter: ready questions, and saved races.",
    "e: versions of your own.",
)
MUTED = "$foreground-muted"


class QuestionPane(Pane, can_focus=True):
    """One column of paragraphs. It has the focus, so that the keys of the view act."""

    def part(self, state: RunState) -> object:
        return state.lab

    def titles(self, state: RunState) -> tuple[Content, Content]:
        lab = state.lab
        closed = "" if lab.is_open or not lab.race else "closed: another run is open"
        return Content(f"lab · {lab.question}" if lab.question else "lab"), Content(closed)

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        return page(state.lab, width, height)


def page(lab: Lab, width: int, height: int) -> list[Content]:
    """At most `height` lines; where there is not room for all, the paragraph before the race is left
    out first, then the settings of the sides."""
    if not lab.race:
        return _paragraphs([Content.styled(text, MUTED) for text in NOTHING_YET], width)
    question = question_titled(lab.question)
    shared = [Content.styled(in_common(mixed=True), MUTED)] if lab.is_mixed else []
    before = [Content.styled(question.before, MUTED)] if question else []
    for settings in (True, False):
        rest = [*_sides(lab, width, settings=settings), *_result(lab)]
        for blocks in ([*before, *shared, *rest], [*shared, *rest], rest):
            lines = _paragraphs(blocks, width)
            if len(lines) <= height:
                return lines
    return lines[:height]


def _paragraphs(blocks: list[Content], width: int) -> list[Content]:
    """The blocks wrapped, with a blank line between two."""
    lines: list[Content] = []
    for block in blocks:
        lines += [*([Content("")] if lines else []), *block.wrap(width)]
    return lines


def _sides(lab: Lab, width: int, *, settings: bool) -> list[Content]:
    """One block with all sides."""
    lines = []
    for number, (side, name) in enumerate(zip(lab.sides, names(lab), strict=True)):
        words = name or ("" if settings else " ".join(side.settings))
        named = Content.assemble(sign(number, side.label), f" {words}")
        line, short = (named + _standing(lab, number, side, bits=bits) for bits in (True, False))
        fits = line.cell_length <= width
        lines.append(line if fits else short.truncate(width, ellipsis=True))
        if settings:
            shown = " ".join(side.settings) or "as it is"
            lines.append(Content.styled(f"    {shown}", MUTED).truncate(width, ellipsis=True))
        if side.failure:
            lines += Content.styled(side.failure, "$error").wrap(width)
    return [Content("\n").join(lines)]


def _standing(lab: Lab, number: int, side: SideProgress, *, bits: bool) -> Content:
    """The loss of a side where all of them have come, also in `bits` per byte where that is another
    unit, and how far it is."""
    verdict = lab.verdict
    loss = verdict.losses[number] if verdict else None
    words = f"  {loss:.3f}" if loss is not None else ""
    per_byte = verdict.bits_per_byte[number] if verdict and verdict.bits_per_byte else None
    if bits and per_byte is not None and not lab.is_mixed:
        words += f" ({per_byte:.3f} bits/byte)"
    done = verdict is not None and verdict.final
    steps = "" if done else f"  step {count(side.step)} / {count(side.steps)}"
    return Content.assemble((words, "bold"), (steps, MUTED))


def _result(lab: Lab) -> list[Content]:
    """The guess, the verdict, and once the race is over, the answer."""
    verdict, question = lab.verdict, question_titled(lab.question)
    blocks = [Content(verdict.sentence)] if verdict else []
    if verdict is None or not verdict.final:
        seed = f"Seed {lab.repetition} of {lab.seeds}." if lab.seeds > 1 else ""
        guess = f"You guessed {_guess(lab.guess)}." if lab.guess else ""
        line = " ".join(filter(None, (seed, guess)))
        return [*blocks, *([Content.styled(line, MUTED)] if line else [])]
    if question is not None and len(question.versions) == len(verdict.losses):
        blocks.append(Content.styled(question.answer(verdict), "$accent"))
    if lab.guess:
        right = lab.guess == outcome(verdict)
        words = f"You guessed {_guess(lab.guess)}: {'that is right' if right else 'it turned out otherwise'}."
        blocks.append(Content.styled(words, "$success" if right else "$warning"))
    return blocks


def _guess(label: str) -> str:
    return "no difference" if label == NO_DIFFERENCE else label
