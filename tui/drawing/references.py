"""The losses that a model is compared with, as horizontal lines with names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from tui.drawing.curve import LARGEST
from tui.drawing.page import Page
from tui.drawing.scale import ValueScale
from tui.drawing.series import ChartStyles
from tui.drawing.value_range import Losses
from tui.ladder import COMPRESSOR, Rung

PASSED = "✓"
LINE = "┈"

_TALL = 16  # lines from which on there is room for the third reference
_MARGIN = 2  # cells left of a name, at least
_RUNGS_APART = 2  # lines from one rung to the next, at least


class Reference(Struct, frozen=True):
    """A constant loss to compare with: its name, a short one for a narrow chart, and a sign."""

    name: str
    short: str
    value: float
    sign: str = ""


def references(losses: Losses, values: ValueScale, height: int) -> list[Reference]:
    """Those in the range that have a line of their own, from the highest on: a uniform guess and the
    rungs or, where these are not known, letter frequencies and pairs."""
    found = [*_always(losses, height)]
    rows = {values.at(one.value, 1) for one in found}
    for rung in _by_interest(losses.rungs):
        row = values.at(rung.loss, 1)
        if all(abs(row - other) >= _RUNGS_APART for other in rows):
            rows.add(row)
            sign = "" if rung.passed is None else f" {PASSED}"
            found.append(Reference(rung.name, rung.short, rung.loss, sign))
    in_range = (one for one in found if values.at(one.value, 1) in range(height - 1))
    return sorted(in_range, key=lambda one: -one.value)


def draw_lines(
    plot: Page, found: Sequence[Reference], values: ValueScale, styles: ChartStyles
) -> None:
    """Draw the lines, which everything else covers."""
    for one in found:
        plot.write(values.at(one.value, 1), 0, LINE * plot.width, styles.reference)


def write_names(
    plot: Page, found: Sequence[Reference], values: ValueScale, styles: ChartStyles
) -> None:
    """Name each line, from the highest on, where nothing else is drawn; never above the name of a
    higher one. A line without room for a name is taken away."""
    highest = -1
    for one in found:
        row = values.at(one.value, 1)
        number = f"{one.value:.2f}{one.sign}"
        for text in (f"{one.name} {number}", f"{one.short} {number}", number):
            place = _place(plot, row, len(text) + 1, highest)
            if place is not None:
                highest, start = place
                plot.write(highest, start, f" {text}" if start else f"{text} ", styles.label)
                break
        else:
            _take_away(plot, row)


def _place(plot: Page, row: int, length: int, highest: int) -> tuple[int, int] | None:
    """Row and first cell of a name: in its line, at the right end or the left, or else beside the
    right end. None if there is no room."""
    right = plot.width - length
    if right < _MARGIN:
        return None
    in_line = [(row, right, f" {LINE}")]
    if row > highest:  # no other line is in this row
        in_line.append((row, 0, LINE))
    for place, start, blank in (*in_line, (row + 1, right, " "), (row - 1, right, " ")):
        if place >= highest and plot.is_free(place, start, blank, length):
            return place, start
    return None


def _take_away(plot: Page, row: int) -> None:
    for cell, character in enumerate(plot.characters[row]):
        if character == LINE:
            plot.write(row, cell, " ", "")


def _always(losses: Losses, height: int) -> Iterator[Reference]:
    named = [("a uniform guess", "uniform", losses.uniform)]
    if not losses.rungs:
        named.append(("letter frequencies", "letters", losses.unigram))
        named.append(("letter pairs", "pairs", losses.bigram if height >= _TALL else None))
    for name, short, value in named:
        if value is not None and abs(value) <= LARGEST:
            yield Reference(name, short, value)


def _by_interest(rungs: Sequence[Rung]) -> list[Rung]:
    """The next stage, the last that was passed, then the others from the highest on."""
    stages = [rung for rung in rungs if rung.name != COMPRESSOR]
    others = [rung for rung in rungs if rung.name == COMPRESSOR]
    passed = [rung for rung in stages if rung.passed is not None]
    ahead = stages[len(passed) :]
    return [*ahead[:1], *passed[-1:], *passed[:-1], *ahead[1:], *others]
