"""What crosses between the engine and the rest: small frozen values that survive their JSON."""

import math
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.reading import Reading
from engine import protocol
from engine.config import SECTIONS, RunConfig, SampleConfig, medium, small
from engine.device import Machine
from engine.protocol import (
    CharacterPoint,
    Command,
    Event,
    Excerpt,
    Failed,
    LearningRateChanged,
    LossDivided,
    LossPart,
    Opening,
    OpenRun,
    Piece,
    Place,
    RaceSide,
    RaceSummary,
    RaceVerdict,
    RepetitionInfo,
    ReportedChange,
    ReportedEvaluation,
    ReportedRace,
    ReportedRun,
    ReportedSample,
    ReportedText,
    RunCurve,
    RunEvent,
    RunSummary,
    StepDone,
    SweepCase,
    SweepPlan,
    SweepRead,
    SweepSummary,
    Teach,
    TensorUpdate,
    TextSampled,
    Tokens,
    TrainingLosses,
    TrialResult,
    from_json,
    to_json,
)
from engine.protocol.message import Message

COMMANDS: tuple[type[Any], ...] = get_args(Command)
EVENTS: tuple[type[Any], ...] = get_args(Event)
CONFIGS = (RunConfig, *SECTIONS.values())
PARTS = (
    RunCurve,
    RunSummary,
    OpenRun,
    *get_args(Opening),
    Reading,
    Piece,
    Place,
    LossPart,
    CharacterPoint,
    RaceSide,
    RaceSummary,
    Machine,
    LossDivided,
    TrainingLosses,
    ReportedEvaluation,
    ReportedSample,
    ReportedChange,
    ReportedText,
    ReportedRun,
    *get_args(RunEvent),
    Teach,
    TensorUpdate,
    SweepCase,
    SweepPlan,
    SweepSummary,
    SweepRead,
    TrialResult,
    RepetitionInfo,
    RaceVerdict,
    ReportedRace,
    Tokens,
)
"""Structs inside messages."""
PLAIN = {str, int, float, bool, type(None), *PARTS, *CONFIGS}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if kind is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if kind is int:
        return st.integers(-(2**63), 2**63 - 1)
    if kind is str:
        return st.text()
    if kind is bool:
        return st.booleans()
    if kind is RunConfig:
        return st.sampled_from([small("a"), medium("/b \n.txt")])
    if kind is SampleConfig:
        return st.builds(SampleConfig, stop=st.text())
    if isinstance(kind, type) and issubclass(kind, PARTS):
        return messages(kind)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of(*(values(part) for part in get_args(kind)))
    if kind is type(None):
        return st.none()
    assert get_origin(kind) is tuple
    first, *rest = get_args(kind)
    if rest == [...]:
        return st.lists(values(first), max_size=4).map(tuple)
    return st.tuples(*(values(part) for part in get_args(kind)))


def messages(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: values(hints[name]) for name in kind.__struct_fields__})


@pytest.mark.parametrize("kind", EVENTS)
@settings(max_examples=30)
@given(data=st.data())
def test_an_event_survives_its_line(kind: type[Any], data: st.DataObject) -> None:
    event = data.draw(messages(kind))
    line = to_json(event)
    assert "\n" not in line
    assert from_json(line) == event
    assert type(from_json(line.encode())) is kind


@pytest.mark.parametrize("kind", COMMANDS + EVENTS)
def test_a_message_cannot_be_changed_and_says_what_it_is(kind: type[Any]) -> None:
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.forbid_unknown_fields
    assert kind.__struct_config__.tag == kind.__name__


def plain_parts(kind: Any) -> set[Any]:
    """The types that a field's type is made of."""
    if get_origin(kind) is Literal:
        return {type(choice) for choice in get_args(kind)}
    if get_origin(kind) in (tuple, Union, types.UnionType):
        return set().union(*(plain_parts(part) for part in get_args(kind) if part is not ...))
    return {kind}


@pytest.mark.parametrize("kind", COMMANDS + EVENTS + CONFIGS + PARTS)
def test_only_plain_values_cross(kind: type[Any]) -> None:
    hints = get_type_hints(kind)
    for name in kind.__struct_fields__:
        assert plain_parts(hints[name]) <= PLAIN, name


def test_every_message_of_the_page_is_a_command_or_an_event() -> None:
    page = {
        item
        for item in vars(protocol).values()
        if isinstance(item, type) and issubclass(item, Message) and item is not Message
    }
    assert page == {*COMMANDS, *EVENTS}
    assert not {*COMMANDS} & {*EVENTS}
    assert {*protocol.RECORDED} <= {*EVENTS}


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_becomes_null_and_is_refused_when_read(number: float) -> None:
    """JSON has no such numbers. The engine tells no such event: a step like that is not taken."""
    line = to_json(LearningRateChanged(1, number))
    assert line == '{"type":"LearningRateChanged","step":1,"learning_rate":null}'
    with pytest.raises(ValueError, match=r"^A line of the run's record is not readable: "):
        from_json(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        '{"type":"Nothing"}',
        '{"step":1,"learning_rate":0.1}',
        '{"type":"LearningRateChanged","step":1}',
        '{"type":"LearningRateChanged","step":1,"learning_rate":0.1,"colour":"red"}',
        '{"type":"LearningRateChanged","step":"1","learning_rate":0.1}',
        '{"type":"LearningRateChanged","step":1.5,"learning_rate":0.1}',
        '{"type":"PhaseChanged","phase":"asleep","step":1}',
        '{"type":"Train"}',  # a command is no event
    ],
)
def test_a_line_that_is_none_of_ours_is_refused_in_a_sentence(line: str) -> None:
    with pytest.raises(ValueError, match=r"^A line of the run's record is not readable: ") as why:
        from_json(line)
    assert not isinstance(why.value, msgspec.DecodeError)
    assert str(why.value).endswith(".")


@given(st.binary())
def test_any_bytes_are_an_event_or_a_sentence(line: bytes) -> None:
    try:
        event = from_json(line)
    except ValueError:
        return
    assert isinstance(event, EVENTS)


def test_what_a_model_writes_is_kept_as_it_is() -> None:
    odd = 'a"b\\c\n\t\x00\x1b[2J\u2028\U0001f989 ☃'
    for event in (TextSampled(1, odd, 5, 0.1), Excerpt(3, odd, odd), Failed(odd, "open")):
        assert from_json(to_json(event)) == event


def test_losses_survive_to_the_last_bit() -> None:
    event = StepDone(1, 1 / 3, math.pi * 1e-300, 5e-324, 1024, 64, 0.1, 1e300, 2.0**-52)
    assert from_json(to_json(event)) == event
