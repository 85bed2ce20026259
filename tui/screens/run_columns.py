"""The saved runs as lines of a list: their columns, order and filter."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace
from textual.content import Content

from engine.protocol import RunSummary
from tui.drawing.series import COMPARED
from tui.drawing.words import count, known_loss, short, size
from tui.state import RunState
from tui.tokens import tokens_of


class ListedRun(NamedTuple):
    """A saved run: as it is drawn, and by its true name."""

    shown: RunSummary
    name: str


class Column(NamedTuple):
    """A column of the list."""

    heading: str
    width: int  # cells, with the space behind it
    cell: Callable[[RunSummary], str]
    order: Callable[[RunSummary], str | float]
    """What the runs are sorted by, smallest first."""


COLUMNS = (
    Column("run", 18, lambda run: run.name, lambda run: run.name.casefold()),
    Column("step", 17, lambda run: _steps(run), lambda run: -run.step),
    Column("best", 7, lambda run: known_loss(run.best_loss), lambda run: _known(run.best_loss)),
    Column(
        "bits/byte",
        11,
        lambda run: known_loss(run.best_bits_per_byte),
        lambda run: _known(run.best_bits_per_byte),
    ),
    Column("last used", 17, lambda run: run.last_used, lambda run: -run.used),
    Column("model", 13, lambda run: _model(run), lambda run: -run.parameters),
    Column("text", 19, lambda run: run.corpus, lambda run: run.corpus.casefold()),
    Column("size", 7, lambda run: size(run.size), lambda run: -run.size),
)
"""In a narrow window the last ones are left out."""
MARKS = 4
"""Cells before the columns: whether a run is marked, and whether it is open or compared."""
NAMED = 3
"""The most runs that the question before a deletion names."""
LAST_USED = next(n for n, column in enumerate(COLUMNS) if column.heading == "last used")


def listed_runs(state: RunState, sorted_by: int, words: str) -> list[ListedRun]:
    """The runs that hold all of `words`, in the order of a column."""
    if state.runs is None or state.raw_runs is None:
        return []
    pairs = zip(state.runs, state.raw_runs.value, strict=True)
    runs = [ListedRun(shown, raw.name) for shown, raw in pairs if _holds(shown, words)]
    order = COLUMNS[sorted_by].order
    return sorted(runs, key=lambda run: (bool(run.shown.problem), order(run.shown)))


def _holds(run: RunSummary, words: str) -> bool:
    text = (
        f"{run.name} {run.corpus} {run.preset} {run.origin} {run.note} {run.tokenizer}".casefold()
    )
    return all(word in text for word in words.casefold().split())


def as_it_stands(run: RunSummary, state: RunState) -> RunSummary:
    """The open run with the step and the best loss that it has reached meanwhile."""
    if not is_open(run, state):
        return run
    run = replace(run, step=state.step, steps=state.steps)
    if state.best is None:
        return run
    best = state.best.loss
    return replace(run, best_loss=best, best_bits_per_byte=tokens_of(state).bits_per_byte(best))


def is_open(run: RunSummary, state: RunState) -> bool:
    """Whether it is the run that is open here."""
    return state.opened is not None and state.opened.run == run.name


def row(run: RunSummary, state: RunState, marked: bool, room: int) -> Content:
    """A run in columns, in at most `room` cells."""
    mark = Content("●" if is_open(run, state) else "")
    compared = [curve.run for curve in state.compared]
    if run.name in compared:
        mark = Content.styled(*COMPARED[compared.index(run.name)])
    chosen = Content.styled("✓" if marked else "", "bold $warning")
    now = as_it_stands(run, state)
    cells = [_cell(Content(column.cell(now)), column.width) for column in _columns(room)]
    return Content("").join([_cell(chosen, 2), _cell(mark, 2), *cells])


def rest(run: RunSummary, runs: Sequence[RunSummary], room: int) -> str:
    """What the line of a run does not show: which of `runs` it was forked from, the tokens that are
    no characters, the columns that do not fit, the note."""
    hidden = [column.cell(run) for column in COLUMNS[len(_columns(room)) :]]
    reads = "" if run.tokenizer == "characters" else f"tokens: {run.tokenizer}"
    return " · ".join(filter(None, [_descent(run, runs), reads, *hidden, run.note]))


def _descent(run: RunSummary, runs: Sequence[RunSummary]) -> str:
    """The run that it was forked from, the one that this was forked from, and so on; empty for no
    fork."""
    known = {one.name: one for one in runs}
    forks: list[str] = []
    fork: RunSummary | None = run
    while fork is not None and fork.origin:
        forks.append(fork.origin if fork.parent in known else f"{fork.origin} (gone or renamed)")
        fork = known.pop(fork.parent, None)
    return ", itself a ".join(forks)


def headings(sorted_by: int, room: int) -> Content:
    """The line above the runs; the column by which they are sorted has a triangle."""
    cells = [
        _cell(
            Content.styled(f"{column.heading}▾", "$primary")
            if number == sorted_by
            else Content(column.heading),
            column.width,
        )
        for number, column in enumerate(_columns(room))
    ]
    return Content("").join([Content(" " * MARKS), *cells])


def deletion_question(runs: list[ListedRun]) -> str:
    """The question before runs are deleted."""
    if len(runs) == 1:
        run = runs[0].shown
        return f"Delete {run.name}, {count(run.step)} steps? It cannot be undone."
    names = ", ".join(run.shown.name for run in runs[:NAMED])
    more = f" and {count(len(runs) - NAMED)} more" if len(runs) > NAMED else ""
    return f"Delete {count(len(runs))} runs ({names}{more})? It cannot be undone."


def _columns(room: int) -> Sequence[Column]:
    """The columns that fit as a whole."""
    fitting, end = 0, MARKS
    for column in COLUMNS:
        end += column.width
        fitting += end <= room
    return COLUMNS[:fitting]


def _cell(content: Content, width: int) -> Content:
    content = content.truncate(width - 1, ellipsis=True)
    return content.pad_right(width - content.cell_length)


def _steps(run: RunSummary) -> str:
    return "cannot be read" if run.problem else f"{count(run.step)} / {count(run.steps)}"


def _known(loss: float | None) -> float:
    return float("inf") if loss is None else loss


def _model(run: RunSummary) -> str:
    return f"{run.preset} {short(run.parameters)}" if run.parameters else run.preset
