"""The page: one run, or several together."""

import base64
import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from engine.protocol import MOST_WHOLE, ReportedRun
from tui import __version__
from tui.drawing.words import count, duration, short
from tui.report import comparison, single
from tui.report.about import About
from tui.report.html import document, element, section

GENERATOR = "tinygpt-tui report"
"""By which a page of ours is known."""


UNASKED = About()


def page(
    runs: Sequence[ReportedRun], written: str, about: About = UNASKED, whole: int = MOST_WHOLE
) -> bytes:
    """The report on one run or several, as a file. `written`: date and time. `whole`: of how many
    runs, from the first on, everything is known."""
    assert runs, "a report has a run"
    alone = runs[0] if len(runs) == 1 and not about.title else None
    title = alone.run if alone else ", ".join(run.run for run in runs[:4])
    if len(runs) > 4:
        title += f" and {len(runs) - 4} more"
    title = about.title or title
    parts = _alone(alone) if alone else _together(runs, about, whole)
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return document(
        element(
            "html",
            _head(title, style),
            element("body", element("main", *_title(title, runs, about), *parts, _footer(written))),
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


def _title(title: str, runs: Sequence[ReportedRun], about: About) -> list[Element]:
    found = [element("h1", title), element("p", about.lede or _lede(runs), class_="lede")]
    if len(runs) == 1 and not about.title and runs[0].note:
        found.append(element("blockquote", runs[0].note))
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
        f"A GPT of {short(run.parameters)} parameters that reads and writes {run.text.tokens.described}, "
        f"trained on {run.text.name} for {count(run.step)} steps, in {duration(run.seconds)}."
    )


def _alone(run: ReportedRun) -> list[Element]:
    return [single.summary(run), *single.parts(run)]


def _together(runs: Sequence[ReportedRun], about: About, whole: int) -> list[Element]:
    parts = [*comparison.parts(runs, about)]
    for run in runs[:whole]:
        member = about.members.get(run.run, "")
        note = element("blockquote", run.note) if run.note and not member else None
        heading = f"Run {run.run}{f': {about.member} {member}' if member else ''}"
        part = section(heading, note, single.summary(run), *single.parts(run, level=3))
        part.set("class", "run")
        parts.append(part)
    if len(runs) > whole:
        more = len(runs) - whole
        parts.append(element("p", f"{more} runs more are in the curves and tables only."))
    return parts


def _footer(written: str) -> Element:
    return element(
        "footer",
        f"Written by tinygpt-tui {__version__} on {written}, with Python "
        f"{platform.python_version()} on {platform.system()} {platform.machine()}.",
    )
