"""The saved runs: open one, compare some, rename, annotate or delete one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from data.safe_text import safe_text
from engine.protocol import (
    AnnotateRun,
    Command,
    Compare,
    DeleteRun,
    ListRuns,
    RenameRun,
    RunSummary,
)
from tui.drawing.series import COMPARED, MOST_COMPARED
from tui.drawing.words import count, size
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.input_dialog import InputDialog
from tui.state import RunState

COLUMNS = (
    ("", 2),
    ("run", 20),
    ("step", 18),
    ("best", 8),
    ("last used", 18),
    ("text", 18),
    ("preset", 8),
    ("size", 7),
)
"""With their widths in cells; in a narrow window the last ones are cut off."""
WIDTH = 108
"""Cells of the page where there is room."""
LISTING = "Listing the saved runs …"
NO_RUNS = "No run is saved yet: a run is saved from its first step on."


class _Listed(NamedTuple):
    """A saved run: as it is drawn, and by its true name."""

    shown: RunSummary
    name: str


class _Edit(NamedTuple):
    """A change of a run's name or note that the user is asked for."""

    question: str  # safe text
    value: str  # safe text: as it is now
    command: Callable[[str], Command]
    answer: str = ""


class RunsScreen(ModalScreen[str]):
    """Dismissed with the name of the run to open.

    The engine lists the runs: until it has answered, the list from before is shown, if there is
    one.
    """

    DEFAULT_CSS = """
    RunsScreen { align: center middle; }
    RunsScreen > Vertical {
      width: 108; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    RunsScreen OptionList { height: auto; max-height: 20; border: none; background: $surface; }
    RunsScreen #runs-headings { height: 1; text-wrap: nowrap; color: $foreground-muted; }
    RunsScreen #runs-note { height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $accent; }
    RunsScreen #runs-problem { height: auto; color: $warning; }
    """

    BINDINGS = [
        Binding("escape,q", "dismiss", "Close"),
        Binding("b", "open_best", "Open its best"),
        Binding("c", "compare", "Compare"),
        Binding("r", "rename", "Rename"),
        Binding("n", "annotate", "Note"),
        Binding("d,delete", "delete", "Delete"),
    ]

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    def __init__(self, state: RunState, send: Callable[[Command], None]) -> None:
        """`state`: as it is now; later ones come by data binding. `send`: to the engine."""
        super().__init__()
        self.set_reactive(RunsScreen.state, state)
        self._send = send
        self._runs: list[_Listed] = []
        self._seen = state
        self._edit: _Edit | None = None  # sent, and not answered yet
        self._listing = False  # asked for, and not answered yet
        self._renamed = ""  # the true name of the run to highlight in the next list

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = "saved runs"
            page.border_subtitle = (
                "Enter opens, b its best, c compares, r renames, n notes, d deletes"
            )
            headings = [Content(heading) for heading, _ in COLUMNS]
            yield Static(_columns(headings), id="runs-headings")
            yield OptionList(compact=True)
            yield Static("", id="runs-note")
            yield Static("", id="runs-problem")

    def on_mount(self) -> None:
        self._show_runs()
        self._list()
        self.query_one(OptionList).focus()

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted:
            return
        before, self._seen = self._seen, state
        if state.failure is not None and state.failure is not before.failure:
            self._say(state.failure.message)
            if state.failure.during == "runs" and self._edit is not None:
                self._ask(self._edit, state.failure.message)
        if state.runs is not before.runs:
            self._listing = False
            self._show_runs()
            self._renamed = ""
        elif (state.opened, state.compared) != (before.opened, before.compared):
            self._show_runs()
        if state.runs_changed != before.runs_changed:
            if self._edit is not None:
                self._renamed, self._edit = self._edit.answer, None
            self._list()

    # The list.

    def _list(self) -> None:
        """Ask the engine for the runs."""
        self._listing = True
        self._say(LISTING)
        self._send(ListRuns())

    def _show_runs(self) -> None:
        """Show the runs of the state; the same run stays highlighted, or, if it is gone, the same
        line."""
        listed, state = self.query_one(OptionList), self.state
        line, chosen = listed.highlighted or 0, self._chosen.name if self._chosen else ""
        self._runs = []
        if state.runs is not None and state.raw_runs is not None:
            pairs = zip(state.runs, state.raw_runs.value, strict=True)
            self._runs = [_Listed(shown, raw.name) for shown, raw in pairs]
        names = [run.name for run in self._runs]
        if chosen not in names:
            chosen = self._renamed
        listed.clear_options()
        room = min(WIDTH, self.app.size.width) - 6
        listed.add_options([Option(_row(run.shown, state, room)) for run in self._runs])
        if chosen in names:
            line = names.index(chosen)
        listed.highlighted = min(line, len(self._runs) - 1) if self._runs else None
        self._say(LISTING if self._listing else "" if self._runs else NO_RUNS)

    def _say(self, message: str) -> None:
        self.query_one("#runs-problem", Static).update(Content(safe_text(message)))

    @property
    def _chosen(self) -> _Listed | None:
        highlighted = self.query_one(OptionList).highlighted
        return self._runs[highlighted] if highlighted is not None and self._runs else None

    @on(OptionList.OptionHighlighted)
    def show_note(self) -> None:
        """Show the note of the highlighted run, or why it cannot be read."""
        note = ""
        if self._chosen is not None:
            run = self._chosen.shown
            note = f"It cannot be opened: {run.problem}." if run.problem else run.note
        self.query_one("#runs-note", Static).update(Content(note))

    # What can be done with a run.

    @on(OptionList.OptionSelected)
    def open_it(self, event: OptionList.OptionSelected) -> None:
        """Open it as it was saved last."""
        self.dismiss(self._runs[event.option_index].name)

    def action_open_best(self) -> None:
        """Open it as it was at its best evaluation."""
        if self._chosen is not None:
            self.dismiss(f"{self._chosen.name}@best")

    def action_compare(self) -> None:
        """Draw its validation losses into the chart, or take them out again."""
        if self._chosen is None:
            return
        compared = _compared(self.state)
        runs = [run for run in self._runs if run.shown.name in compared]
        runs.sort(key=lambda run: compared.index(run.shown.name))
        names = [run.name for run in runs]
        if self._chosen.name in names:
            names.remove(self._chosen.name)
        elif len(names) < MOST_COMPARED:
            names.append(self._chosen.name)
        else:
            self._say(f"{MOST_COMPARED} runs are compared already: c on one of them removes it.")
            return
        self._send(Compare(tuple(names)))

    def action_rename(self) -> None:
        """Ask for another name."""
        if self._chosen is not None:
            shown, run = self._chosen
            question = f"A name for {shown.name}:"
            self._ask(_Edit(question, shown.name, lambda name: RenameRun(run, name)))

    def action_annotate(self) -> None:
        """Ask for a note."""
        if self._chosen is not None:
            shown, run = self._chosen
            question = f"A note on {shown.name}:"
            self._ask(_Edit(question, shown.note, lambda note: AnnotateRun(run, note)))

    def _ask(self, edit: _Edit, problem: str = "") -> None:
        """Ask for a name or note. `problem`: safe text, why the answer before was refused."""
        self._edit = None

        def answered(text: str | None) -> None:
            if text is not None and text != edit.value:
                self._edit = edit._replace(answer=text)
                self._send(edit.command(text))

        question = f"{problem}\n{edit.question}" if problem else edit.question
        self.app.push_screen(InputDialog(question, edit.answer or edit.value), answered)

    def action_delete(self) -> None:
        """Ask, then delete."""
        if self._chosen is None:
            return
        shown, run = self._chosen
        if _is_open(shown, self.state):
            self._say(f"{shown.name} is open here: open another run first.")
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._send(DeleteRun(run))

        question = f"Delete {shown.name}, {count(shown.step)} steps? It cannot be undone."
        self.app.push_screen(ConfirmDialog(question), answered)


def _compared(state: RunState) -> list[str]:
    """The names of the runs that are compared, in their order."""
    return [curve.run for curve in state.compared]


def _is_open(run: RunSummary, state: RunState) -> bool:
    return state.opened is not None and state.opened.run == run.name


def _row(run: RunSummary, state: RunState, room: int) -> Content:
    """A run in columns, cut to `room` cells; the open run and those compared are marked."""
    best = "-" if run.best_loss is None else f"{run.best_loss:.4f}"
    steps = "cannot be read" if run.problem else f"{count(run.step)} / {count(run.steps)}"
    mark = Content("●" if _is_open(run, state) else "")
    compared = _compared(state)
    if run.name in compared:
        mark = Content.styled("━", COMPARED[compared.index(run.name)])
    words = (run.name, steps, best, run.last_used, run.corpus, run.preset, size(run.size))
    return _columns([mark, *map(Content, words)]).truncate(room)


def _columns(cells: Sequence[Content]) -> Content:
    """One line of cells, each exactly as wide as its column."""
    padded = []
    for cell, (_, width) in zip(cells, COLUMNS, strict=True):
        content = cell.truncate(width - 1, ellipsis=True)
        padded.append(content.pad_right(width - content.cell_length))
    return Content("").join(padded)
