"""What the screen knows after each event."""

import inspect
import types
import typing
from math import nan
from time import thread_time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recording import (
    CONFIG,
    PROMPT,
    RUN,
    STEPS,
    VERSE,
    closed,
    corpus_loaded,
    evaluated,
    opened,
    opening,
    state_after,
    step_done,
    trained,
    untrained,
    written,
)

from data.safe_text import safe_text
from engine import protocol
from engine.protocol import (
    RECORDED,
    Busy,
    CorpusLoaded,
    Event,
    Excerpt,
    Extended,
    Failed,
    LearningRateChanged,
    Measured,
    PhaseChanged,
    RunChanged,
    RunsListed,
    RunSummary,
    SampleDone,
    SampleStarted,
    Saved,
    StepDone,
    TextSampled,
)
from engine.settings import Section
from tui.asking import Asked
from tui.drawing.curve import MAX_BUCKETS
from tui.insight import Insight
from tui.panes.header import message
from tui.safe_struct import Raw, safe
from tui.state import EXCERPTS_KEPT, RunState, fold
from tui.writing import TEXT_KEPT

# One event after the other.


def test_at_first_it_warms_up() -> None:
    state = RunState()

    assert state.phase == "warming up"
    assert state.epochs == state.progress == 0


def test_the_text_is_known_before_the_run_is_open() -> None:
    state = state_after(Busy("reading a.txt"), corpus_loaded())

    assert state.corpus is not None
    assert state.corpus.name == "tinyshakespeare"
    assert state.corpus.frequent[10] == ("␊", 42_521)
    assert state.opened is None
    assert state.phase == "warming up"
    assert state.busy == Busy("reading a.txt")


def test_opened_tells_where_the_run_stands() -> None:
    state = state_after(*opening())

    assert (state.phase, state.step, state.steps) == ("untrained", 0, 2_000)
    assert state.learning_rate == CONFIG.train.learning_rate
    assert state.busy == Busy("")


def test_a_step_moves_the_curve_the_speed_and_the_epochs() -> None:
    state = state_after(*opening(), step_done(1, 4.0))

    assert state.train.last == (1, 4.0)
    assert state.last_step == step_done(1, 4.0)
    assert state.tokens_per_second == pytest.approx(2_048 / 0.06)
    assert state.epochs == pytest.approx(2_048 / 1_069_761)
    assert state.progress == pytest.approx(1 / 2_000)


def test_the_speed_is_smoothed() -> None:
    slow = msgspec.structs.replace(step_done(2), seconds=10 * step_done(1).seconds)

    state = state_after(*opening(), step_done(1), slow)

    assert 0.85 < state.tokens_per_second / (2_048 / 0.06) < 0.95


def test_a_step_that_took_no_time_has_no_speed() -> None:
    state = state_after(*opening(), msgspec.structs.replace(step_done(1), seconds=0.0))

    assert state.tokens_per_second == 0


def test_a_run_by_minutes_is_done_by_its_time() -> None:
    train = msgspec.structs.replace(CONFIG.train, minutes=2.0)
    timed = opened(msgspec.structs.replace(CONFIG, train=train))

    state = state_after(*opening()[:-1], timed, step_done(500))

    assert state.minutes == 2.0
    assert state.progress == pytest.approx(30 / 120)


def test_an_evaluation_that_is_not_a_number_is_never_the_best() -> None:
    broken = msgspec.structs.replace(evaluated(0, 1.5), loss=nan)
    state = state_after(*opening(), broken, evaluated(250, 1.5), PhaseChanged("done", 250))
    assert state.best == evaluated(250, 1.5)
    state = fold(state, broken)
    assert state.best == evaluated(250, 1.5)
    assert message(state).plain.startswith(
        "Ended with a held-out loss that is no longer a number; best 1.5000 at step 250. Space"
    )


def test_when_it_trains_on_the_screen_says_that_the_loss_rises_first() -> None:
    ended = state_after(*untrained(), *trained(STEPS))
    assert message(ended).plain.endswith(". Space trains 2,000 more steps.")
    extension = Extended(STEPS, STEPS + 100, 0.0, 120.0, 0.0, 0.2)
    state = fold(fold(ended, extension), PhaseChanged("training", STEPS))
    assert message(state).plain == (
        "The learning rate rises to 20%, then falls to 0; the loss may rise first."
    )
    later = fold(state, step_done(STEPS + 40))
    assert message(later).plain.startswith("Training: each step predicts ")


def test_the_best_evaluation_is_remembered() -> None:
    state = state_after(*opening(), evaluated(0, 4.1), evaluated(250, 1.5), evaluated(500, 1.6))

    assert state.evaluated == evaluated(500, 1.6)
    assert state.best == evaluated(250, 1.5)
    assert [bucket.mean for bucket in state.validation.buckets] == [4.1, 1.5, 1.6]


def test_a_changed_learning_rate_and_a_longer_run() -> None:
    state = state_after(*opening(), LearningRateChanged(3, 0.01), Extended(3, 4_000, 1.5))

    assert (state.learning_rate, state.steps, state.minutes) == (0.01, 4_000, 1.5)


def test_what_it_costs_and_where_it_is_saved() -> None:
    measured = Measured(CONFIG, 802_560, 50_000_000, 0.06)

    state = state_after(*opening(), measured, Saved(RUN, 5, "runs/x"))

    assert state.measured == measured
    assert state.saved == Saved(RUN, 5, "runs/x")


@pytest.mark.parametrize(
    ("mends", "during"),
    [
        (Saved(RUN, 5, "runs/x"), "save"),
        (PhaseChanged("training", 5), "train"),
        (opened(), "open"),
    ],
)
def test_a_failure_stays_until_something_mends_it(mends: Event, during: str) -> None:
    failed = msgspec.convert({"message": "No.", "during": during}, Failed)
    state = state_after(*opening(), failed)
    assert state.failure == failed

    assert fold(state, step_done(1)).failure == failed
    assert fold(state, mends).failure is None


def test_the_phase_failed_keeps_its_reason() -> None:
    state = state_after(*opening(), Failed("The loss is not finite.", "train"))

    assert fold(state, PhaseChanged("failed", 3)).failure is not None


def test_closed_changes_nothing() -> None:
    state = state_after(*untrained())

    assert fold(state, closed()) is state


# Writing.


def test_a_text_grows_and_ends() -> None:
    state = state_after(*untrained(), *written(VERSE, step=7))

    assert state.writing is not None
    assert (state.writing.prompt, state.writing.text, state.writing.step) == (PROMPT, VERSE, 7)
    assert state.writing.ended == "length"
    assert state.writing.speed == pytest.approx(810)


def test_the_rest_of_a_superseded_text_is_dropped() -> None:
    old, new = written("old text", sample_id=1, end=False), written("new", sample_id=2, end=False)
    state = state_after(*untrained(), *old, *new)

    state = fold(state, TextSampled(1, "late", 12, 1.0))
    state = fold(state, SampleDone(1, 12, 1.0, "stopped"))

    assert state.writing is not None
    assert (state.writing.sample_id, state.writing.text) == (2, "new")
    assert not state.writing.ended


def test_text_of_nobody_is_dropped() -> None:
    state = state_after(*untrained())

    assert fold(state, TextSampled(9, "x", 1, 0.1)) is state
    assert fold(state, SampleDone(9, 1, 0.1, "length")) is state


def test_of_a_long_text_the_end_is_kept() -> None:
    state = state_after(*untrained(), SampleStarted(1, 0, "", "", 0))
    for piece in range(5):
        text = f"{piece}" * (TEXT_KEPT // 4)
        state = fold(state, TextSampled(1, text, len(text), 1.0))

    assert state.writing is not None
    assert len(state.writing.text) == TEXT_KEPT
    assert state.writing.text.endswith("4")
    assert "0" not in state.writing.text


def test_of_many_excerpts_the_newest_are_kept() -> None:
    state = state_after(*(Excerpt(step, "", "x") for step in range(EXCERPTS_KEPT + 5)))

    assert len(state.excerpts) == EXCERPTS_KEPT
    assert state.excerpts[-1].step == EXCERPTS_KEPT + 4


# One run after the other.


def parts(state: RunState, **changes: object) -> dict[str, object]:
    """The fields of a state, some of them changed."""
    return {name: getattr(state, name) for name in state.__struct_fields__} | changes


def test_a_new_text_starts_over() -> None:
    state = state_after(*untrained(), *trained(300), *written("x"), corpus_loaded())

    assert (state.step, state.opened, state.writing, state.excerpts) == (0, None, None, ())
    assert state.train == state.validation == RunState().train


def test_a_run_that_fails_to_open_leaves_the_one_before_as_it_was() -> None:
    before = state_after(*untrained(), *trained(30), *written(VERSE))
    failed = Failed("It is too large.", "open")

    state = before
    for event in (Busy("reading b.txt"), corpus_loaded(), Busy(""), failed):
        state = fold(state, event)

    assert state.failure == failed
    assert parts(state, failure=None) == parts(before, failure=None)


def test_two_attempts_that_fail_leave_the_run_too() -> None:
    before = state_after(*untrained(), *trained(30))
    failed = Failed("It is too large.", "open")

    state = before
    for event in (corpus_loaded(), failed, corpus_loaded(), failed):
        state = fold(state, event)

    assert state.opened == before.opened
    assert state.train == before.train


def test_an_attempt_that_fails_before_its_text_is_read_leaves_the_run() -> None:
    before = state_after(*untrained(), *trained(30))

    state = fold(before, Failed("There is no such file.", "open"))

    assert state.opened == before.opened
    assert state.train == before.train


def test_a_run_that_opens_lets_go_of_the_one_before() -> None:
    state = state_after(*untrained(), corpus_loaded(), opened(run="calm-crow"))

    assert state.before is None
    assert state.opened is not None
    assert state.opened.run == "calm-crow"


def test_a_saved_run_looks_as_it_did_live() -> None:
    events = [*untrained(), *trained(300)]
    live = state_after(*events)
    reopened = msgspec.structs.replace(opened(), phase="paused", step=300, elapsed=18.0)

    replayed = state_after(
        corpus_loaded(), reopened, *(event for event in events if isinstance(event, RECORDED))
    )

    for name in ("step", "train", "validation", "evaluated", "best", "excerpts", "last_step"):
        assert getattr(replayed, name) == getattr(live, name), name
    assert replayed.phase == "paused"


# A long run.


def test_a_long_run_is_folded_fast_into_a_bounded_state() -> None:
    state = state_after(*opening())
    events = [step_done(step, 4.0 / (1 + step / 1_000)) for step in range(1, 50_001)]

    began = thread_time()  # the processor's, so that a busy machine makes no difference
    for event in events:
        state = fold(state, event)
    took = thread_time() - began

    assert took < 1
    assert state.step == 50_000
    assert len(state.train.buckets) <= min(10_000, 2 * MAX_BUCKETS)


# Untrusted text.

HIDDEN = {
    *range(0x20),
    *range(0x7F, 0xA0),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    0x200E,
    0x200F,
}
EVENTS = typing.get_args(Event)
HOSTILE = "a\x1b]52;c;aGk=\x07\x7f\x9b\u202e\u2066\n\t\r\ud800[/]"
ANYTHING = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("\x1b\x07\x7f\x9b\u202e\u2066\n\t\r[/]"),
    ),
    max_size=12,
)


def events_with(strings: st.SearchStrategy[str]) -> st.SearchStrategy[Event]:
    """Events of every kind, with every free string drawn from `strings`."""
    return st.one_of(*(built(kind, strings) for kind in EVENTS))


def built(kind: type, strings: st.SearchStrategy[str]) -> st.SearchStrategy[typing.Any]:
    """Structs of a type; the fields of a config section keep their defaults, but for strings."""
    if issubclass(kind, Section):  # which refuses half a character
        strings = strings.map(lambda text: text.encode("utf-8", "ignore").decode())
    hints = typing.get_type_hints(kind)
    names = [
        name
        for name in kind.__struct_fields__  # type: ignore[attr-defined]
        if hints[name] is str or not issubclass(kind, Section)
    ]
    return st.builds(kind, **{name: value_of(hints[name], strings) for name in names})


def value_of(hint: typing.Any, strings: st.SearchStrategy[str]) -> st.SearchStrategy[typing.Any]:
    """Values of any type that a field of an event has."""
    simple = {
        str: strings,
        int: st.integers(1, 50),
        float: st.floats(0.1, 50),
        bool: st.booleans(),
        type(None): st.none(),
    }
    if hint in simple:
        return simple[hint]
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(parts)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(value_of(part, strings) for part in parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(value_of(parts[0], strings), min_size=1, max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(value_of(part, strings) for part in parts))
    return built(hint, strings)


def strings_in(value: object) -> typing.Iterator[str]:
    """Every string that can be reached from a value, but for those that are never drawn."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from strings_in(part)
    elif isinstance(value, msgspec.Struct) and not isinstance(value, Raw):
        for name in value.__struct_fields__:
            yield from strings_in(getattr(value, name))


def assert_safe(value: object) -> None:
    """No string in it is one that a terminal obeys."""
    for text in strings_in(value):
        assert not {ord(character) for character in text} & (HIDDEN - {0x0A})
        assert "\ud800" not in text


def test_every_kind_of_event_is_tried() -> None:
    kinds = {
        kind
        for _, kind in inspect.getmembers(protocol, inspect.isclass)
        if issubclass(kind, msgspec.Struct) and kind in EVENTS
    }

    assert kinds == set(EVENTS)
    assert {CorpusLoaded, StepDone} <= kinds


@pytest.mark.parametrize("kind", EVENTS)
def test_no_string_field_of_any_event_is_forgotten(kind: type[Event]) -> None:
    """A hostile string in every str field of every event, at any depth."""

    @settings(max_examples=10, deadline=None, database=None)
    @given(built(kind, st.just(HOSTILE)))
    def fold_it(event: Event) -> None:
        state = fold(state_after(*untrained(), *written("x", end=False)), event)

        assert_safe(safe(event))
        assert_safe(state)

    fold_it()


@settings(max_examples=300, deadline=None)
@given(st.lists(events_with(ANYTHING), max_size=12))
def test_no_string_in_the_state_is_one_a_terminal_obeys(events: list[Event]) -> None:
    state = RunState()
    for event in events:
        state = fold(state, event)

        assert_safe(state)


def test_an_event_without_text_is_not_copied() -> None:
    step = step_done(1)
    loaded = corpus_loaded()

    assert safe(step) is step
    assert safe(msgspec.structs.replace(loaded, frequent=())).name is loaded.name


def test_a_container_that_is_not_looked_into_is_an_error() -> None:
    kind = msgspec.defstruct("Listing", [("names", list[str])])

    with pytest.raises(AssertionError, match="does not look into"):
        safe(kind(["a"]))


def test_the_true_names_are_kept_with_those_that_are_shown() -> None:
    run = RunSummary("a\x1b", "b\x07", "small", 1, 2, None, 0.0, 10)
    state = state_after(corpus_loaded(), opened(run="a\x1b"), RunsListed((run,)))

    assert state.runs is not None
    assert state.raw_runs is not None
    assert state.opened is not None
    assert state.raw_opened is not None
    assert (state.runs[0].name, state.opened.run) == ("a␛", "a␛")
    assert (state.raw_runs.value[0].name, state.raw_opened.value.run) == ("a\x1b", "a\x1b")

    state = fold(state, RunChanged("a\x1b", "c\x1b"))
    assert state.opened is not None
    assert state.raw_opened is not None
    assert (state.opened.run, state.raw_opened.value.run) == ("c␛", "c\x1b")


@settings(max_examples=100, deadline=None)
@given(ANYTHING, st.integers(0, 12))
def test_a_written_text_is_as_safe_in_pieces_as_whole(text: str, cut: int) -> None:
    pieces = (TextSampled(1, text[:cut], 1, 1.0), TextSampled(1, text[cut:], 2, 1.0))
    state = state_after(SampleStarted(1, 0, "", "", 0), *pieces)

    assert state.writing is not None
    assert state.writing.text == safe_text(text, lines=True)


def test_only_what_is_written_has_more_than_one_line() -> None:
    two = "one\ntwo"
    state = state_after(
        msgspec.structs.replace(corpus_loaded(), name=two, note=two),
        opened(run=two),
        *written(two, prompt=two),
        Failed(two, "train"),
    )

    assert state.corpus is not None
    assert state.opened is not None
    assert state.failure is not None
    assert state.writing is not None
    shown = (state.corpus.name, state.corpus.note, state.opened.run, state.failure.message)
    assert shown == ("one␊two",) * 4
    assert (state.writing.prompt, state.writing.text) == (two, two)


def test_a_failure_answers_the_question_that_it_is_about_and_no_other() -> None:
    waiting = Insight(
        asked_passage=Asked(request=1, answered=False), asked_place=Asked(request=2, answered=False)
    )
    asked = msgspec.structs.replace(state_after(*untrained()), insight=waiting)
    failed = fold(asked, Failed("There is no text to read.", "inspect", 2))
    assert failed.insight.failure == "There is no text to read."
    assert not failed.insight.asked_passage.answered
    assert failed.insight.asked_place.answered
    unasked = fold(asked, Failed("The weights of step 8 could not be kept.", "inspect"))
    assert unasked.insight == waiting
    assert unasked.failure is not None, "it is shown above the panes"
