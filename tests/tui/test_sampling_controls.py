"""The keys of the sampling settings."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import SampleConfig
from tui.sampling_controls import (
    SAMPLING_CONTROLS,
    TEMPERATURES,
    TOP_KS,
    TOP_PS,
    SamplingControl,
    changed,
    shown,
)

TEMPERATURE, TOP_K, TOP_P, LENGTH, SEED = SAMPLING_CONTROLS
CONFIG = SampleConfig(temperature=0.8, top_k=0, top_p=0.95, seed=1)


@pytest.mark.parametrize(
    ("control", "direction", "expected"),
    [
        (TEMPERATURE, 1, "0.9"),
        (TEMPERATURE, -1, "0.7"),
        (TOP_K, 1, "1"),
        (TOP_K, -1, "off"),
        (TOP_P, 1, "0.98"),
        (TOP_P, -1, "0.90"),
        (LENGTH, 1, "1,000"),
        (LENGTH, -1, "200"),
        (SEED, 1, "2"),
        (SEED, -1, "0"),
    ],
)
def test_one_key(control: SamplingControl, direction: int, expected: str) -> None:
    assert shown(changed(CONFIG, control, direction), control) == expected


@pytest.mark.parametrize("control", [TEMPERATURE, TOP_K, TOP_P])
@pytest.mark.parametrize("direction", [-1, 1])
def test_at_its_end_a_setting_stays(control: SamplingControl, direction: int) -> None:
    config = CONFIG
    for _ in range(100):
        config = changed(config, control, direction)

    end = control.values[0 if direction < 0 else -1]
    assert getattr(config, control.field) == end
    assert changed(config, control, direction) == config


def test_the_seed_does_not_go_below_zero() -> None:
    config = changed(changed(CONFIG, SEED, -1), SEED, -1)

    assert config.seed == 0


def test_the_seed_stays_in_its_range_at_the_top() -> None:
    top = msgspec.structs.replace(CONFIG, seed=2**31 - 1)

    assert changed(top, SEED, 1).seed == 2**31 - 1


def test_a_value_between_two_stops_goes_to_the_next() -> None:
    config = msgspec.structs.replace(CONFIG, temperature=0.83, top_k=30)

    assert changed(config, TEMPERATURE, 1).temperature == 0.9
    assert changed(config, TEMPERATURE, -1).temperature == 0.8
    assert changed(config, TOP_K, -1).top_k == 20


def test_a_value_beyond_the_stops_comes_back() -> None:
    config = msgspec.structs.replace(CONFIG, temperature=4.0, top_k=500, top_p=0.2)

    assert changed(config, TEMPERATURE, -1).temperature == TEMPERATURES[-1]
    assert changed(config, TOP_K, -1).top_k == TOP_KS[-1]
    assert changed(config, TOP_P, 1).top_p == TOP_PS[0]
    assert changed(config, TEMPERATURE, 1) == config


def test_what_is_off_says_so() -> None:
    config = msgspec.structs.replace(CONFIG, top_k=0, top_p=1.0)

    assert (shown(config, TOP_K), shown(config, TOP_P)) == ("off", "off")


@given(
    st.floats(0, 5),
    st.integers(0, 100_000),
    st.floats(0, 1),
    st.integers(0, 2**31 - 1),
    st.lists(st.tuples(st.sampled_from(SAMPLING_CONTROLS), st.sampled_from([-1, 1])), max_size=30),
)
def test_no_turn_leaves_the_range(
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    changes: list[tuple[SamplingControl, int]],
) -> None:
    config = SampleConfig(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)

    for control, direction in changes:  # a value out of its range would raise ValueError
        config = changed(config, control, direction)
