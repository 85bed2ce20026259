"""The mean of several curves, and how far they spread: what training with several seeds gives."""

from collections.abc import Sequence
from math import isfinite
from statistics import fmean, stdev
from typing import NamedTuple

Curve = Sequence[tuple[float, float]]
"""Places on an axis, ascending, each with its value."""


class MeanPoint(NamedTuple):
    """Where several curves are at one place."""

    x: float
    mean: float
    deviation: float
    """The standard deviation; 0 for one curve."""


def mean_curve(curves: Sequence[Curve]) -> list[MeanPoint]:
    """The mean at each place of the first curve up to where the shortest ends. Between two of its
    points a curve is taken to be on a straight line; values that are not finite are left out."""
    known = [[point for point in curve if isfinite(point[1])] for curve in curves]
    known = [curve for curve in known if curve]
    if not known:
        return []
    first, last = max(c[0][0] for c in known), min(c[-1][0] for c in known)
    places = [x for x, _ in known[0] if first <= x <= last]
    if places and places[-1] < last:
        places.append(last)
    columns = [_values(curve, places) for curve in known]
    return [
        MeanPoint(x, fmean(values), stdev(values) if len(values) > 1 else 0.0)
        for x, *values in zip(places, *columns, strict=True)
    ]


def _values(curve: Curve, places: Sequence[float]) -> list[float]:
    """The values of a curve at ascending places within it."""
    values, after = [], 0
    for x in places:
        while curve[after][0] < x:
            after += 1
        (x1, y1), (x0, y0) = curve[after], curve[max(0, after - 1)]
        values.append(y1 if x1 in (x, x0) else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return values
