"""The cursor in the loss chart: where it can stand, and what it tells of that step."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from textual.content import Content

from tui.course import MEANING, THREADS, Mark, Moment
from tui.drawing.axis import Unit
from tui.drawing.chart import Frame
from tui.drawing.curve import Bucket
from tui.drawing.series import HELD_OUT, SPIKE
from tui.drawing.words import count, counted, duration, rate
from tui.state import RunState
from tui.tokens import loss_unit, tokens_of, train_size

KEYS = "← → move · Home End · Esc leaves"
_GAP = "  "


def marks_of(state: RunState, unit: Unit) -> list[Mark]:
    """What happened in the run, but for its spikes. The number of threads changes the speed only, so
    that it matters where the axis is time."""
    return [one for one in state.course.marks if one.sign != THREADS or unit == "seconds"]


def step_cells_away(state: RunState, frame: Frame, unit: Unit, step: int, cells: int) -> int:
    """The step to stand at, so many cells right (or left, if negative) of the one at `step`, or
    beyond where no step is in that cell. The nearest there is, at either end."""
    moments = state.course.moments
    wanted = frame.cell(step) + cells
    if cells < 0:
        number = bisect_right(moments, wanted, key=lambda one: frame.cell(one.step)) - 1
    else:
        number = bisect_left(moments, wanted, key=lambda one: frame.cell(one.step))
    nearest = moments[min(max(0, number), len(moments) - 1)]
    return _within(state, frame, unit, frame.cell(nearest.step))


def nearest(state: RunState, frame: Frame, unit: Unit, cell: int) -> int:
    """The step to stand at that is nearest to a cell of the plot."""
    cells = [frame.cell(one.step) for one in state.course.moments]
    return _within(state, frame, unit, min(cells, key=lambda one: abs(one - cell)))


def _within(state: RunState, frame: Frame, unit: Unit, cell: int) -> int:
    """Of the steps in a cell, that of a mark, or else of an evaluation, or else the middle one."""
    moments = state.course.moments
    first = bisect_left(moments, cell, key=lambda one: frame.cell(one.step))
    last = bisect_right(moments, cell, key=lambda one: frame.cell(one.step)) - 1
    steps = range(moments[first].step, moments[last].step + 1)
    happened = [mark.step for mark in _all_marks(state, unit) if mark.step in steps]
    happened += [one.first for one in state.validation.buckets if one.first in steps]
    here = state.course.at(happened[0]) if happened else moments[(first + last) // 2]
    assert here is not None, "there is a moment in the cell"
    return here.step


def readout(state: RunState, step: int, width: int, most_lines: int = 2) -> list[Content]:
    """What was recorded at a step, in so many lines."""
    moment = state.course.at(step)
    if moment is None:
        return []
    lines, left = _laid_out(_parts(state, moment, narrow=False), width, most_lines)
    if left:
        lines, _ = _laid_out(_parts(state, moment, narrow=True), width, most_lines)
    return lines


def _laid_out(
    parts: Iterator[Content], width: int, most_lines: int
) -> tuple[list[Content], list[Content]]:
    """The parts in so many lines, and those for which there is no room."""
    lines: list[Content] = []
    left: list[Content] = []
    for part in parts:
        longer = lines[-1] + Content(_GAP) + part if lines else part
        if lines and longer.cell_length <= width:
            lines[-1] = longer
        elif len(lines) < most_lines:
            lines.append(part.truncate(width, ellipsis=True))
        else:
            left.append(part)
    return lines, left


def _parts(state: RunState, moment: Moment, *, narrow: bool) -> Iterator[Content]:
    yield Content.styled(f"step {count(moment.step)}", "bold")
    unit = loss_unit(state)
    if moment.loss is not None:
        yield Content.assemble(("━ training", "$primary"), f" {unit.of(moment.loss):.3f}")
    evaluation = _evaluation(state.validation.buckets, moment.step)
    if evaluation is not None:
        about = "" if evaluation.points == 1 else "about "
        when = f" (step {count(evaluation.last)})" if evaluation.last != moment.step else ""
        held_out = (f"{HELD_OUT} held-out", "$accent")
        yield Content.assemble(held_out, f" {about}{unit.of(evaluation.mean):.4f}{when}")
        yield Content(unit.other(evaluation.mean))
    if moment.learning_rate is not None:
        yield Content(f"learning rate {rate(moment.learning_rate)}")
    yield Content(f"seen {_seen(state, moment, narrow=narrow)}")
    yield Content(f"after {duration(moment.elapsed)}")


def _seen(state: RunState, moment: Moment, *, narrow: bool) -> str:
    """How much it was trained on, in tokens and in multiples of the text; if `narrow`, in these
    alone."""
    tokens = tokens_of(state)
    number = counted(moment.tokens, tokens.noun)
    if state.corpus is None:
        return number
    times = f"{moment.tokens / train_size(state.corpus, tokens):.2f} times"
    return times if narrow else f"{number} ({times})"


def _evaluation(buckets: Sequence[Bucket], step: int) -> Bucket | None:
    """The newest evaluation until a step."""
    number = bisect_right(buckets, step, key=lambda one: one.last)
    return buckets[number - 1] if number else None


def explained(state: RunState, frame: Frame, unit: Unit, step: int) -> str:
    """What the signs in the cell of a step mean."""
    cell = frame.cell(step)
    here = [mark for mark in _all_marks(state, unit) if frame.cell(mark.step) == cell]
    return " · ".join(f"{mark.sign} step {count(mark.step)}: {mark.text}" for mark in here)


def signs(state: RunState, unit: Unit) -> list[Content]:
    """What each sign that stands in the chart means, in a word or two."""
    there = {mark.sign for mark in marks_of(state, unit)}
    meaning = {**MEANING, SPIKE: "spike"}
    if state.spikes.found:
        there.add(SPIKE)
    return [Content(f"{sign} {meaning[sign]}") for sign in meaning if sign in there]


def _all_marks(state: RunState, unit: Unit) -> list[Mark]:
    shown = loss_unit(state)
    spikes = (
        Mark(step, SPIKE, f"a spike to {shown.of(loss):.3f}") for step, loss in state.spikes.found
    )
    return sorted([*marks_of(state, unit), *spikes])
