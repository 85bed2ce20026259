"""The runs in the chart that the open one is compared with. The one that it was forked from comes
first: the two are branches of one tree."""

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from engine.protocol import Forked, RunChanged, RunCurve, Saved

MOST_COMPARED = 3
"""Each has a mark and a colour of its own."""

Compared = tuple[RunCurve, ...]
R = TypeVar("R", Forked, RunCurve, Saved)


def with_parent(compared: Compared, curve: RunCurve | None) -> Compared:
    """With the run that the open one was forked from, if its curve is known."""
    return (curve, *without(compared, curve.run))[:MOST_COMPARED] if curve else compared


def without(compared: Iterable[RunCurve], run: str) -> Compared:
    """Without a run, if it is among them."""
    return tuple(curve for curve in compared if curve.run != run)


def renamed(named: R, change: RunChanged) -> R:
    """What names a run, after a run was renamed."""
    return replace(named, run=change.name) if named.run == change.run and change.name else named


def branches_at(compared: Iterable[RunCurve], forked: Forked | None) -> int:
    """The step from which the curve of the open run is drawn: where it branches off the one that it
    was forked from, or where that ends, if that is drawn; otherwise 0."""
    if forked is None:
        return 0
    drawn = (curve.losses[-1][0] for curve in compared if curve.run == forked.run and curve.losses)
    return min(forked.step, next(drawn, 0))
