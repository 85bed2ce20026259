"""The file of a report: only another report is overwritten."""

import time
from pathlib import Path

from engine import replace_file
from engine.protocol import ReportGathered
from tui.outcomes import Written
from tui.report.about import about
from tui.report.page import GENERATOR, page

SUFFIX = ".html"
BEGINNING = 4_096
"""Bytes in which a page says what has written it."""


def check_target(path: Path) -> None:
    """ValueError, with a user-facing message, for a path where something other than a report is, or
    in a folder that is not there. OSError."""
    if not path.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {path.absolute().parent} to write a report into.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: a report is a file, such as {path / 'report.html'}.")
    if not path.exists() and not path.is_symlink():
        return
    mark = f'<meta name="generator" content="{GENERATOR} '.encode()
    if not path.is_file() or path.is_symlink() or mark not in _beginning(path):
        raise ValueError(f"{path} exists already, and is no report: write to another path.")


def write_report(gathered: ReportGathered, path: Path) -> Written:
    """Write the report on one run or several, in place of an older one. ValueError, with a
    user-facing message, if that cannot be; then what is there stays."""
    whole = about(gathered)
    content = page(gathered.runs, time.strftime("%Y-%m-%d %H:%M"), whole, gathered.whole)
    try:
        check_target(path)
        replace_file(path, [content])
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(f"It could not be reported: {error.filename or path}: {reason}.") from None
    name = whole.title or ", ".join(run.run for run in gathered.runs)
    return Written(name, str(path), len(content))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING)
