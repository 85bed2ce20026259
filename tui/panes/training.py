"""The progress of training in numbers."""

from textual.content import Content

from tui.drawing.words import bar, count, counted, duration, rate
from tui.panes.header import next_step, phase_words
from tui.panes.pane import Pane, line, pair
from tui.state import RunState
from tui.tokens import speed_of

LABEL = 14
"""Cells for a label."""
COLUMN = 36
"""Cells for a label and its value."""


class TrainingPane(Pane):
    """Phase, progress, speed, rates and the machine."""

    BORDER_TITLE = "training"

    def part(self, state: RunState) -> object:
        return (
            state.phase,
            state.step,
            state.steps,
            state.learning_rate,
            state.opened,
            state.under_way,
            state.course.teaching,
        )

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        length = width - 6
        done = bar(state.progress, length)
        progress = Content.assemble(
            (done, "$primary"),
            ("░" * (length - len(done)), "$border"),
            f"{state.progress:6.0%}",
        )
        step = Content(f"step {count(state.step)} / {count(state.steps)}")
        if state.minutes:
            step = Content(f"step {count(state.step)}, {state.minutes:g} min")
        step += Content(next_step(state))
        lines = [line(phase_words(state), step, width), progress]
        if height < 7:  # the phase is in the header too
            lines = lines[1:]
        pairs = [pair(label, value, COLUMN, LABEL) for label, value in facts(state)]
        columns = max(1, width // COLUMN)
        rows = -(-len(pairs) // columns)
        for row in range(rows):
            cells = [cell.pad_right(COLUMN - cell.cell_length) for cell in pairs[row::rows]]
            lines.append(Content("").join(cells).truncate(width))
        return lines


def facts(state: RunState) -> list[tuple[str, str]]:
    """Labels and values, the most important first."""
    last, opened = state.last_step, state.opened
    if opened is None:
        return []
    return [
        *state.course.teaching.facts,
        ("speed", speed_of(state) if last else "-"),
        ("time left", duration(last.remaining) if last and state.phase != "done" else "-"),
        ("so far", duration(state.elapsed)),
        ("learning rate", rates(state)),
        ("gradient norm", f"{last.gradient_norm:.3f}" if last else "-"),
        ("context", context(state)),
        ("computes on", f"{opened.device}, {counted(opened.threads, 'thread')}"),
        ("precision", opened.precision),
    ]


def rates(state: RunState) -> str:
    """The learning rate of the newest step, and the peak that the schedule scales."""
    now = f"{rate(state.last_step.learning_rate)}, " if state.last_step else ""
    return f"{now}peak {rate(state.learning_rate)}"


def context(state: RunState) -> str:
    """The context length now and, if it still grows, at the end."""
    assert state.opened is not None, "a run is open"
    whole = state.opened.config.model.context_length
    now = state.last_step.context_length if state.last_step else whole
    return (
        counted(whole, state.opened.tokens.noun)
        if now == whole
        else f"{count(now)}, later {count(whole)}"
    )
