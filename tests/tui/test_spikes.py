"""Spikes are found, and nothing else is: not noise, not the fall, not a slow rise."""

from math import nan
from random import Random

import pytest

from tui.drawing.spikes import MAX_KEPT, MIN_STEPS, Spikes


def after(values: list[float]) -> Spikes:
    spikes = Spikes()
    for step, value in enumerate(values, 1):
        spikes = spikes.append(step, value)
    return spikes


def falling(steps: int, seed: int) -> list[float]:
    dice = Random(seed)
    return [1.4 + 2.8 / (1 + step / 18) ** 0.6 + dice.gauss(0, 0.05) for step in range(steps)]


@pytest.mark.parametrize("seed", range(5))
def test_an_untroubled_run_has_none(seed: int) -> None:
    assert len(after(falling(5_000, seed)).found) <= 1


def test_a_leap_is_found_and_one_after_it_too() -> None:
    losses = falling(1_000, 1)
    losses[600] += 1.0
    losses[601] += 1.0
    assert after(losses).found == ((601, losses[600]), (602, losses[601]))


def test_no_spike_is_found_before_the_noise_is_known() -> None:
    assert after([1.0, 9.0, 1.0, 50.0] * (MIN_STEPS // 4)).found == ()


def test_a_rise_in_small_steps_is_no_spike() -> None:
    dice = Random(3)
    assert after([2 + step / 2_000 + dice.gauss(0, 0.05) for step in range(2_000)]).found == ()


def test_only_the_newest_are_kept() -> None:
    losses = falling(100, 1) + [50.0 + step for step in range(3 * MAX_KEPT)]
    found = after(losses).found
    assert len(found) == MAX_KEPT
    assert found[-1] == (100 + 3 * MAX_KEPT, losses[-1])


def test_a_loss_that_is_not_a_number_is_no_spike_and_hides_none() -> None:
    losses = falling(500, 2)
    losses[300] = nan
    losses[400] += 2
    assert [step for step, _ in after(losses).found] == [401]
