"""The mean curves of the sides of a race, or of the cases of a sweep."""

from collections.abc import Mapping, Sequence
from math import isfinite, log
from typing import NamedTuple
from xml.etree.ElementTree import Element

from engine.protocol import ReportedEvaluation, ReportedRun, Tokens
from tui.drawing.axis import Unit
from tui.mean_curve import mean_curve
from tui.report.chart import Chart, Line, draw
from tui.report.curves import legend
from tui.report.figures import is_mixed
from tui.report.html import element, section

MOST_DRAWN = 24
"""Groups in a picture."""
MOST_NAMED = 8
"""Of them, those that have marks, a name, and their spread: the others would be on each other."""


class Group(NamedTuple):
    """Runs that differ in their seed only."""

    name: str
    runs: tuple[str, ...]
    characters_each: float = 1.0
    """What one of their tokens counts for by characters."""


class _Drawn(NamedTuple):
    """What a picture is of."""

    groups: Sequence[Group]
    runs: Mapping[str, ReportedRun]
    mixed: bool
    """Whether the runs have different tokens."""

    @property
    def tokens(self) -> Tokens:
        """Those of one of them."""
        return next(iter(self.runs.values())).text.tokens

    @property
    def limit(self) -> float:
        """The highest loss that is drawn, a little above that of an untrained model."""
        starts = [
            run.text.tokens.compared(log(run.text.vocabulary), mixed=self.mixed)
            for run in self.runs.values()
        ]
        return 1.15 * max(filter(isfinite, starts), default=10.0)


def curves(groups: Sequence[Group], runs: Sequence[ReportedRun], unit: Unit) -> Element:
    """The mean held-out loss of each group. `groups`: the best first, where there are many."""
    drawn = _Drawn(groups[:MOST_DRAWN], {run.run: run for run in runs}, is_mixed(runs))
    figures = [_figure(drawn, unit, first=True)]
    if unit != "seconds":
        figures.append(_figure(drawn, "seconds"))
    left_out = len(groups) - len(drawn.groups)
    more = f"The {left_out} with the highest loss are left out." if left_out else None
    return section("Curves", *figures, element("p", more) if more else None)


def _line(drawn: _Drawn, number: int, unit: Unit) -> Line:
    group = drawn.groups[number]
    known = [drawn.runs[name] for name in group.runs if name in drawn.runs]
    points = mean_curve([_points(run, group, unit, mixed=drawn.mixed) for run in known])
    named = number < MOST_NAMED
    band = [(x, mean - spread, mean + spread) for x, mean, spread in points]
    return Line(
        group.name,
        [(x, mean) for x, mean, _ in points],
        number,
        marked=named,
        band=band if named and len(known) > 1 else (),
    )


def _points(
    run: ReportedRun, group: Group, unit: Unit, *, mixed: bool
) -> list[tuple[float, float]]:
    """The curve of one run, where its losses are finite."""

    def place(one: ReportedEvaluation) -> float:
        places = {"steps": one.step, "seconds": one.seconds}
        return places.get(unit, one.trained * group.characters_each)

    found = [
        (place(one), run.text.tokens.compared(one.loss, mixed=mixed)) for one in run.evaluations
    ]
    return [point for point in found if isfinite(point[1])]


def _figure(drawn: _Drawn, unit: Unit, *, first: bool = False) -> Element:
    lines = [_line(drawn, number, unit) for number in range(len(drawn.groups))]
    counted = drawn.tokens.counted(mixed=drawn.mixed)
    by = {"steps": "steps", "seconds": "time of training"}.get(unit, counted)
    loss = f"Held-out loss in {drawn.tokens.unit_compared(mixed=drawn.mixed)}, by {by}"
    words = f"{loss}; lower is better."
    if not first:
        words = f"The same by {by}: what wins by step may lose by the clock."
    elif any(line.band for line in lines):
        words += " Each line is the mean over the seeds; the band is one standard deviation wide to either side."
    return element(
        "figure",
        legend(*lines) if first else None,
        draw(Chart(f"{loss}.", lines, unit=unit, limit=drawn.limit, counted=counted)),
        element("figcaption", words),
    )
