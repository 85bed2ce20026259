"""What a report says of several runs together."""

from collections.abc import Iterator, Sequence
from math import log
from xml.etree.ElementTree import Element

from engine.config import all_settings
from engine.protocol import ReportedRun
from tui.drawing.axis import Unit
from tui.drawing.words import count, duration, short
from tui.report.about import About
from tui.report.chart import Chart, Line, draw
from tui.report.command import commands, value_of
from tui.report.curves import legend
from tui.report.figures import best_of, bits, loss
from tui.report.html import element, section, table
from tui.report.origin import shown

MOST_NAMED = 12
"""Curves that are named in a picture."""
MOST_ROWS = 200
"""Runs in a table."""
CHANCE = (
    "A part of a difference between two runs is chance: train each with several seeds "
    "(--set train.seed=2) to see how much."
)


def parts(runs: Sequence[ReportedRun], about: About) -> Iterator[Element]:
    """The sections on all of them."""
    yield from about.found
    yield _overview(runs, about)
    if not about.found:
        yield _curves(runs)
        yield _differences(runs)
    again = "\n".join(line for run in runs for line in commands(run))
    yield section(
        "To train them again", *(about.again or [element("pre", again, class_="command")])
    )


def _overview(runs: Sequence[ReportedRun], about: About) -> Element:
    order = sorted(runs, key=lambda run: one.loss if (one := best_of(run)) else float("inf"))
    rows = []
    lowest = best_of(order[0])
    for run in order[:MOST_ROWS]:
        best = best_of(run)
        behind = best.loss - lowest.loss if best and lowest else 0.0
        rows.append(
            (
                run.run,
                about.members.get(run.run, "") if about.member else run.text.name,
                short(run.parameters),
                count(run.step),
                count(run.trained),
                duration(run.seconds),
                loss(best.loss) if best else "none",
                bits(best.loss) if best else "none",
                f"+{behind:.4f}" if best else "none",
            )
        )
    head = (
        "run",
        about.member or "text",
        "parameters",
        "steps",
        "characters trained on",
        "time",
        "best held-out loss",
        "bits a character",
        "behind",
    )
    return section(
        "The runs",
        *(element("p", words, class_="notice") for words in warnings(runs)),
        table(f"{_shown(len(rows), len(runs))}, the lowest held-out loss first", head, *rows),
        None if about.found else element("p", CHANCE),
    )


def _shown(rows: int, runs: int) -> str:
    return "The runs" if rows == runs else f"The best {count(rows)} of {count(runs)} runs"


def warnings(runs: Sequence[ReportedRun]) -> Iterator[str]:
    """Sentences on what is not alike, so that losses are not."""
    if len({run.text.sha256 for run in runs}) > 1:
        yield "Not all were trained on the same text: a loss on one text says nothing of another."
    elif len({run.config.train.val_fraction for run in runs}) > 1:
        yield "Not all hold out the same part of the text (train.val_fraction): losses differ by that, too."


def _curves(runs: Sequence[ReportedRun]) -> Element:
    by_step = [
        Line(run.run, [(one.step, one.loss) for one in run.evaluations], number)
        for number, run in enumerate(runs)
    ]
    by_time = [
        Line(run.run, [(one.seconds, one.loss) for one in run.evaluations], number)
        for number, run in enumerate(runs)
    ]
    limit = 1.15 * max(log(run.text.vocabulary) for run in runs)
    return section(
        "Curves",
        element(
            "figure",
            legend(*by_step),
            draw(_chart("Held-out loss of each run by step, in nats a character.", by_step, limit)),
            element("figcaption", "Held-out loss in nats a character, by step; lower is better."),
        ),
        element(
            "figure",
            draw(
                _chart(
                    "Held-out loss of each run by time, in nats a character.",
                    by_time,
                    limit,
                    "seconds",
                )
            ),
            element(
                "figcaption",
                "The same by time of training: what wins by step may lose by the clock.",
            ),
        ),
    )


def _chart(title: str, lines: Sequence[Line], limit: float, unit: Unit = "steps") -> Chart:
    if len(lines) > MOST_NAMED:
        lines = [line._replace(marked=False) for line in lines]
    return Chart(title, lines, unit=unit, limit=limit)


def _differences(runs: Sequence[ReportedRun]) -> Element:
    """The settings in which they differ."""
    rows = [
        (key, *values)
        for key in all_settings()
        if len(set(values := tuple(shown(value_of(run.config, key)) for run in runs))) > 1
    ]
    if not rows:
        return section("What differs", element("p", "No setting differs."))
    return section(
        "What differs",
        table(
            "Settings that are not the same in all runs",
            ("setting", *(run.run for run in runs)),
            *rows,
        ),
    )
