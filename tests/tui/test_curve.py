"""A curve stays small and sharp however long the run is."""

from itertools import pairwise
from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st

from tui.drawing.curve import LARGEST, MAX_BUCKETS, RAW_POINTS, Curve


def test_an_empty_curve_has_nothing() -> None:
    assert Curve().buckets == ()
    assert Curve().last is None


def test_a_short_run_keeps_every_point() -> None:
    points = [(step, step / 7) for step in range(1000)]
    curve = Curve.of(points)
    assert [(bucket.first, bucket.mean) for bucket in curve.buckets] == points
    assert curve.last == points[-1]


def test_appending_leaves_the_old_curve_as_it_was() -> None:
    before = Curve.of([(0, 4.2)])
    assert before.append(1, 4.1) != before
    assert len(before.buckets) == 1


def test_a_long_run_stays_small_and_loses_no_point_and_no_spike() -> None:
    steps = 200_000
    curve = Curve.of(
        (step, 30.0 if step == 77_777 else 0.1 if step == 5 else 1.5) for step in range(steps)
    )
    buckets = curve.buckets
    assert len(buckets) <= MAX_BUCKETS + 1
    assert max(bucket.high for bucket in buckets) == 30.0
    assert min(bucket.low for bucket in buckets) == 0.1
    assert sum(bucket.points for bucket in buckets) == steps
    assert all(one.last + 1 == two.first for one, two in pairwise(buckets))
    assert [bucket.points for bucket in buckets[:RAW_POINTS]] == [1] * RAW_POINTS


def test_early_buckets_stay_fine_enough_for_a_logarithmic_axis() -> None:
    curve = Curve.of((step, 1.0) for step in range(200_000))
    assert all(bucket.points <= max(1, bucket.first / 32) for bucket in curve.buckets)


def test_the_spike_stands_where_it_was() -> None:
    curve = Curve.of((step, 9.0 if step == 4_321 else 1.0) for step in range(50_000))
    bucket = max(curve.buckets, key=lambda bucket: bucket.high)
    assert bucket.first <= 4_321 <= bucket.last
    assert bucket.last - bucket.first < 100


def test_what_is_not_a_number_is_left_out() -> None:
    curve = Curve.of([(0, nan), (1, inf), (2, -inf), (3, 1.0), (4, nan)])
    assert [bucket.first for bucket in curve.buckets] == [3]
    assert curve.last == (3, 1.0)


def test_absurd_values_do_not_overflow() -> None:
    curve = Curve.of((step, 1.7e308) for step in range(5_000))
    assert {bucket.mean for bucket in curve.buckets} == {LARGEST}


@given(st.lists(st.floats(-100, 100), max_size=60), st.integers(0, 3_000))
def test_points_and_extremes_survive_any_series(values: list[float], repeats: int) -> None:
    series = values + [1.0] * repeats
    buckets = Curve.of(enumerate(series)).buckets
    assert sum(bucket.points for bucket in buckets) == len(series)
    assert max((bucket.high for bucket in buckets), default=0) == max(series, default=0)
    assert min((bucket.low for bucket in buckets), default=0) == min(series, default=0)
