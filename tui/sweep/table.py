"""The cases of a sweep as lines of a list."""

from collections.abc import Sequence

from textual.content import Content

from tui.drawing.series import COMPARED
from tui.drawing.words import count, known_loss
from tui.sweep.comparison import CaseResult, short_label
from tui.sweep.shown import ShownSweep, results_of
from tui.sweep.unit import is_mixed

MARK = 2
CELLS = {"runs": 7, "loss": 8, "spread": 8, "bits/byte": 11}
"""The widths of the columns right of the case."""
WIDE = 90
"""Cells from which on there is room for the loss in two units."""
NOW = 18
"""Cells of the last column, which says what is going on."""


def headings(width: int, *, mixed: bool) -> Content:
    """The line above the cases; `mixed`: they have different tokens. The loss is in nats per
    token."""
    columns = _columns(width, mixed=mixed)
    numbers = "".join(name.rjust(CELLS[name]) for name in columns)
    return Content("case".ljust(_room(width, columns) + MARK) + numbers).truncate(width)


def line(shown: ShownSweep, number: int, width: int) -> Content:
    """A case, in a line of `width` cells."""
    row = shown.rows[number]
    mark, style = COMPARED[number] if number < len(COMPARED) else ("", "")
    seeds = shown.read.plan.seeds if shown.read and shown.read.plan else 0
    mixed = is_mixed(shown)
    _, spread = row.ranked_by(bits=mixed)
    cells = {
        "runs": f"{row.n}/{seeds}",
        "loss": known_loss(row.mean),
        "spread": known_loss(spread),
        "bits/byte": known_loss(row.bits_per_byte),
    }
    columns = _columns(width, mixed=mixed)
    numbers = "".join(cells[name].rjust(CELLS[name]) for name in columns)
    case = _case(row.case, _room(width, columns))
    text = Content.assemble((mark.ljust(MARK), style), case, numbers, f"  {_now(shown, row)}")
    return text.truncate(width, ellipsis=True)


def _case(label: str, room: int) -> Content:
    """The label, where there is little room without the sections of the settings."""
    shown = Content(label if len(label) < room else short_label(label))
    shown = shown.truncate(room - 1, ellipsis=True)
    return shown.pad_right(room - shown.cell_length)


def _columns(width: int, *, mixed: bool) -> tuple[str, ...]:
    """The names of the columns right of the case. The spread is that of the losses by which the cases
    are compared, which come before it; in a narrow page they are the only ones."""
    first, second = ("bits/byte", "loss") if mixed else ("loss", "bits/byte")
    return ("runs", first, "spread", *([second] if width >= WIDE else []))


def _room(width: int, columns: Sequence[str]) -> int:
    """Cells of the case."""
    return max(12, width - MARK - NOW - sum(CELLS[name] for name in columns))


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
