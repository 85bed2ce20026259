"""The x axis of the chart by steps, characters and seconds."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.drawing.axis import UNITS, Pace, StepScale, Unit, XAxis, x_labels
from tui.drawing.braille import DOTS_X


def foot(scale: StepScale, cells: int) -> str:
    text = [" "] * cells
    for start, label in x_labels(scale, cells):
        text[start : start + len(label)] = label
    return "".join(text)


@settings(deadline=None)
@given(
    cells=st.integers(24, 300),
    last=st.floats(10, 1e11),
    log=st.booleans(),
    unit=st.sampled_from(UNITS),
    first=st.floats(1, 1e5),
)
def test_labels_are_at_least_four_cells_apart_and_ascend(
    cells: int, last: float, log: bool, unit: Unit, first: float
) -> None:
    scale = StepScale(last, cells * DOTS_X, log, unit, first=min(first, last / 10))
    labels = sorted(x_labels(scale, cells))
    for (start, text), (later, _) in pairwise(labels):
        assert later - start - len(text) >= 4, foot(scale, cells)
    assert labels[-1][1].endswith({"seconds": "of training"}.get(unit, unit))
    ticks = scale.ticks(20)
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize(
    ("last", "unit", "expected"),
    [
        (2_500, "steps", "0 500 1,000 1,500 2,500 steps"),
        (4_096_000, "characters", "0 1M 2M 3M 4.1M characters"),
        (130, "seconds", "0 30s 1m 2m 10s of training"),
        (5_400, "seconds", "0 20m 40m 1h 1h 30m of training"),
        (300_000, "seconds", "0 24h 48h 83h 20m of training"),
    ],
)
def test_ticks_are_round_in_their_unit(last: float, unit: Unit, expected: str) -> None:
    scale = StepScale(last, 76 * DOTS_X, log=False, unit=unit)
    assert re.sub(" +", " ", foot(scale, 76)).strip() == expected


def test_a_logarithmic_axis_begins_with_the_first_step() -> None:
    pace = Pace.of(range(1, 2_001), [2_048 * step for step in range(1, 2_001)])
    x = XAxis(0, log=True, unit="characters", pace=pace)
    by_characters = x.scales(2_000, 160).own
    by_steps = XAxis(0, log=True).scales(2_000, 160).own
    assert all(
        abs(by_characters.at(step) - by_steps.at(step)) <= 1 for step in (0, 1, 10, 99, 2_000)
    )


@given(
    gaps=st.lists(st.tuples(st.integers(1, 9), st.floats(0, 50)), min_size=1, max_size=20),
    part=st.floats(0, 1),
)
def test_a_pace_is_exact_where_it_is_known_and_between_in_proportion(
    gaps: list[tuple[int, float]], part: float
) -> None:
    step, value, steps, values = 0, 0.0, [], []
    for more, took in gaps:
        step, value = step + more, value + took
        steps.append(step)
        values.append(value)
    pace = Pace.of(steps, values)
    assert [pace.at(one) for one in steps] == values
    assert pace.at(steps[0] * part) == pytest.approx(values[0] * part)
    assert pace.at(steps[-1] + 5) == pace.last == values[-1]
