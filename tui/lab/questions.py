"""The ready questions, in the order in which they are listed."""

from tui.lab.model_questions import ABOUT_MODELS
from tui.lab.question import Question
from tui.lab.training_questions import ABOUT_TRAINING

QUESTIONS = (*ABOUT_MODELS, *ABOUT_TRAINING)


def question_of(key: str) -> Question:
    """The question with this key. ValueError, with a user-facing message, if there is none."""
    for question in QUESTIONS:
        if question.key == key:
            return question
    known = ", ".join(question.key for question in QUESTIONS)
    raise ValueError(f"There is no question {key!r}: the ready ones are {known}.")


def question_titled(title: str) -> Question | None:
    """The ready question that a race was started with, if it was one."""
    return next((question for question in QUESTIONS if question.title == title), None)
