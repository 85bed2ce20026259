"""How the sides of a race are distinguished: a label, a mark and a colour."""

from textual.content import Content

from tui.drawing.series import COMPARED
from tui.lab.questions import question_titled
from tui.lab.state import Lab


def names(lab: Lab) -> tuple[str, ...]:
    """What the sides are called; empty where they are known by their settings only."""
    question = question_titled(lab.question)
    if question is None or len(question.versions) != len(lab.sides):
        return ("",) * len(lab.sides)
    return question.names


def sign(number: int, label: str) -> Content:
    """The mark and the label of a side, in its colour."""
    mark, style = COMPARED[number]
    return Content.styled(f"{mark} {label}", f"bold {style}")
