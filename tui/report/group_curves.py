"""The mean curves of the sides of a race, or of the cases of a sweep."""

from collections.abc import Sequence
from math import log
from typing import NamedTuple
from xml.etree.ElementTree import Element

from engine.protocol import ReportedEvaluation, ReportedRun
from tui.drawing.axis import Unit
from tui.mean_curve import mean_curve
from tui.report.chart import Chart, Line, draw
from tui.report.curves import legend
from tui.report.html import element, section

MOST_DRAWN = 24
"""Groups in a picture."""
MOST_NAMED = 8
"""Of them, those that have marks, a name, and their spread: the others would be on each other."""


class Group(NamedTuple):
    """Runs that differ in their seed only."""

    name: str
    runs: tuple[str, ...]


def curves(groups: Sequence[Group], runs: Sequence[ReportedRun], unit: Unit) -> Element:
    """The mean held-out loss of each group. `groups`: the best first, where there are many."""
    by_name = {run.run: run for run in runs}
    limit = 1.15 * max(log(run.text.vocabulary) for run in runs)
    lines = [_line(n, group, by_name, unit) for n, group in enumerate(groups[:MOST_DRAWN])]
    figures = [_figure(lines, unit, limit, first=True)]
    if unit != "seconds":
        by_time = [_line(n, g, by_name, "seconds") for n, g in enumerate(groups[:MOST_DRAWN])]
        figures.append(_figure(by_time, "seconds", limit))
    left_out = len(groups) - len(lines)
    more = f"The {left_out} with the highest loss are left out." if left_out else None
    return section("Curves", *figures, element("p", more) if more else None)


def _line(number: int, group: Group, runs: dict[str, ReportedRun], unit: Unit) -> Line:
    known = [runs[name].evaluations for name in group.runs if name in runs]
    points = mean_curve([[(_place(e, unit), e.loss) for e in one] for one in known])
    named = number < MOST_NAMED
    band = [(x, mean - spread, mean + spread) for x, mean, spread in points]
    return Line(
        group.name,
        [(x, mean) for x, mean, _ in points],
        number,
        marked=named,
        band=band if named and len(known) > 1 else (),
    )


def _place(evaluation: ReportedEvaluation, unit: Unit) -> float:
    if unit == "steps":
        return evaluation.step
    return evaluation.seconds if unit == "seconds" else evaluation.trained


def _figure(lines: Sequence[Line], unit: Unit, limit: float, *, first: bool = False) -> Element:
    by = "time of training" if unit == "seconds" else unit
    words = f"Held-out loss in nats a character, by {by}; lower is better."
    if not first:
        words = f"The same by {by}: what wins by step may lose by the clock."
    elif any(line.band for line in lines):
        words += " Each line is the mean over the seeds; the band is one standard deviation wide to either side."
    return element(
        "figure",
        legend(*lines) if first else None,
        draw(Chart(f"Held-out loss by {by}, in nats a character.", lines, unit=unit, limit=limit)),
        element("figcaption", words),
    )
