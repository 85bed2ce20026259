"""One question of each kind about the inside of the model, and the answer to it."""

from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import Event, Failed, InsightCommand
from tui.safe_struct import Raw

A = TypeVar("A")
S = TypeVar("S", bound=Struct)


class Asked(Struct, frozen=True):
    """The last question of one kind. There is at most one without an answer."""

    request: int = 0
    question: InsightCommand | None = None
    """What was asked, without its number."""
    when: int = 0
    """The step whose answer is wanted: the same question is not asked twice for one."""
    answered: bool = True


class Answered(Asked, Generic[A], frozen=True):
    """The last question of one kind, with its answer or, until that is there, the one before."""

    raw: Raw[A] | None = None
    answer: A | None = None
    """Safe to draw."""
    answers: InsightCommand | None = None
    """The question that this answers."""
    failure: str = ""
    """Why there is no answer, or what it lacks."""


def fold_answers(state: S, event: Event, shown: Event) -> S:
    """With an answer, or why there is none, in the field whose question it answers: `event` as the
    engine sent it, `shown` safe to draw. An answer to a question that was replaced by another
    changes nothing."""
    request = getattr(event, "request", 0)
    for name in state.__struct_fields__:
        asked = getattr(state, name)
        if isinstance(asked, Asked) and asked.request == request != 0:
            return replace(state, **{name: _with_answer(asked, event, shown)})
    return state


def _with_answer(asked: Asked, event: Event, shown: Event) -> Asked:
    if not isinstance(asked, Answered):
        return replace(asked, answered=True)
    if isinstance(shown, Failed):
        return replace(asked, answered=True, failure=shown.message)
    return replace(
        asked,
        answered=True,
        raw=Raw(event),
        answer=shown,
        answers=asked.question,
        # One that came first, for the same question, tells what this answer lacks.
        failure=asked.failure if asked.answered else "",
    )
