"""What a run plans: learning rate, context length, end, remaining time."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.config import ModelConfig, RunConfig, TrainConfig, medium, nano, small
from engine.training.schedule import ContextStage, Plan, Position, context_stages, lr_factor
from engine.training.split import val_characters

CONFIG = TrainConfig(warmup_fraction=0.1, decay_fraction=0.4)
FRACTIONS = st.floats(0, 1)


def plan(context_length: int = 64, **train: float) -> Plan:
    config = RunConfig(
        corpus="any",
        model=ModelConfig(context_length=context_length),
        train=TrainConfig(**train),  # type: ignore[arg-type]
    )
    return Plan(config, config.train.steps, config.train.minutes)


# Learning rate.


@pytest.mark.parametrize(
    ("progress", "factor"),
    [(0.0, 0.001), (0.05, 0.5), (0.1, 1), (0.35, 1), (0.6, 1), (0.8, 0.5), (0.9, 0.25), (1.0, 0)],
)
def test_the_learning_rate_warms_up_stays_and_decays_to_zero(
    progress: float, factor: float
) -> None:
    assert lr_factor(progress, CONFIG) == pytest.approx(factor)


@given(FRACTIONS, FRACTIONS)
def test_the_learning_rate_never_rises_after_the_warmup(a: float, b: float) -> None:
    first, second = sorted((max(a, 0.1), max(b, 0.1)))
    assert 0 <= lr_factor(second, CONFIG) <= lr_factor(first, CONFIG) <= 1


@given(FRACTIONS, FRACTIONS, FRACTIONS)
def test_the_factor_is_in_range_for_every_shape(
    warmup: float, decay: float, progress: float
) -> None:
    if warmup + decay <= 1:
        config = TrainConfig(warmup_fraction=warmup, decay_fraction=decay)
        assert 0 <= lr_factor(progress, config) <= 1


def test_without_decay_the_learning_rate_stays_to_the_end() -> None:
    config = TrainConfig(warmup_fraction=0, decay_fraction=0)
    assert lr_factor(0, config) == lr_factor(1, config) == 1


# Context length.


@pytest.mark.parametrize(
    ("progress", "parts"), [(0, 4), (0.34, 4), (0.36, 2), (0.69, 2), (0.71, 1), (1, 1)]
)
def test_a_quarter_then_half_then_all_of_the_context(progress: float, parts: int) -> None:
    at = Position(step=round(100 * progress), elapsed=0)
    assert plan(steps=100, context_warmup=0.7).next_context_length(at) == 64 // parts
    assert plan(steps=100, context_warmup=0).next_context_length(at) == 64


@given(st.floats(0, 1), st.integers(8, 4096))
def test_the_stages_make_up_a_whole_run(warmup: float, context_length: int) -> None:
    stages = context_stages(plan(context_length, context_warmup=warmup).config)
    assert sum(stage.fraction for stage in stages) == pytest.approx(1)
    lengths = [stage.context_length for stage in stages]
    assert 1 < lengths[0] <= lengths[1] <= lengths[2] == context_length
    assert stages[2] == ContextStage(1 - warmup, context_length)


def test_between_two_steps_the_context_length_is_that_of_the_last() -> None:
    by_steps = plan(steps=20, context_warmup=0.5)
    for step in range(1, 21):
        before, after = Position(step - 1, 0), Position(step, 0)
        assert by_steps.context_length(after) == by_steps.next_context_length(before)
    start = Position(0, 0)
    assert by_steps.context_length(start) == by_steps.next_context_length(start) == 16


def test_the_context_length_follows_the_time_where_minutes_are_planned() -> None:
    by_minutes = plan(minutes=1, steps=1, context_warmup=0.5)
    lengths = [by_minutes.next_context_length(Position(1_000, s)) for s in (0, 14, 16, 29, 31, 60)]
    assert lengths == [16, 16, 32, 32, 64, 64]


def test_an_extended_run_keeps_the_whole_context() -> None:
    at = Position(20, 10)
    for ended in (plan(steps=20, context_warmup=1), plan(minutes=1 / 6, context_warmup=1)):
        assert ended.extended(at, done=True).next_context_length(at) == 64


# The end.


def test_progress_by_steps() -> None:
    half = plan(steps=20)
    assert [half.progress(Position(step, 0)) for step in (0, 10, 20, 30)] == [0, 0.5, 1, 1]


def test_progress_by_minutes_leaves_time_for_the_last_evaluation() -> None:
    by_minutes = plan(minutes=1)
    assert by_minutes.progress(Position(5, 30)) == 0.5
    assert by_minutes.progress(Position(5, 30, evaluation_seconds=10)) == pytest.approx(0.6)
    assert by_minutes.progress(Position(5, 30, evaluation_seconds=90)) == 1


def test_a_run_by_steps_is_over_after_the_last_one() -> None:
    assert not plan(steps=20).is_over(Position(19, 1e9, step_seconds=1e9))
    assert plan(steps=20).is_over(Position(20, 0))


def test_a_run_by_minutes_is_over_when_no_step_and_evaluation_fit_in() -> None:
    by_minutes = plan(minutes=1, steps=1)
    assert not by_minutes.is_over(Position(5, 40, step_seconds=9, evaluation_seconds=10))
    assert by_minutes.is_over(Position(5, 42, step_seconds=9, evaluation_seconds=10))


def seconds_of(context_length: int) -> float:
    """Of a step, where each character of the context costs a tenth of a second."""
    return context_length / 10


def test_remaining_time_by_minutes() -> None:
    assert plan(minutes=1).remaining(Position(5, 45), seconds_of) == 15
    assert plan(minutes=1).remaining(Position(5, 75), seconds_of) == 0


def test_remaining_time_counts_evaluations_and_the_longer_context_to_come() -> None:
    by_steps = plan(100, steps=100, evaluation_interval=10, context_warmup=0.5)
    # Steps 11 to 25 with a context of 25, to 50 with 50, to 100 with 100; evaluations now and at 20,
    # three from 30 to 50 and five to 100, the first two as long as the one before.
    at = Position(10, elapsed=1, evaluation_seconds=20)
    steps = 15 * 2.5 + 25 * 5 + 50 * 10
    assert by_steps.remaining(at, seconds_of) == steps + 2 * 20 + 3 * 40 + 5 * 80
    assert by_steps.remaining(Position(100, 1, evaluation_seconds=20), seconds_of) == 0


def test_remaining_time_counts_a_last_evaluation_between_two_others() -> None:
    short = plan(100, steps=15, evaluation_interval=10, context_warmup=0)
    assert short.remaining(Position(10, 1, evaluation_seconds=20), seconds_of) == 5 * 10 + 40
    assert short.remaining(Position(9, 1, evaluation_seconds=20), seconds_of) == 6 * 10 + 40


def test_remaining_time_of_an_extension_is_that_of_the_whole_context() -> None:
    ended = plan(100, steps=10, evaluation_interval=10).extended(Position(10, 1), done=True)
    assert ended.remaining(Position(10, 1), seconds_of) == 10 * 10


def test_a_run_that_is_done_is_extended_by_as_much_as_was_configured() -> None:
    assert plan(steps=20).extended(Position(20, 9), done=True).steps == 40
    assert plan(minutes=2).extended(Position(20, 90), done=True).minutes == 3.5


def test_a_run_is_extended_by_as_much_as_is_asked_for_from_where_it_is() -> None:
    by_steps, by_minutes = plan(steps=20), plan(minutes=2)
    for done in (True, False):
        assert by_steps.extended(Position(7, 90), done=done, steps=5).steps == 12
        assert by_minutes.extended(Position(7, 90), done=done, minutes=1).minutes == 2.5
    longer = by_steps.extended(Position(7, 90), done=True, minutes=1)
    assert longer.minutes == 2.5
    assert longer.progress(Position(99, 120)) == 0.5
    shorter = by_minutes.extended(Position(7, 90), done=True, steps=5)
    assert (shorter.minutes, shorter.steps) == (0, 12)
    assert shorter.is_over(Position(12, 1))


def test_an_extension_raises_the_learning_rate_gently_and_lets_it_fall_to_zero() -> None:
    ended = plan(steps=100).extended(Position(100, 9), done=True)
    factors = [ended.lr_factor(Position(step, 9)) for step in range(100, 201)]
    assert factors[0] == 0.001
    assert factors[5] == pytest.approx(0.1)
    assert max(factors) == factors[10] == pytest.approx(0.2)
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[-1] == 0


def test_an_extension_goes_on_from_the_rate_that_a_run_has_reached() -> None:
    begun = plan(steps=100, warmup_fraction=0.1, decay_fraction=0.5)
    decaying = begun.extended(Position(75, 9), done=False, steps=100)
    factors = [decaying.lr_factor(Position(step, 9)) for step in range(75, 176)]
    assert factors[:11] == pytest.approx([0.5] * 11)
    assert factors[-1] == 0
    warming = begun.extended(Position(5, 9), done=False, steps=100)
    assert warming.lr_factor(Position(5, 9)) == pytest.approx(0.5)
    assert warming.lr_factor(Position(15, 9)) == pytest.approx(1)


def test_an_extension_by_an_earlier_version_keeps_its_schedule() -> None:
    stretched = plan(steps=100)._replace(steps=200)
    assert stretched.lr_factor(Position(150, 0)) == lr_factor(0.75, stretched.config.train)


def test_a_run_that_was_stopped_early_keeps_its_planned_steps() -> None:
    assert plan(steps=20).extended(Position(7, 9), done=True) == plan(steps=20)


def test_a_run_that_is_not_done_is_not_extended() -> None:
    assert plan(minutes=2).extended(Position(7, 9), done=False) == plan(minutes=2)
    assert plan(steps=20).extended(Position(7, 9), done=False) == plan(steps=20)


# How much an evaluation reads.


@pytest.mark.parametrize(
    ("make", "changes", "characters"),
    [
        (nano, {}, 64_000),
        (small, {}, 128_000),
        (medium, {}, 131_072),
        (small, {"evaluation_interval": 50}, 25_600),
        (small, {"evaluation_interval": 1}, 4_096),
        (medium, {"val_characters": 1_000}, 1_000),
        (small, {"val_characters": 10_000_000}, 10_000_000),
    ],
)
def test_an_evaluation_reads_a_quarter_of_what_is_trained_on_meanwhile_unless_set(
    make: Callable[[str], RunConfig], changes: dict[str, int], characters: int
) -> None:
    config = make("any")
    config = replace(config, train=replace(config.train, **changes))
    assert val_characters(config) == characters
