"""What the sides of a race are to each other: losses at one mark, the difference, and its noise."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf, isfinite, sqrt
from statistics import fmean, stdev, variance
from typing import NamedTuple

from engine.protocol import (
    COUNTED,
    LABELS,
    Axis,
    RaceVerdict,
    Tokens,
    are_mixed,
)

TIMES = ("", "once", "twice", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Measure(NamedTuple):
    """In what sides are compared."""

    unit: str = Tokens().unit  # of losses
    counted: str = COUNTED  # by the axis of that name
    bits_per_byte: float = 0.0  # that a loss of 1 is; 0: not known
    same_windows: bool = True  # whether windows of held-out text are of the same tokens


class Mark(NamedTuple):
    """An evaluation of a side, and how far the side had come."""

    characters: int  # trained on, or tokens
    steps: int
    seconds: float
    loss: float
    context_length: int = 0
    windows: tuple[float, ...] = ()  # losses of the windows that were read; empty: not known


class RepetitionResult(NamedTuple):
    """The losses of the sides at the end of one repetition; None: not a number any more."""

    mark: float
    losses: tuple[float | None, ...]


class _Order(NamedTuple):
    """The two lowest losses."""

    best: int
    second: int
    difference: float


def measure_of(tokens: Sequence[Tokens]) -> Measure:
    """In what sides with these tokens are compared."""
    first, mixed = tokens[0], are_mixed(tokens)
    bits = 1.0 if mixed else first.bits_per_byte(1.0) or 0.0
    units = first.unit_compared(mixed=mixed), first.counted(mixed=mixed)
    return Measure(*units, bits, same_windows=not mixed)


def common_mark(sides: Sequence[Sequence[Mark]], axis: Axis, failed: Sequence[bool]) -> float:
    """How far all sides have been evaluated; those that have failed hold the others up only where
    all have."""
    going = [marks for marks, out in zip(sides, failed, strict=True) if not out] or sides
    return min(float(getattr(marks[-1], axis)) if marks else 0.0 for marks in going)


def loss_at(marks: Sequence[Mark], axis: Axis, at: float) -> float | None:
    """The loss of a side where it had come so far, between two evaluations on a straight line; None
    if it has not, or if it was not a number."""
    for mark in marks:
        if getattr(mark, axis) == at:
            return mark.loss if isfinite(mark.loss) else None
    for one, other in pairwise(marks):
        first, last = getattr(one, axis), getattr(other, axis)
        if first < at < last:
            loss = one.loss + (other.loss - one.loss) * (at - first) / (last - first)
            return loss if isfinite(loss) else None
    return None


def repetition_verdict(
    sides: Sequence[Sequence[Mark]],
    axis: Axis,
    failed: Sequence[bool],
    measure: Measure,
) -> RaceVerdict:
    """That of one repetition, as far as it has come. A side that has failed has no loss."""
    at = common_mark(sides, axis, failed)
    losses = tuple(
        None if out else loss_at(marks, axis, at) for marks, out in zip(sides, failed, strict=True)
    )
    order = _ordered(losses)
    noise = None
    if order is not None:
        nearest = (_nearest(sides[side], axis, at) for side in (order.best, order.second))
        noise = _standard_error(*nearest, same_windows=measure.same_windows)
    return _verdict(axis, at, losses, order, noise, measure, repetitions=1)


def race_verdict(results: Sequence[RepetitionResult], axis: Axis, measure: Measure) -> RaceVerdict:
    """That of several repetitions that have ended. A side that has failed in one has no loss."""
    assert len(results) > 1, "one repetition has no spread"
    losses = tuple(_mean(of_side) for of_side in zip(*(r.losses for r in results), strict=True))
    order, noise = _ordered(losses), None
    if order is not None:
        noise = stdev(_loss(r, order.second) - _loss(r, order.best) for r in results)
    mark = fmean(r.mark for r in results)
    return _verdict(axis, mark, losses, order, noise, measure, repetitions=len(results))


def _loss(result: RepetitionResult, side: int) -> float:
    loss = result.losses[side]
    assert loss is not None, "a side without a loss is not compared"
    return loss


def _mean(losses: Sequence[float | None]) -> float | None:
    known = [loss for loss in losses if loss is not None]
    return fmean(known) if len(known) == len(losses) else None


def _ordered(losses: Sequence[float | None]) -> _Order | None:
    """None where fewer than two sides have a loss."""
    order = sorted((loss, side) for side, loss in enumerate(losses) if loss is not None)
    if len(order) < 2:
        return None
    (lowest, best), (next_lowest, second) = order[:2]
    return _Order(best, second, next_lowest - lowest)


def _nearest(marks: Sequence[Mark], axis: Axis, at: float) -> Mark:
    return min(marks, key=lambda mark: abs(getattr(mark, axis) - at))


def _standard_error(one: Mark, other: Mark, *, same_windows: bool) -> float | None:
    """Of the difference of two losses: over the differences of each window, where both have read
    the same ones, else of both by themselves. None where the windows are not known."""
    a, b = one.windows, other.windows
    if min(len(a), len(b)) < 2 or not all(map(isfinite, (*a, *b))):
        return None
    if same_windows and one.context_length == other.context_length and len(a) == len(b):
        return stdev(x - y for x, y in zip(a, b, strict=True)) / sqrt(len(a))
    return sqrt(variance(a) / len(a) + variance(b) / len(b))


def _verdict(
    axis: Axis,
    mark: float,
    losses: tuple[float | None, ...],
    order: _Order | None,
    noise: float | None,
    measure: Measure,
    *,
    repetitions: int,
) -> RaceVerdict:
    decided = order is not None and order.difference > 0
    return RaceVerdict(
        axis=axis,
        mark=mark,
        losses=losses,
        best=order.best if order and decided else -1,
        second=order.second if order and decided else -1,
        difference=order.difference if order else 0.0,
        noise=noise,
        noise_of="seeds" if repetitions > 1 else "windows",
        repetitions=repetitions,
        sentence=_sentence(axis, mark, losses, order, noise, measure, repetitions),
        unit=measure.unit,
        counted=measure.counted,
        bits_per_byte=tuple(
            None if loss is None else loss * measure.bits_per_byte for loss in losses
        )
        if measure.bits_per_byte
        else (),
    )


def _sentence(
    axis: Axis,
    mark: float,
    losses: tuple[float | None, ...],
    order: _Order | None,
    noise: float | None,
    measure: Measure,
    repetitions: int,
) -> str:
    after = f"After {_amount(axis, mark, measure.counted)}"
    gone = [f"side {LABELS[side]}" for side, loss in enumerate(losses) if loss is None]
    failed = f" The loss of {' and of '.join(gone)} is not a number any more." if gone else ""
    if order is None:
        return f"{after} there is nothing to compare.{failed}"
    if not order.difference:
        lowest = losses[order.best]
        equal = [LABELS[side] for side, loss in enumerate(losses) if loss == lowest]
        return (
            f"{after} {', '.join(equal[:-1])} and {equal[-1]} are in a dead heat: their losses are "
            f"equal to the last bit.{failed}"
        )
    best, second = LABELS[order.best], LABELS[order.second]
    others = [
        f"{LABELS[side]} {loss:.3f}"
        for side, loss in enumerate(losses)
        if loss is not None and side not in (order.best, order.second)
    ]
    rest = f" Others: {', '.join(others)}." if others else ""
    return (
        f"{after} {best} is {_difference(order.difference)} {measure.unit} better than {second}, "
        f"{_weighed(order.difference, noise, repetitions)}.{rest}{failed}"
    )


def _weighed(difference: float, noise: float | None, repetitions: int) -> str:
    """What a difference is worth, in words."""
    if repetitions > 1:
        assert noise is not None, "several repetitions have a spread"
        ratio = difference / noise if noise else inf
        spread = f"the spread of {repetitions} seeds"
        return (
            f"less than {spread}: no difference is shown"
            if ratio < 1
            else f"{_times(ratio)} {spread}"
        )
    one_seed = "what other seeds would give is not known"
    if noise is None:
        return f"from one seed: {one_seed}"
    ratio = difference / noise if noise else inf
    if ratio < 1:
        return "less than its standard error over the held-out text: no difference is shown"
    return f"{_times(ratio)} its standard error over the held-out text; {one_seed}"


def _times(ratio: float) -> str:
    """How many times, 1 or more, in words."""
    rounded = round(min(ratio, 99))
    if rounded < 3:
        return TIMES[rounded]
    return f"{TIMES[rounded]} times" if rounded < len(TIMES) else "more than ten times"


def _difference(difference: float) -> str:
    return f"{difference:.3f}" if difference >= 0.001 else f"{difference:.1g}"


def _amount(axis: Axis, mark: float, counted: str) -> str:
    """A mark in words."""
    if axis == "seconds":
        return (
            f"{mark:,.1f} seconds of training" if mark < 10 else f"{mark:,.0f} seconds of training"
        )
    short = f"{mark / 1e6:.1f}M" if mark >= 1e6 else f"{mark:,.0f}"
    return f"{short} {counted if axis == 'characters' else axis}"
