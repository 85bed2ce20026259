"""What a report says of several runs together."""

from collections.abc import Iterator, Sequence
from math import inf, isfinite, log
from xml.etree.ElementTree import Element

from engine.config import all_settings
from engine.protocol import ReportedEvaluation, ReportedRun
from tui.drawing.axis import Unit
from tui.drawing.words import count, duration, short
from tui.report.about import About
from tui.report.chart import Chart, Line, draw
from tui.report.command import commands, value_of
from tui.report.curves import legend
from tui.report.figures import (
    best_of,
    bits,
    bits_unit,
    is_mixed,
    loss,
    nats_unit,
)
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
    mixed = is_mixed(runs)

    def lowest_of(run: ReportedRun) -> float:
        best = best_of(run)
        value = run.text.tokens.compared(best.loss, mixed=mixed) if best else inf
        return value if isfinite(value) else inf

    order = sorted(runs, key=lowest_of)
    rows = []
    for run in order[:MOST_ROWS]:
        best = best_of(run)
        each = about.characters_each.get(run.run, run.text.tokens.characters_each)
        behind = lowest_of(run) - lowest_of(order[0])
        rows.append(
            (
                run.run,
                about.members.get(run.run, "") if about.member else run.text.name,
                short(run.parameters),
                count(run.step),
                count(run.trained * each),
                duration(run.seconds),
                loss(best.loss) if best else "none",
                bits(best.loss, run.text.tokens) if best else "none",
                f"+{behind:.4f}" if isfinite(behind) else "none",
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
        bits_unit(runs[0].text.tokens),
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
    if is_mixed(runs):
        yield (
            "Not all have the same tokens (model.tokenizer): their losses in nats do not compare, but "
            "bits a byte do. The runs are ordered and drawn by these."
        )
    elif len({run.config.train.val_fraction for run in runs}) > 1:
        yield "Not all hold out the same part of the text (train.val_fraction): losses differ by that, too."


def _curves(runs: Sequence[ReportedRun]) -> Element:
    mixed = is_mixed(runs)
    unit = "bits a byte" if mixed else nats_unit(runs[0].text.tokens)

    def drawn(run: ReportedRun) -> Iterator[tuple[ReportedEvaluation, float]]:
        for one in run.evaluations:
            value = run.text.tokens.compared(one.loss, mixed=mixed)
            if isfinite(value):
                yield one, value

    by_step = [
        Line(run.run, [(one.step, value) for one, value in drawn(run)], number)
        for number, run in enumerate(runs)
    ]
    by_time = [
        Line(run.run, [(one.seconds, value) for one, value in drawn(run)], number)
        for number, run in enumerate(runs)
    ]
    starts = [run.text.tokens.compared(log(run.text.vocabulary), mixed=mixed) for run in runs]
    limit = 1.15 * max(filter(isfinite, starts), default=10.0)
    return section(
        "Curves",
        element(
            "figure",
            legend(*by_step),
            draw(_chart(f"Held-out loss of each run by step, in {unit}.", by_step, limit)),
            element("figcaption", f"Held-out loss in {unit}, by step; lower is better."),
        ),
        element(
            "figure",
            draw(
                _chart(
                    f"Held-out loss of each run by time, in {unit}.",
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
