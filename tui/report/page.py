"""The page: one run, or several together."""

import base64
import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from engine.protocol import MOST_WHOLE, ReportedRun
from tui import __version__
from tui.drawing.words import count, duration, short
from tui.report import comparison, single
from tui.report.html import document, element, section
from tui.sweep.comparison import CaseResult

GENERATOR = "tinygpt-tui report"
"""By which a page of ours is known."""


class About(NamedTuple):
    """What the runs of a report were trained for."""

    title: str = ""
    """Empty: the names of the runs."""
    question: str = ""
    sentences: tuple[str, ...] = ()
    """What came out."""
    cases: tuple[CaseResult, ...] = ()
    """Of a sweep."""


UNASKED = About()


def page(runs: Sequence[ReportedRun], written: str, about: About = UNASKED) -> bytes:
    """The report on one run or several, as a file. `written`: date and time."""
    assert runs, "a report has a run"
    alone = runs[0] if len(runs) == 1 else None
    title = alone.run if alone else ", ".join(run.run for run in runs[:4])
    if len(runs) > 4:
        title += f" and {len(runs) - 4} more"
    title = about.title or title
    parts = [*_findings(about), *(_alone(alone) if alone else _together(runs))]
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return document(
        element(
            "html",
            _head(title, style),
            element("body", element("main", *_title(title, runs), *parts, _footer(written))),
            lang="en",
        )
    )


def _head(title: str, style: str) -> Element:
    """Nothing is loaded from anywhere, and nothing is executed: only this very style counts."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    sheet = Element("style")
    sheet.text = style
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="generator", content=f"{GENERATOR} {__version__}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title}: report of tinygpt-tui"),
        sheet,
    )


def _findings(about: About) -> list[Element]:
    """What was asked, and what came out."""
    found = [element("blockquote", about.question)] if about.question else []
    if about.sentences or about.cases:
        sentences = [element("p", sentence) for sentence in about.sentences]
        cases = comparison.case_table(about.cases) if about.cases else None
        found.append(section("Result", *sentences, cases))
    return found


def _title(title: str, runs: Sequence[ReportedRun]) -> list[Element]:
    found = [element("h1", title), element("p", _lede(runs), class_="lede")]
    found += [element("blockquote", run.note) for run in runs if run.note and len(runs) == 1]
    found += [
        element("p", element("strong", "In training. "), _in_training(run), class_="notice")
        for run in runs
        if run.holder
    ]
    return found


def _in_training(run: ReportedRun) -> str:
    return (
        f"Another program trains the run {run.run} ({run.holder}): this is how it was when it was "
        f"last saved, at step {count(run.step)}."
    )


def _lede(runs: Sequence[ReportedRun]) -> str:
    if len(runs) > 1:
        return f"{len(runs)} runs of tinygpt-tui, compared."
    run = runs[0]
    return (
        f"A GPT of {short(run.parameters)} parameters that reads and writes single characters, "
        f"trained on {run.text.name} for {count(run.step)} steps, in {duration(run.seconds)}."
    )


def _alone(run: ReportedRun) -> list[Element]:
    return [single.summary(run), *single.parts(run)]


def _together(runs: Sequence[ReportedRun]) -> list[Element]:
    parts = [*comparison.parts(runs)]
    for run in runs[:MOST_WHOLE]:
        note = element("blockquote", run.note) if run.note else None
        whole = section(f"Run {run.run}", note, single.summary(run), *single.parts(run, level=3))
        whole.set("class", "run")
        parts.append(whole)
    if len(runs) > MOST_WHOLE:
        more = len(runs) - MOST_WHOLE
        parts.append(element("p", f"{more} runs more are in the curves and tables only."))
    return parts


def _footer(written: str) -> Element:
    return element(
        "footer",
        f"Written by tinygpt-tui {__version__} on {written}, with Python "
        f"{platform.python_version()} on {platform.system()} {platform.machine()}.",
    )
