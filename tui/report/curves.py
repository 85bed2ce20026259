"""The curves of one run, and its evaluations as a table."""

from collections.abc import Sequence
from math import log
from xml.etree.ElementTree import Element

from engine.protocol import ReportedEvaluation, ReportedRun
from tui.drawing.words import count, duration
from tui.report.chart import Chart, Level, Line, Points, draw, swatch
from tui.report.figures import best_of, bits, bits_unit, ladder_of, loss, nats_unit
from tui.report.html import element, section, table

MOST_ROWS = 24
"""Of the table of evaluations."""
TRAINING, HELD_OUT = 0, 1
"""The styles of the curves."""
SMOOTHING = 60
"""A moving mean reaches over this fraction of a curve to either side."""


def curves(run: ReportedRun, level: int) -> Element:
    """Losses and learning rate by step."""
    if not run.evaluations and not run.training:
        return section("Curves", element("p", "Nothing was trained or evaluated yet."), level=level)
    train = Line(
        "training loss",
        _smooth([((one.first + one.last) / 2, one.mean) for one in run.training]),
        TRAINING,
        marked=False,
        band=[((one.first + one.last) / 2, one.low, one.high) for one in run.training],
    )
    held_out = Line("held-out loss", [(e.step, e.loss) for e in run.evaluations], HELD_OUT)
    rates = Line(
        "learning rate", [(t.last, t.learning_rate) for t in run.training], TRAINING, marked=False
    )
    ladder = ladder_of(run)
    losses = Chart(
        f"Training and held-out loss of {run.run} by step, in {nats_unit(run.text.tokens)}.",
        (train, held_out),
        [Level(rung.value, rung.loss) for rung in ladder.rungs],
        limit=1.15 * log(run.text.vocabulary),
    )
    caption = f"Loss in {nats_unit(run.text.tokens)}, by step; lower is better."
    if run.training:
        caption += " The training loss is a moving mean; the band is what single batches had."
    if ladder.rungs:
        caption += " The dotted lines are simple models of the same text: the ladder."
    return section(
        "Curves",
        element(
            "figure",
            legend(train, held_out),
            draw(losses),
            element("figcaption", caption),
        ),
        element(
            "figure",
            draw(Chart(f"Learning rate of {run.run} by step.", (rates,), height=150, factor=100.0)),
            element("figcaption", "Learning rate of the matrices inside the blocks, by step."),
        )
        if run.training
        else None,
        _evaluations(run),
        level=level,
    )


def _smooth(points: Points) -> Points:
    """Moving means. The window is shorter at the start, so that the steep fall is not flattened, and
    only looks back at the end."""
    reach = len(points) // SMOOTHING
    smooth = []
    for number, (x, _) in enumerate(points):
        near = min(reach, number)
        window = [value for _, value in points[number - near : number + near + 1]]
        smooth.append((x, sum(window) / len(window)))
    return smooth


def legend(*lines: Line) -> Element:
    """How each line is drawn."""
    return element(
        "p",
        *(element("span", swatch(line), line.name) for line in lines if line.points),
        class_="legend",
    )


def _evaluations(run: ReportedRun) -> Element | None:
    shown = _some(run.evaluations)
    if not shown:
        return None
    best = best_of(run)
    left_out = len(run.evaluations) - len(shown)
    caption = "Evaluations on held-out text, on which the model never trains."
    if left_out:
        caption += f" {count(left_out)} in between are left out."
    return table(
        caption,
        (
            "step",
            "held-out loss",
            bits_unit(run.text.tokens),
            "predicted right",
            f"{run.text.tokens.noun}s trained on",
            "time",
        ),
        *(
            (
                f"{count(one.step)}{' (best)' if one is best else ''}",
                loss(one.loss),
                bits(one.loss, run.text.tokens),
                f"{100 * one.accuracy:.1f}%",
                count(one.trained),
                duration(one.seconds),
            )
            for one in shown
        ),
    )


def _some(evaluations: Sequence[ReportedEvaluation]) -> list[ReportedEvaluation]:
    """Of very many, evenly some: the first, the last and the best are among them."""
    if len(evaluations) <= MOST_ROWS:
        return [*evaluations]
    last = len(evaluations) - 1
    chosen = {round(row * last / (MOST_ROWS - 2)) for row in range(MOST_ROWS - 1)}
    chosen.add(min(range(len(evaluations)), key=lambda number: evaluations[number].loss))
    return [evaluations[number] for number in sorted(chosen)]
