"""What a page of the tour is a function of, what it shows, and what is recorded meanwhile."""

from statistics import fmean
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from data.character_kinds import FIRST, INSIDE
from engine.config import SampleConfig
from tui.drawing.curve import Curve
from tui.insight import Passage
from tui.state import RunState
from tui.writing import Writing


class PageText(NamedTuple):
    """The words of a page now. All text in it is safe to draw."""

    text: str
    done: bool = False
    """Whether its act is done, so that this is the answer."""


class Reading(Struct, frozen=True):
    """The mean surprise of a passage, as a model of some step read it."""

    step: int
    bits: float
    first: float | None
    """The mean over first letters of words; None: there are none."""
    inside: float | None
    """The mean over the letters after them."""


class Written(Struct, frozen=True):
    """A text, or the beginning of it while it is written."""

    sample_id: int
    step: int
    temperature: float
    text: str
    ended: bool


class Parent(Struct, frozen=True):
    """The run that was open before the one that is open now."""

    run: str
    learning_rate: float
    train: Curve


class Notes(Struct, frozen=True):
    """What the tour has seen of the open run, where the state keeps only the newest."""

    run: str = ""
    parent: Parent | None = None
    passage: str = ""
    """The text of `readings`, as the engine knows it."""
    readings: tuple[Reading, ...] = ()
    """By the earliest and by the latest step at which the passage was read, at most two."""
    seen: int | None = None
    """The number of the answer that was there before the tour; None: not looked at yet."""
    answers: tuple[Written, ...] = ()
    """To prompts: the last one at each temperature, the newest at the end, at most `MOST`."""
    moments: tuple[Written, ...] = ()
    """What was written in the view that looks back: the text of each step, at most `MOST`."""
    begun: tuple[str, SampleConfig] | None = None
    """The prompt and the settings of all of these."""
    last: Parent | None = None
    """The open run, as the parent that it may become."""


MOST = 8


class Scene(NamedTuple):
    """Everything that a page may tell of."""

    state: RunState
    view: int
    config: SampleConfig
    """The settings of the next answer."""
    guess: str = ""
    """What was typed, which is not safe to draw; empty: nothing yet."""
    notes: Notes = Notes()


def updated(notes: Notes, scene: Scene) -> Notes:
    """The notes with what is on the screen now."""
    state = scene.state
    if state.opened is None:
        return notes
    if state.opened.run != notes.run:
        notes = Notes(run=state.opened.run, parent=notes.last)
    last = Parent(state.opened.run, state.learning_rate, state.train)
    notes = _with_reading(replace(notes, last=last), state)
    return _with_answer(_with_moment(notes, state), scene)


def _with_reading(notes: Notes, state: RunState) -> Notes:
    passage = state.insight.passage
    if passage is None or state.insight.off:
        return notes
    step = passage.read.step
    if passage.text != notes.passage:
        return replace(notes, passage=passage.text, readings=(_reading(passage),))
    by_step = {reading.step: reading for reading in notes.readings}
    if step in by_step or min(by_step) < step < max(by_step):
        return notes
    by_step[step] = _reading(passage)
    ends = sorted({min(by_step), max(by_step)})
    return replace(notes, readings=tuple(by_step[step] for step in ends))


def _reading(passage: Passage) -> Reading:
    """The mean surprise of a passage as it is read now."""
    by_kind: dict[int | None, list[float]] = {FIRST: [], INSIDE: []}
    for index in range(1, len(passage.characters)):
        bits = passage.bits(index)
        if bits is not None:
            by_kind.setdefault(passage.kind(index), []).append(bits)
    first, inside = by_kind[FIRST], by_kind[INSIDE]
    return Reading(
        passage.read.step,
        passage.read.bits,
        fmean(first) if first else None,
        fmean(inside) if inside else None,
    )


def _with_answer(notes: Notes, scene: Scene) -> Notes:
    writing = scene.state.writing
    number = writing.sample_id if writing else 0
    if notes.seen is None:  # nobody knows at which temperature that one was drawn
        return replace(notes, seen=number)
    # Of a text that was written on, only the end was drawn at this temperature.
    if writing is None or number == notes.seen or writing.earlier:
        return notes
    begun = [one for one in notes.answers if one.sample_id == number]
    temperature = begun[0].temperature if begun else scene.config.temperature
    now = _written(writing, temperature)
    others = [one for one in notes.answers if one.temperature != temperature]
    return replace(notes, answers=(*others, now)[-MOST:])


def _with_moment(notes: Notes, state: RunState) -> Notes:
    moments = state.moments
    writing, asked = moments.writing, moments.asked
    if asked is None or writing is None or not writing.ended:
        return notes
    if writing.sample_id != moments.asked_id:  # of the question before
        return notes
    begun = (asked.prompt, asked.config)
    others = [one for one in notes.moments if one.step != writing.step]
    now = _written(writing, asked.config.temperature)
    comparable = others if begun == notes.begun else []
    return replace(notes, begun=begun, moments=(*comparable, now)[-MOST:])


def _written(writing: Writing, temperature: float) -> Written:
    return Written(writing.sample_id, writing.step, temperature, writing.text, bool(writing.ended))
