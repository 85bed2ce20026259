"""The file of a report: only another report is overwritten."""

import time
from pathlib import Path

from engine import replace_file
from engine.protocol import ReportGathered
from tui.outcomes import Written
from tui.report.page import GENERATOR, About, page

SUFFIX = ".html"
BEGINNING = 4_096
"""Bytes in which a page says what has written it."""


def check_target(path: Path) -> None:
    """ValueError, with a user-facing message, for a path where something other than a report is.
    OSError."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: a report is a file, such as {path / 'report.html'}.")
    if not path.exists() and not path.is_symlink():
        return
    mark = f'<meta name="generator" content="{GENERATOR} '.encode()
    if not path.is_file() or path.is_symlink() or mark not in _beginning(path):
        raise ValueError(f"{path} exists already, and is no report: write to another path.")


def about_race(gathered: ReportGathered) -> About:
    """What the runs of a race were trained for; nothing of others."""
    if not gathered.race:
        return About()
    sentences = (gathered.verdict,) if gathered.verdict else ()
    return About(f"Race {gathered.race}", gathered.question, sentences)


def write_report(gathered: ReportGathered, path: Path, about: About | None = None) -> Written:
    """Write the report on one run or several, in place of an older one. ValueError, with a
    user-facing message, if that cannot be; then what is there stays."""
    about = about or about_race(gathered)
    content = page(gathered.runs, time.strftime("%Y-%m-%d %H:%M"), about)
    try:
        check_target(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, [content])
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"It could not be reported: {error.filename or path}: {reason}.") from None
    name = about.title or ", ".join(run.run for run in gathered.runs)
    return Written(name, str(path), len(content))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING)
