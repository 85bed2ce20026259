"""The course of a run: what was recorded at its steps, and what happened to it on the way."""

from bisect import bisect_right
from math import floor, isfinite, log2
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import (
    Evaluated,
    Event,
    Extended,
    Forked,
    LearningRateChanged,
    StepDone,
    Taught,
    TaughtEvent,
    ThreadsChosen,
)
from tui.drawing.axis import Pace, Unit
from tui.drawing.words import count, counted, duration, rate
from tui.taught import Teaching, fold_teaching, windows

MOST_MOMENTS = 2048
"""The number of moments at which the later ones are thinned."""
KEPT_PER_OCTAVE = 64
"""The least number of moments for each doubling of the run's length, if it has as many steps."""
MOST_MARKS = 100
"""The number of marks that are kept, the newest."""

GROWN, LONGER, RAISED, LOWERED, THREADS, FORKED, TAUGHT = "+", "»", "↑", "↓", "#", "Y", "t"
"""The signs of marks."""

MEANING = {
    GROWN: "longer context",
    LONGER: "trained on",
    RAISED: "learning rate raised",
    LOWERED: "learning rate lowered",
    THREADS: "threads",
    FORKED: "forked",
    TAUGHT: "taught",
}
"""The sign of each kind of mark in a word or two."""


class Moment(NamedTuple):
    """What was recorded at a step."""

    step: int
    loss: float | None  # of its batch, in nats a token; None: before the first step
    learning_rate: float | None  # as it was applied
    tokens: int  # trained on so far
    elapsed: float  # seconds of training so far


class Mark(NamedTuple):
    """Something that happened after a step, with the sign that stands for it in the chart."""

    step: int
    sign: str
    text: str


class Course(Struct, frozen=True):
    """Moments and marks of a run, in the order of their steps. Each moment that is kept is exactly as
    it was recorded; of a long run not every step is kept."""

    kept: tuple[Moment, ...] = ()
    newest: Moment | None = None
    """The newest moment, where it is not among those that are kept."""

    stride: int = 1
    """At most every so many steps one is kept, of the newest: a power of two."""

    context_length: int = 0
    learning_rate: float = 0.0
    """The peak that it was set to last; 0: not since the run began."""

    marks: tuple[Mark, ...] = ()
    teaching: Teaching = Teaching()

    @property
    def moments(self) -> tuple[Moment, ...]:
        """All moments that are known."""
        return self.kept if self.newest is None else (*self.kept, self.newest)

    @property
    def last(self) -> Moment | None:
        """The newest moment."""
        return self.newest or (self.kept[-1] if self.kept else None)

    def at(self, step: float) -> Moment | None:
        """The newest moment until a step, or the first one; None before there is any."""
        moments = self.moments
        number = bisect_right(moments, step, key=lambda moment: moment.step)
        return moments[max(0, number - 1)] if moments else None

    def pace(self, unit: Unit, characters_each: float) -> Pace | None:
        """How many characters or seconds of training each step took; None for steps.
        `characters_each`: the mean length of a token."""
        if unit == "steps":
            return None
        moments = self.moments
        values = [
            one.tokens * characters_each if unit == "characters" else one.elapsed for one in moments
        ]
        return Pace.of([one.step for one in moments], values)

    def with_moment(self, moment: Moment) -> "Course":
        """With one more moment; one that is not after the others is left out."""
        if self.last is not None and moment.step <= self.last.step:
            return self
        if moment.step % _distance(moment.step, self.stride):
            return replace(self, newest=moment)
        kept, stride = (*self.kept, moment), self.stride
        if len(kept) > MOST_MOMENTS:
            stride *= 2
            kept = tuple(one for one in kept if not one.step % _distance(one.step, stride))
        return replace(self, kept=kept, newest=None, stride=stride)

    def with_mark(self, step: int, sign: str, text: str) -> "Course":
        """With one more mark."""
        return replace(self, marks=(*self.marks, Mark(step, sign, text))[-MOST_MARKS:])


def _distance(step: int, stride: int) -> int:
    """How many steps lie between two that are kept, around a step: a power of two."""
    return min(stride, 1 << floor(log2(max(1.0, step / KEPT_PER_OCTAVE))))


def fold_course(course: Course, event: Event, began_with: float, noun: str = "character") -> Course:
    """The course after one more event; `began_with`: the peak of the learning rate at step 0;
    `noun`: what a token of the run is called."""
    if isinstance(event, Evaluated | TaughtEvent):
        course = replace(course, teaching=fold_teaching(course.teaching, event))
    match event:
        case StepDone():
            return _with_step(course, event, noun)
        case Evaluated(0, elapsed=elapsed) if course.last is None:
            return course.with_moment(Moment(0, None, None, 0, elapsed))
        case LearningRateChanged(step, now):
            return _with_rate(course, step, now, course.learning_rate or began_with)
        case Extended(step, steps, minutes):
            end = duration(60 * minutes) if minutes else f"step {count(steps)}"
            return course.with_mark(step, LONGER, f"trained on, to {end}")
        case ThreadsChosen(step, _, threads):
            return course.with_mark(step, THREADS, counted(threads, "thread"))
        case Taught(step, text, share):
            ended = "another text is no longer taught"
            taught = f"taught {counted(len(text), 'character')}, in {windows(share)}"
            return course.with_mark(step, TAUGHT, taught if share else ended)
        case Forked(step, run):
            return course.with_mark(step, FORKED, f"forked from {run}")
        case _:
            return course


def _with_step(course: Course, event: StepDone, noun: str) -> Course:
    last, before = course.last, course.context_length
    # Steps that the history does not have count like this one.
    steps = event.step - (last.step if last else 0)
    tokens = (last.tokens if last else 0) + max(1, steps) * event.tokens
    elapsed = max(event.elapsed if isfinite(event.elapsed) else 0.0, last.elapsed if last else 0.0)
    loss = event.loss if isfinite(event.loss) else None
    moment = Moment(event.step, loss, event.learning_rate, tokens, elapsed)
    course = replace(course.with_moment(moment), context_length=event.context_length)
    if 0 < before < event.context_length:
        text = f"context {count(before)} → {counted(event.context_length, noun)}"
        course = course.with_mark(event.step, GROWN, text)
    return course


def _with_rate(course: Course, step: int, now: float, before: float) -> Course:
    """Several changes at one step are one mark."""
    course = replace(course, learning_rate=now)
    if now == before:
        return course
    sign, text = (RAISED, "raised") if now > before else (LOWERED, "lowered")
    mark = course.marks[-1] if course.marks else None
    if mark is not None and mark.step == step and mark.sign in (RAISED, LOWERED):
        course = replace(course, marks=course.marks[:-1])
    return course.with_mark(step, sign, f"the peak of the learning rate {text} to {rate(now)}")
