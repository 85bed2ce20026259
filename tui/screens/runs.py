"""The saved runs: open one, compare some, rename, annotate or delete one."""

from collections.abc import Callable
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
from engine.protocol import AnnotateRun, Command, Compare, DeleteRun, RenameRun, RunSummary
from engine.storage.library import summaries as saved_runs
from tui.drawing.chart import COMPARED, MOST_COMPARED
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


class _Asked(NamedTuple):
    """A line that a person was asked for."""

    run: str
    question: str  # safe text
    value: str  # as it was
    command: Callable[[str], Command]  # that the answer makes
    answer: str = ""


class RunsScreen(ModalScreen[str]):
    """Dismissed with the name of the run to open."""

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

    def __init__(self, send: Callable[[Command], None]) -> None:
        """`send`: to the engine."""
        super().__init__()
        self._send = send
        self._runs: list[RunSummary] = []
        self._seen = self.state
        self._asked: _Asked | None = None

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
        self._seen = self.state
        self._list()
        self.query_one(OptionList).focus()

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted:
            return
        before, self._seen = self._seen, state
        if state.failure is not None and state.failure is not before.failure:
            self._tell(state.failure.message)
            if state.failure.during == "runs" and self._asked is not None:
                self._ask(self._asked, state.failure.message)
        if _listed(state) != _listed(before):
            self._tell("")
            self._list()
            self._asked = None

    def _list(self) -> None:
        """Read the list anew; the same run stays chosen, or where it is gone the same line."""
        listed = self.query_one(OptionList)
        line, chosen = listed.highlighted or 0, self._chosen.name if self._chosen else ""
        self._runs = saved_runs()
        names = [run.name for run in self._runs]
        if chosen not in names and self._asked is not None:
            chosen = self._asked.answer  # it has just been renamed
        listed.clear_options()
        room = min(WIDTH, self.app.size.width) - 6
        listed.add_options([Option(_row(run, self.state, room)) for run in self._runs])
        if chosen in names:
            line = names.index(chosen)
        listed.highlighted = min(line, len(self._runs) - 1) if self._runs else None
        if not self._runs:
            self._tell("No run is saved yet: a run is kept from its first step.")

    def _tell(self, sentence: str) -> None:
        self.query_one("#runs-problem", Static).update(Content(safe_text(sentence)))

    @property
    def _chosen(self) -> RunSummary | None:
        highlighted = self.query_one(OptionList).highlighted
        return self._runs[highlighted] if highlighted is not None and self._runs else None

    @on(OptionList.OptionHighlighted)
    def show_note(self) -> None:
        """The note of the run that is chosen, or why it cannot be read."""
        run = self._chosen
        note = ""
        if run is not None:
            note = f"It cannot be opened: {run.problem}." if run.problem else run.note
        self.query_one("#runs-note", Static).update(Content(safe_text(note)))

    @on(OptionList.OptionSelected)
    def open_it(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._runs[event.option_index].name)

    def action_open_best(self) -> None:
        """Open it as it was in its best exam."""
        if self._chosen is not None:
            self.dismiss(f"{self._chosen.name}@best")

    def action_compare(self) -> None:
        """Draw its held-out losses into the chart, or no longer."""
        if self._chosen is None:
            return
        compared = [other.run for other in self.state.compared]
        names = [run.name for run in self._runs if safe_text(run.name) in compared]
        names.sort(key=lambda name: compared.index(safe_text(name)))
        if self._chosen.name in names:
            names.remove(self._chosen.name)
        elif len(names) < MOST_COMPARED:
            names.append(self._chosen.name)
        else:
            self._tell(f"{MOST_COMPARED} runs are compared already: c on one of them takes it out.")
            return
        self._order(Compare(tuple(names)))

    def action_rename(self) -> None:
        """Ask for another name."""
        if self._chosen is not None:
            run = self._chosen.name
            question = f"A name for {safe_text(run)}:"
            self._ask(_Asked(run, question, run, lambda name: RenameRun(run, name)))

    def action_annotate(self) -> None:
        """Ask for a note."""
        if self._chosen is not None:
            run, note = self._chosen.name, self._chosen.note
            question = f"A note on {safe_text(run)}:"
            self._ask(_Asked(run, question, note, lambda text: AnnotateRun(run, text)))

    def _ask(self, asked: "_Asked", problem: str = "") -> None:
        """`problem`: safe text, why the last answer would not do."""

        def answered(text: str | None) -> None:
            if text is not None and text != asked.value:
                self._order(asked.command(text), asked._replace(answer=text))

        question = f"{problem}\n{asked.question}" if problem else asked.question
        self.app.push_screen(InputDialog(question, asked.answer or asked.value), answered)

    def _order(self, command: Command, asked: "_Asked | None" = None) -> None:
        self._asked = asked
        self._send(command)

    def action_delete(self) -> None:
        """Ask, then delete."""
        run = self._chosen
        if run is None:
            return
        if _is_open(run, self.state):
            self._tell(f"{run.name} is open here: open another run first.")
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._order(DeleteRun(run.name))

        question = f"Delete {safe_text(run.name)}, {count(run.step)} steps? It cannot be undone."
        self.app.push_screen(ConfirmDialog(question), answered)


def _listed(state: RunState) -> object:
    """What of the state the list depends on."""
    return (state.opened, state.compared, state.runs_changed)


def _is_open(run: RunSummary, state: RunState) -> bool:
    return state.opened is not None and state.opened.run == safe_text(run.name)


def _row(run: RunSummary, state: RunState, room: int) -> Content:
    """A run in columns, as far as there is room; what is open or compared is marked."""
    best = "-" if run.best_loss is None else f"{run.best_loss:.4f}"
    steps = "cannot be read" if run.problem else f"{count(run.step)} / {count(run.steps)}"
    mark = Content("●" if _is_open(run, state) else "")
    name = safe_text(run.name)
    compared = [other.run for other in state.compared]
    if name in compared:
        mark = Content.styled("━", COMPARED[compared.index(name)])
    words = (name, steps, best, run.last_used, run.corpus, run.preset, size(run.size))
    return _columns([mark, *(Content(safe_text(word)) for word in words)]).truncate(room)


def _columns(cells: list[Content]) -> Content:
    """Cells of a width each, whatever is in them."""
    padded = []
    for cell, (_, width) in zip(cells, COLUMNS, strict=True):
        content = cell.truncate(width - 1, ellipsis=True)
        padded.append(content.pad_right(width - content.cell_length))
    return Content("").join(padded)
