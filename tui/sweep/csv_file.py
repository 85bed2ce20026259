"""The table of a sweep as a CSV file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from engine import replace_file
from tui.sweep.comparison import CaseResult

FIELDS = (
    "n",
    "diverged",
    "failed",
    "mean",
    "deviation",
    "seconds",
    "best",
    "bits_per_byte",
    "bits_deviation",
)


def check_csv(path: Path) -> None:
    """ValueError, with a user-facing message, where no such file can be written."""
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder: --csv takes a file.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {str(path.absolute().parent)!r} for --csv.")


def write_csv(path: Path, rows: Sequence[CaseResult]) -> None:
    """A line for each case: its label, a column for each setting that is tried, and what it gave.
    OSError."""
    keys = list(dict.fromkeys(key for row in rows for key in row.settings))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["case", *keys, *FIELDS])
    for row in rows:
        settings = (row.settings.get(key, "") for key in keys)
        writer.writerow([row.case, *settings, *(getattr(row, field) for field in FIELDS)])
    replace_file(path, [text.getvalue().encode()])
