"""What a report says of one run."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from engine.protocol import LossPart, ReportedRun, Tokens
from tui.context_use import context_words
from tui.drawing.words import count, duration, short
from tui.report.curves import curves
from tui.report.figures import best_of, bits, bits_unit, ladder_of, loss, nats_unit
from tui.report.html import element, section, table
from tui.report.origin import origin, reproduction
from tui.tokens import surprise_unit, with_bits

BAR = 220
"""The length of the longest bar, in units of the picture."""


def parts(run: ReportedRun, level: int = 2) -> Iterator[Element]:
    """The sections on a run."""
    yield curves(run, level)
    yield _ladder(run, level)
    yield _samples(run, level)
    yield _loss_parts(run, level)
    yield reproduction(run, level)
    yield origin(run, level)


def summary(run: ReportedRun) -> Element:
    """The figures at the head of a report."""
    best, last = best_of(run), run.evaluations[-1] if run.evaluations else None
    tokens = run.text.tokens
    figures = [
        ("best held-out loss", loss(best.loss) if best else "", nats_unit(tokens)),
        ("in bits", bits(best.loss, tokens) if best else "", bits_unit(tokens)),
        (
            "accuracy",
            f"{100 * last.accuracy:.1f}%" if last else "",
            f"of held-out {tokens.noun}s predicted right, at the end",
        ),
        ("model", short(run.parameters), "parameters"),
        ("trained", f"{count(run.step)} steps", f"{count(run.trained)} {tokens.noun}s"),
        ("time", duration(run.seconds), f"on {run.machine.device or 'an unknown device'}"),
    ]
    cards = [
        element(
            "div",
            element("dt", name),
            element("dd", value),
            element("dd", unit, class_="unit"),
        )
        for name, value, unit in figures
        if value
    ]
    return element("dl", *cards, class_="figures")


def _ladder(run: ReportedRun, level: int) -> Element:
    rungs = ladder_of(run).rungs
    if not rungs:
        words = "The text is not here, so there is no ladder." if not run.rungs else "No rung."
        return section("The ladder", element("p", words), level=level)
    passed = [rung for rung in rungs if rung.passed is not None]
    words = (
        f"Of {len(rungs)} simple models of the same text, the run is better than {len(passed)}."
        if passed
        else "The run is not better yet than any of these simple models of the same text."
    )
    return section(
        "The ladder",
        element("p", words),
        table(
            "Simple models, measured on the held-out text",
            ("model", "loss (nats)", bits_unit(run.text.tokens), "passed at step"),
            *(
                (
                    rung.name,
                    loss(rung.loss),
                    bits(rung.loss, run.text.tokens),
                    "not yet" if rung.passed is None else count(rung.passed),
                )
                for rung in rungs
            ),
        ),
        level=level,
    )


def _samples(run: ReportedRun, level: int) -> Element:
    losses = {one.step: one.loss for one in run.evaluations}
    shown = [
        element(
            "article",
            element(
                f"h{level + 1}",
                f"Step {count(one.step)}",
                element("small", f"held-out loss {with_bits(losses[one.step], run.text.tokens)}")
                if one.step in losses
                else None,
            ),
            element("pre", element("b", one.prompt), one.text),
            element("p", f"… and {count(one.more)} characters more.") if one.more else None,
        )
        for one in run.samples
    ]
    return section(
        "What it writes",
        element(
            "p",
            "Samples during training, each the continuation of the text in bold, with the same settings."
            if shown
            else "No sample was written.",
        ),
        element("div", *shown, class_="samples"),
        level=level,
    )


def _loss_parts(run: ReportedRun, level: int) -> Element:
    answer = run.divided
    if answer is None or not answer.characters:
        words = "The text is not here, so its loss cannot be divided."
        return section("Where the loss lives", element("p", words), level=level)
    tokens, shown = run.text.tokens, surprise_unit(run.text.tokens)
    noun, total = tokens.noun, answer.bits or 1.0
    per_byte = f" ({answer.bits_per_byte:.2f} bits a byte)" if noun == "token" else ""
    kinds = sorted(answer.kinds, key=lambda part: -part.bits * part.share)
    return section(
        "Where the loss lives",
        element(
            "p",
            f"Over a sample of {count(answer.characters)} held-out {noun}s the model of step "
            f"{count(answer.step)} needs {answer.bits * shown.of_a_bit:.2f} {shown.unit} a {noun}{per_byte}. "
            f"{context_words(answer, tokens)}",
        ),
        _bars(f"By the kind of {noun} that is predicted", "kind", kinds, total, tokens),
        _bars(
            f"By how many {noun}s the prediction sees",
            f"{noun}s seen",
            answer.positions,
            total,
            tokens,
        ),
        level=level,
    )


def _bars(
    caption: str, first: str, rows: Sequence[LossPart], total: float, tokens: Tokens
) -> Element:
    """A table of losses, where tokens are no characters in bits a byte, too."""
    longest = max((part.bits for part in rows), default=0.0) or 1.0
    shown, learned = surprise_unit(tokens), tokens.noun == "token"
    return table(
        caption,
        (
            first,
            f"{shown.unit} a {tokens.noun}",
            "",
            *(("bits a byte",) if learned else ()),
            f"of all {tokens.noun}s",
            "of the loss",
        ),
        *(
            (
                part.name,
                f"{part.bits * shown.of_a_bit:.2f}",
                element(
                    "svg",
                    element(
                        "rect", width=round(part.bits / longest * BAR, 1), height=10, class_="bar"
                    ),
                    viewBox=f"0 0 {BAR} 10",
                    class_="bars",
                    aria_hidden="true",
                ),
                *((f"{part.bits_per_byte:.2f}",) if learned else ()),
                f"{100 * part.share:.1f}%",
                f"{100 * part.bits * part.share / total:.0f}%",
            )
            for part in rows
        ),
    )
