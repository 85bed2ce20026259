"""What is kept of a run's course: its moments as they were recorded, and what happened on the way."""

from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from recording import opened, opening, state_after, step_done, trained, untrained

from engine.protocol import (
    Evaluated,
    Extended,
    LearningRateChanged,
    Recorded,
    StepDone,
    ThreadsChosen,
)
from tui.course import MOST_MOMENTS, Course, fold_course
from tui.panes.chart_cursor import readout
from tui.state import RunState

WIDE = 1_000


@st.composite
def histories(draw: st.DrawFn) -> list[Recorded]:
    """Steps with any losses, rates, contexts and durations, some of them evaluated."""
    events: list[Recorded] = [Evaluated(0, 4.1, 6.0, 0.0, 16, 0.5, 0.5)]
    elapsed = 0.5
    for step in range(1, draw(st.integers(1, 40)) + 1):
        seconds = draw(st.floats(0.001, 100))
        elapsed += seconds
        rate = draw(st.floats(0, 1))
        tokens = draw(st.integers(1, 10**6))
        loss = draw(st.floats(0, 20))
        events.append(StepDone(step, loss, 0.1, rate, tokens, tokens, seconds, elapsed, 1.0))
        if draw(st.booleans()):
            events.append(Evaluated(step, draw(st.floats(0, 20)), 1.0, 0.1, 16, 0.1, elapsed))
    return events


@settings(deadline=None, max_examples=50)
@given(histories())
def test_the_cursor_tells_what_was_recorded(events: list[Recorded]) -> None:
    state = state_after(*opening(), *events)
    assert state.corpus is not None
    characters, held_out = 0, ""
    for event in events:
        if isinstance(event, Evaluated):
            held_out = f"{event.loss:.4f}"
            continue
        assert isinstance(event, StepDone)
        characters += event.tokens
        moment = state.course.at(event.step)
        assert moment == (event.step, event.loss, event.learning_rate, characters, event.elapsed)
    (line,) = readout(state, event.step, WIDE)
    steps = [event for event in events if isinstance(event, StepDone)]
    assert f"step {steps[-1].step}  ━ training {steps[-1].loss:.3f}  " in line.plain
    assert f"◆ held-out {held_out}" in line.plain
    assert f"seen {characters:,} character" in line.plain
    assert f"({characters / state.corpus.train_characters:.2f} times)" in line.plain


def course_of(steps: range) -> Course:
    course = Course()
    for step in steps:
        course = fold_course(course, step_done(step), 0.03)
    return course


def test_what_is_kept_of_a_long_run_is_as_it_was_recorded() -> None:
    course = course_of(range(1, 10_001))
    moments = course.moments
    assert len(moments) <= MOST_MOMENTS + 1
    assert [one.step for one in moments[:100]] == [*range(1, 101)]
    assert moments[-1].step == 10_000
    for one in moments:
        recorded = step_done(one.step)
        assert one.loss == recorded.loss
        assert one.learning_rate == recorded.learning_rate
        assert one.tokens == 2_048 * one.step
        assert one.elapsed == recorded.elapsed
    assert all(b.step - a.step <= max(1, b.step / 32) for a, b in pairwise(moments))
    found = course.at(7_777)
    assert found is not None
    assert 7_700 < found.step <= 7_777


def test_steps_that_the_history_does_not_have_count_like_the_next_one() -> None:
    assert [one.tokens for one in course_of(range(101, 103)).moments] == [
        101 * 2_048,
        102 * 2_048,
    ]


def test_a_step_that_is_told_again_changes_nothing() -> None:
    course = course_of(range(1, 11))
    again = fold_course(course, step_done(4), 0.03)
    assert again.moments == course.moments


def marks(state: RunState) -> list[str]:
    return [f"{mark.step} {mark.sign} {mark.text}" for mark in state.course.marks]


def test_what_happened_is_marked_where_it_happened() -> None:
    def growing(step: int) -> StepDone:
        context = 64 if step < 5 else 128
        return msgspec.structs.replace(step_done(step), context_length=context)

    state = state_after(
        *untrained(),
        *map(growing, range(1, 8)),
        LearningRateChanged(7, 0.024),
        LearningRateChanged(7, 0.02),
        growing(8),
        LearningRateChanged(8, 0.04),
        Extended(8, 20, 0.0),
        growing(9),
        Extended(9, 20, 3.0),
        ThreadsChosen(9, 1.0, 4, "4 threads: 10 ms"),
    )
    assert marks(state) == [
        "5 + context 64 → 128 characters",
        "7 ↓ the peak of the learning rate lowered to 0.0200",
        "8 ↑ the peak of the learning rate raised to 0.0400",
        "8 » trained on, to step 20",
        "9 » trained on, to 3m 00s",
        "9 # 4 threads",
    ]


def test_a_reopened_run_has_the_marks_of_its_history() -> None:
    chosen = ThreadsChosen(2, 1.0, 4, "4 threads: 10 ms")
    history = [*map(step_done, range(1, 3)), chosen, step_done(3)]
    history += [LearningRateChanged(3, 0.01), Extended(3, 9, 0.0)]
    live = state_after(*untrained(), *history)
    reopening = msgspec.structs.replace(opened(), step=3, phase="paused")
    again = state_after(*opening()[:-1], reopening, *history)
    assert marks(again) == marks(live)
    assert "2 # 4 threads" in marks(again)
    assert live.opened is not None
    assert again.opened is not None
    assert (live.opened.threads, again.opened.threads) == (4, reopening.threads)
    assert again.course.moments[-3:] == live.course.moments[-3:]


def test_the_text_seen_counts_short_contexts_as_what_they_are() -> None:
    short = [msgspec.structs.replace(step_done(step), tokens=512) for step in range(1, 4)]
    state = state_after(*untrained(), *short)
    assert state.corpus is not None
    assert state.epochs == 3 * 512 / state.corpus.train_characters


def test_the_course_of_a_finished_run_ends_with_it() -> None:
    last = state_after(*untrained(), *trained(2_000)).course.last
    assert last is not None
    assert last.step == 2_000
