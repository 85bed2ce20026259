"""The cases of a sweep as lines of a list."""

from textual.content import Content

from tui.drawing.series import COMPARED
from tui.drawing.words import count
from tui.sweep.comparison import CaseResult, short_label
from tui.sweep.shown import ShownSweep, results_of

MARK = 2
COLUMNS = (("runs", 7), ("loss", 8), ("spread", 8))
"""Right of the case, with their widths in cells."""
NOW = 18
"""Cells of the last column, which says what is going on."""


def headings(width: int) -> Content:
    """The line above the cases."""
    numbers = "".join(name.rjust(cells) for name, cells in COLUMNS)
    return Content("case".ljust(_room(width) + MARK) + numbers).truncate(width)


def line(shown: ShownSweep, number: int, width: int) -> Content:
    """A case, in a line of `width` cells."""
    row = shown.rows[number]
    mark, style = COMPARED[number] if number < len(COMPARED) else ("", "")
    seeds = shown.read.plan.seeds if shown.read and shown.read.plan else 0
    cells = (
        f"{row.n}/{seeds}",
        "-" if row.mean is None else f"{row.mean:.4f}",
        "-" if row.deviation is None else f"{row.deviation:.4f}",
    )
    numbers = "".join(text.rjust(wide) for text, (_, wide) in zip(cells, COLUMNS, strict=True))
    case = _case(row.case, _room(width))
    text = Content.assemble((mark.ljust(MARK), style), case, numbers, f"  {_now(shown, row)}")
    return text.truncate(width, ellipsis=True)


def _case(label: str, room: int) -> Content:
    """The label, where there is little room without the sections of the settings."""
    shown = Content(label if len(label) < room else short_label(label))
    shown = shown.truncate(room - 1, ellipsis=True)
    return shown.pad_right(room - shown.cell_length)


def _room(width: int) -> int:
    """Cells of the case."""
    return max(12, width - MARK - NOW - sum(cells for _, cells in COLUMNS))


def _now(shown: ShownSweep, row: CaseResult) -> str:
    """What else there is to say: what went wrong, and how far the runs are that have not ended."""
    said = ["best"] * row.best
    said += [f"{row.diverged} not a number"] * bool(row.diverged)
    said += [f"{row.failed} failed"] * bool(row.failed)
    losses = {curve.run: curve.losses for curve in shown.curves}
    for result in results_of(shown, row):
        if result.state == "started":
            evaluated = losses.get(result.run, ())
            step = f"at {count(evaluated[-1][0])}" if evaluated else "begun"
            said.append(f"seed {result.seed} {step}")
    return ", ".join(said)
