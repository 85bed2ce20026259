"""A long series in little memory: what the loss chart keeps of a run.

A run may last for millions of steps, a chart has a few hundred columns. The curve keeps the first
points one by one and later points in buckets, whose size grows with their distance from the start
(so that a logarithmic axis stays sharp) and with the length of the run. A bucket keeps its minimum
and maximum: a spike of one step is never lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

from msgspec import Struct

RAW_POINTS = 256
"""The number of points from the start that are never merged."""

MAX_BUCKETS = 2048
"""The number of full buckets at which the later ones are merged in pairs."""

BUCKETS_PER_OCTAVE = 64
"""The least number of buckets for each doubling of the run's length."""

LARGEST = 1e12
"""Values beyond this, of either sign, are clipped to it, so that no sum overflows."""


class Bucket(NamedTuple):
    """Adjacent points of a series in one: their steps, extremes, sum and number."""

    first: int
    last: int
    low: float
    high: float
    total: float
    points: int

    @property
    def middle(self) -> float:
        """The step halfway between the first and the last."""
        return (self.first + self.last) / 2

    @property
    def mean(self) -> float:
        """The mean of the values."""
        return self.total / self.points

    def scaled(self, factor: float) -> Bucket:
        """This bucket with every value times a factor, not negative."""
        return self._replace(
            low=self.low * factor, high=self.high * factor, total=self.total * factor
        )

    def join(self, later: Bucket) -> Bucket:
        """This bucket and the next one merged."""
        return Bucket(
            self.first,
            later.last,
            min(self.low, later.low),
            max(self.high, later.high),
            self.total + later.total,
            self.points + later.points,
        )


class Curve(Struct, frozen=True):
    """A series of (step, value), thinned to about `MAX_BUCKETS` buckets; appending makes a new curve.

    Steps must ascend. Values that are not finite are left out.
    """

    full: tuple[Bucket, ...] = ()
    """Buckets that take no more points, oldest first."""

    filling: Bucket | None = None
    """The bucket that takes the next point; None: the next point starts one."""

    stride: int = 1
    """Points in each of the newest full buckets: a power of two."""

    last: tuple[int, float] | None = None
    """The newest step and its value."""

    @classmethod
    def of(cls, points: Iterable[tuple[int, float]]) -> Curve:
        """The curve of many (step, value)."""
        curve = cls()
        for step, value in points:
            curve = curve.append(step, value)
        return curve

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """All buckets, oldest first."""
        return self.full if self.filling is None else (*self.full, self.filling)

    def scaled(self, factor: float) -> Curve:
        """The curve with every value times a factor, not negative."""
        return Curve(
            tuple(bucket.scaled(factor) for bucket in self.full),
            self.filling.scaled(factor) if self.filling else None,
            self.stride,
            (self.last[0], self.last[1] * factor) if self.last else None,
        )

    def since(self, step: int) -> Curve:
        """The curve from a step on; the bucket that the step is in stays whole."""
        if not step:
            return self
        filling = self.filling if self.filling and self.filling.last >= step else None
        full = tuple(bucket for bucket in self.full if bucket.last >= step)
        return Curve(full, filling, self.stride, self.last)

    def append(self, step: int, value: float) -> Curve:
        """The curve with one more point. `value` is in any unit; the chart's is nats per token."""
        if not isfinite(value):
            return self
        value = min(LARGEST, max(-LARGEST, value))
        point = Bucket(step, step, value, value, value, 1)
        bucket = point if self.filling is None else self.filling.join(point)
        if bucket.points < self.stride:
            return Curve(self.full, bucket, self.stride, (step, value))
        full, stride = (*self.full, bucket), self.stride
        if len(full) >= MAX_BUCKETS:
            stride *= 2
            full = _merge(full, stride)
        return Curve(full, None, stride, (step, value))


def _merge(buckets: tuple[Bucket, ...], stride: int) -> tuple[Bucket, ...]:
    """Buckets with the later ones joined in pairs, to `stride` points each.

    The early ones stay as they are: a bucket that starts at point n has at most
    n / `BUCKETS_PER_OCTAVE` points.
    """
    merged: list[Bucket] = []
    kept = max(RAW_POINTS, BUCKETS_PER_OCTAVE * stride)
    seen = 0
    for bucket in buckets:
        # Past `kept` every bucket has stride / 2 points, and since `kept` is a multiple of `stride`
        # the second of each pair is the one that starts off a multiple.
        if seen >= kept and seen % stride:
            merged[-1] = merged[-1].join(bucket)
        else:
            merged.append(bucket)
        seen += bucket.points
    return tuple(merged)
