"""The sweep that is shown in the app, as one frozen value, and which curves it still needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from engine.protocol import CurvesRead, RunCurve, SweepRead, TrialResult
from tui.safe_struct import Raw

if TYPE_CHECKING:  # loaded when a sweep is shown
    from tui.sweep.comparison import CaseResult, SweepVerdict

MOST_CURVES = 300
"""Runs whose curves are read, but for those of the first cases."""
FEWEST_DRAWN, MOST_DRAWN = 4, 24
"""Cases whose curves are drawn, the lowest mean loss first."""


class ShownSweep(Struct, frozen=True):
    """All text in it is safe to draw."""

    read: SweepRead | None = None
    """As it was read last; None: not yet."""
    raw: Raw[SweepRead] | None = None
    """The same with true names."""
    rows: tuple[CaseResult, ...] = ()
    """The table."""
    verdict: SweepVerdict | None = None
    curves: tuple[RunCurve, ...] = ()
    """Of its runs, as far as they are known; empty for one that is gone."""
    answers: int = 0
    """How many times something was read."""


def fold_sweep(
    before: ShownSweep, event: SweepRead | CurvesRead, shown: SweepRead | CurvesRead
) -> ShownSweep:
    """After what was read of it: `event` as the engine sent it, `shown` safe to draw."""
    answers = before.answers + 1
    if isinstance(shown, CurvesRead):
        new = {curve.run: curve for curve in shown.runs}
        kept = tuple(curve for curve in before.curves if curve.run not in new)
        return replace(before, curves=(*kept, *new.values()), answers=answers)
    assert isinstance(event, SweepRead), "safe() keeps the type"
    if before.raw is not None and before.raw.value == event:
        return replace(before, answers=answers)
    same = before.read is not None and before.read.sweep == shown.sweep
    curves = before.curves if same else ()
    found = ShownSweep(shown, Raw(event), curves=curves, answers=answers)
    if shown.plan is None:
        return found
    from tui.sweep.comparison import compared, verdict  # with the first sweep that is shown

    results = {result.key: result for result in shown.results}
    rows = compared(shown.plan, results)
    return replace(found, rows=tuple(rows), verdict=verdict(shown.plan, rows, results))


def results_of(shown: ShownSweep, row: CaseResult) -> list[TrialResult]:
    """What is known of the runs of a case, in the order of their seeds."""
    return [one for one in shown.read.results if one.case == row.case] if shown.read else []


def drawn(shown: ShownSweep) -> tuple[CaseResult, ...]:
    """The cases whose curves are drawn."""
    seeds = shown.read.plan.seeds if shown.read and shown.read.plan else 1
    return shown.rows[: max(FEWEST_DRAWN, min(MOST_DRAWN, MOST_CURVES // seeds))]


def true_names(shown: ShownSweep, rows: Sequence[CaseResult]) -> list[str]:
    """The true name of one run of each case, each once, in the order of the cases."""
    if shown.raw is None or shown.read is None:
        return []
    pairs = zip(shown.read.results, shown.raw.value.results, strict=True)
    names = {result.run: raw.run for result, raw in pairs}
    return list(dict.fromkeys(names[row.runs[0]] for row in rows))


def wanted(shown: ShownSweep) -> Iterator[str]:
    """The true names of the runs whose curves are not known, or have grown meanwhile."""
    if shown.raw is None or shown.read is None:
        return
    known = {curve.run: curve for curve in shown.curves}
    cases = {row.case for row in drawn(shown)}
    for result, raw in zip(shown.read.results, shown.raw.value.results, strict=True):
        if result.run and result.case in cases and _has_more(result, known.get(result.run)):
            yield raw.run


def _has_more(result: TrialResult, curve: RunCurve | None) -> bool:
    if curve is None:
        return True
    if not result.is_final:
        return result.state == "started"
    return bool(curve.losses) and curve.losses[-1][0] < result.step
