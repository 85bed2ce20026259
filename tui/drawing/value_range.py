"""Which losses the chart shows: all of them, or those from about a quarter of the run's steps on, so
that the fall of the later steps is as visible as that of the first ones."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain
from math import ceil, floor, log2
from operator import sub
from typing import NamedTuple

from msgspec import Struct

from tui.drawing.curve import LARGEST, Bucket, Curve
from tui.ladder import Rung

FEWEST_STEPS = 256
"""Steps until which every loss is shown."""

# The newest losses are shown alone only where they take at most this fraction of the whole range.
_WORTH_IT = 0.6
# The fraction of the newest losses that may lie above the chart.
_OUTSIDE = 0.05
# The number of adjacent losses whose mean is never below the chart.
_LEVEL = 10
# In which steps the range grows downwards, as a fraction of it: the axis must not change with every
# new loss.
_STEP = 0.15
# The highest twentieth of all losses counts as spikes if with it the range is this many times as
# large as without it.
_SPIKE_RATIO = 1.5


class Losses(Struct, frozen=True):
    """What the chart draws, in nats per token, or all of it in bits per byte."""

    train: Curve = Curve()
    validation: Curve = Curve()
    compared: tuple[tuple[tuple[int, float], ...], ...] = ()
    """The (step, validation loss) of each compared run."""
    branches_at: int = 0
    """The step from which the run's own curves are drawn: before it they are those of a compared
    run."""
    uniform: float | None = None
    """The loss of a uniform guess among all tokens."""
    unigram: float | None = None
    """The loss of a guess by the frequencies of the characters."""
    bigram: float | None = None
    """The loss of a guess by the frequencies of pairs of characters."""
    rungs: tuple[Rung, ...] = ()
    """The losses of simple models, the highest first."""

    @property
    def last_step(self) -> int:
        """The last step of any curve."""
        newest = [curve.last[0] for curve in (self.train, self.validation) if curve.last]
        return max([*newest, *(losses[-1][0] for losses in self.compared if losses)], default=0)

    @property
    def references(self) -> list[float]:
        """The losses of guesses that are known and can be drawn."""
        known = (self.uniform, self.unigram)
        return [value for value in known if value is not None and abs(value) <= LARGEST]

    def evaluated(self, first: float) -> list[float]:
        """The validation losses from a step on, those of compared runs too."""
        own = ((bucket.middle, bucket.mean) for bucket in self.validation.buckets)
        pairs = chain(own, *self.compared)
        return [loss for step, loss in pairs if step >= first and abs(loss) <= LARGEST]


class ValueRange(NamedTuple):
    """The losses between which the chart is drawn."""

    low: float
    high: float
    newest: bool = False
    """Whether only the newest losses are sure to be inside."""


def value_range(losses: Losses, whole: bool) -> ValueRange:
    """The range to draw: of all losses if `whole`, or if the newest ones gain little alone."""
    buckets = losses.train.buckets
    means = [bucket.total / bucket.points for bucket in buckets]
    all_of_it = _whole(losses, buckets, means)
    newest = None if whole else _newest(losses, buckets, means)
    if newest is None or newest.high - newest.low > _WORTH_IT * (all_of_it.high - all_of_it.low):
        return all_of_it
    return newest


def _whole(losses: Losses, buckets: Sequence[Bucket], means: Sequence[float]) -> ValueRange:
    """The range of all values except spikes, which must not flatten the rest. `buckets`, of these
    `means`, are those of the training loss."""
    known, evaluated = losses.references, losses.evaluated(0)
    # Half of the lowest reference is shown from the beginning: the curve has room to fall, and the
    # axis seldom changes under it.
    room = [min(value, value / 2) for value in known]
    low = min([bucket.low for bucket in buckets] + evaluated + room, default=0.0)
    high = max([bucket.high for bucket in buckets] + evaluated + known, default=1.0)

    # A run begins near a uniform guess. Where that is not known, its first loss stands in for it.
    start = known or [*means[:1]]
    spikes = max(len(means) // 20, 1 if known else 0)
    usual = max(start + sorted(means)[: len(means) - spikes] + sorted(evaluated)[:-1], default=high)
    if high - low > _SPIKE_RATIO * (usual - low):
        high = usual
    return ValueRange(low, high)


def _newest(losses: Losses, buckets: Sequence[Bucket], means: Sequence[float]) -> ValueRange | None:
    """The range of the losses from a step on that is between a quarter and a sixth of the run; None
    for a short run.

    The step, and what the range is taken from while the loss falls, change only when the run has
    become longer by a factor of the square root of two.
    """
    if losses.train.last is None or losses.train.last[0] < FEWEST_STEPS:
        return None
    first = 2 ** (floor(2 * log2(losses.train.last[0] / 4)) / 2)
    begin = bisect_left(buckets, first, key=lambda bucket: bucket.first)
    settled = bisect_right(buckets, 4 * first, key=lambda bucket: bucket.last)
    if settled <= begin:
        return None
    evaluated = losses.evaluated(first)
    high = max(
        [*evaluated, _without_highest(means[begin:settled]), _without_highest(means[begin:])]
    )
    # Nothing lies below the chart: a loss that was lower before has to be seen.
    low = min([*losses.evaluated(0), _lowest_level(means[:settled])])
    step = max(_STEP * (high - low), 1e-9)
    return ValueRange(
        low - step * max(0, ceil((low - _lowest_level(means)) / step)), high, newest=True
    )


def _without_highest(means: Sequence[float]) -> float:
    """The highest mean but for the fraction that may lie above the chart."""
    return sorted(means)[len(means) - 1 - floor(_OUTSIDE * len(means))]


def _lowest_level(means: Sequence[float]) -> float:
    """The lowest mean of some adjacent buckets: where the smoothed line is lowest, at most."""
    sums = list(accumulate(means, initial=0.0))
    number = min(_LEVEL, len(means))
    lowest: float = min(map(sub, sums[number:], sums))
    return lowest / number
