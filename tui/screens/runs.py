"""The saved runs: open one, compare some, rename or annotate one, delete one or several."""

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from data.safe_text import safe_text
from engine.protocol import Command, Compare, DeleteRun, ListRuns
from tui.compared import MOST_COMPARED
from tui.safe_input import SafeInput
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.dialog import Key, StateDialog
from tui.screens.run_columns import ListedRun, deletion_question, is_open
from tui.screens.run_editor import RunEditor
from tui.screens.run_list import RunList
from tui.state import RunState

FRAME_LINES = 10
"""Lines of the page other than the runs: border, filter, headings, note, a message of three, keys in two."""
REFRESH = 0.5
"""Seconds between two looks at how far the open run has come."""
LISTING = "Listing the saved runs …"
NO_RUNS = "No run is saved yet: a run is saved from its first step on."


class RunsScreen(StateDialog[str]):
    """Dismissed with the name of the run to open.

    The engine lists the runs: until it has answered, the list from before is shown, if there is
    one.
    """

    DEFAULT_CSS = """
    RunsScreen { align: center middle; }
    RunsScreen > Vertical {
      width: 119; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    RunsScreen #runs-filter { display: none; background: $panel; }
    RunsScreen.filtering #runs-filter { display: block; }
    RunsScreen #runs-note { height: 1; text-wrap: nowrap; text-overflow: ellipsis; color: $accent; }
    RunsScreen #runs-problem { height: auto; max-height: 3; color: $warning; }
    """

    BINDINGS = [
        Binding("escape", "back", "Close"),
        Binding("q", "dismiss", "Close"),
        Binding("space", "mark", "Mark"),
        Binding("b", "open_best", "Open its best"),
        Binding("c", "compare", "Compare"),
        Binding("r", "rename", "Rename"),
        Binding("n", "annotate", "Note"),
        Binding("e", "export", "Export"),
        Binding("d,delete", "delete", "Delete"),
        Binding("s", "sort", "Sort"),
        Binding("slash", "filter", "Filter"),
    ]

    TITLE_OF_HELP = "saved runs"
    ABOUT = (
        "Every run that was trained for a step is kept until it is deleted. ● is the open one: its "
        "line moves as it trains. ○ △ □ are in the chart. Best is the lowest held-out "
        "loss, in nats per token; runs whose tokens differ compare in bits per byte. The run that is "
        "open is saved before another is opened."
    )
    KEYS = (
        Key("Enter", "open", "open the run as it was last saved", "open"),
        Key("b", "best", "open it as it was at its lowest held-out loss", "open_best"),
        Key("space", "mark", "mark it, to delete several at once", "mark"),
        Key("d", "delete", "delete the marked runs, or this one, after a confirmation", "delete"),
        Key("c", "compare", "draw its held-out loss into the chart, or take it out", "compare"),
        Key("r", "name", "give it another name", "rename"),
        Key("n", "note", "write a line about it", "annotate"),
        Key("e", "export", "pack it into one file, or export it for other programs", "export"),
        Key("s", "sort", "sort by the next column", "sort"),
        Key("/", "find", "show only the runs whose name, text or note has some words", "filter"),
        Key("Esc", "close", "show all runs again after a filter, then close", "back"),
    )

    def __init__(
        self,
        state: RunState,
        send: Callable[[Command], None],
        export: Callable[[str, str], None],
    ) -> None:
        """`state`: as it is now; later ones come by data binding. `send`: to the engine. `export`
        asks how to export a run, by its true name and the one that is shown."""
        super().__init__(state)
        self._send = send
        self._export = export
        self._list = RunList()
        self._seen = state
        self._editor = RunEditor(self, send)
        self._listing = False  # asked for, and not answered yet
        self._renamed = ""  # the true name of the run to highlight in the next list

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = "saved runs"
            yield SafeInput(id="runs-filter", compact=True, placeholder="words to look for")
            yield self._list
            yield Static("", id="runs-note")
            yield Static("", id="runs-problem")
            yield self.key_line()

    def on_mount(self) -> None:
        self._show_runs()
        self._ask_for_the_runs()
        self._list.focus_list()
        self.set_interval(REFRESH, lambda: self._list.show_progress(self.state))

    def on_resize(self, event: events.Resize) -> None:
        """Show as many runs and columns as fit."""
        self._list.fit(event.size.height - FRAME_LINES)

    def watch_state(self, state: RunState) -> None:
        if not self.is_mounted:
            return
        before, self._seen = self._seen, state
        if state.failure is not None and state.failure is not before.failure:
            self._listing = False
            self._say(state.failure.message)
            if state.failure.during == "runs":
                self._editor.refused(state.failure.message)
        if state.runs is not before.runs:
            self._listing = False
            self._show_runs()
            self._renamed = ""
        elif (state.opened, state.compared) != (before.opened, before.compared):
            self._show_runs()
        if state.runs_changed != before.runs_changed:
            self._renamed = self._editor.accepted() or self._renamed
            self._ask_for_the_runs()
        elif state.saved is not None and state.saved is not before.saved:
            self._ask_for_the_runs(quietly=True)

    # The list.

    def _ask_for_the_runs(self, *, quietly: bool = False) -> None:
        """Ask the engine for the runs, unless it has not answered yet. `quietly`: unasked by the
        user, so that it is not said."""
        if not self._listing:
            self._listing = not quietly
            self._say_how_it_stands()
            self._send(ListRuns())

    def _show_runs(self) -> None:
        """Show the runs of the state that pass the filter."""
        words = self.query_one("#runs-filter", Input).value
        self._list.show(self.state, words, self._renamed)
        self._say_how_it_stands()

    def _say_how_it_stands(self) -> None:
        words, marked = self.query_one("#runs-filter", Input).value, len(self._list.marked)
        if self._listing:
            self._say(LISTING)
        elif marked:
            self._say(f"{marked} marked: d deletes {'it' if marked == 1 else 'them'}.")
        elif self._list.runs:
            self._say("")
        else:
            self._say(f"No saved run has '{words}' in name, text or note." if words else NO_RUNS)

    def _say(self, message: str) -> None:
        self.query_one("#runs-problem", Static).update(Content(safe_text(message)))

    @on(OptionList.OptionHighlighted)
    def show_note(self) -> None:
        """Show what the line of the highlighted run does not."""
        self.query_one("#runs-note", Static).update(Content(self._list.remark))

    # What can be done with a run.

    @on(OptionList.OptionSelected)
    def action_open(self) -> None:
        """Open it as it was saved last."""
        if self._list.chosen is not None:
            self.dismiss(self._list.chosen.name)

    def action_open_best(self) -> None:
        """Open it as it was at its best evaluation."""
        if self._list.chosen is not None:
            self.dismiss(f"{self._list.chosen.name}@best")

    def action_compare(self) -> None:
        """Draw its validation losses into the chart, or take them out again."""
        if self._list.chosen is None:
            return
        compared = [curve.run for curve in self.state.compared]
        runs = [run for run in self._list.runs if run.shown.name in compared]
        runs.sort(key=lambda run: compared.index(run.shown.name))
        names = [run.name for run in runs]
        if self._list.chosen.name in names:
            names.remove(self._list.chosen.name)
        elif len(names) < MOST_COMPARED:
            names.append(self._list.chosen.name)
        else:
            self._say(f"{MOST_COMPARED} runs are compared already: c on one of them removes it.")
            return
        self._send(Compare(tuple(names)))

    def action_rename(self) -> None:
        """Ask for another name."""
        if self._list.chosen is not None:
            self._editor.rename(self._list.chosen)

    def action_annotate(self) -> None:
        """Ask for a note."""
        if self._list.chosen is not None:
            self._editor.annotate(self._list.chosen)

    def action_export(self) -> None:
        """Ask in which form to take it elsewhere."""
        if self._list.chosen is not None:
            self._export(self._list.chosen.name, self._list.chosen.shown.name)

    def action_mark(self) -> None:
        """Mark the run, or take the mark from it, and go to the next."""
        if self._list.chosen is None or self._is_kept(self._list.chosen):
            return
        self._list.mark()
        self._say_how_it_stands()

    def action_delete(self) -> None:
        """Ask, then delete the marked runs, or else the highlighted one."""
        runs = self._list.marked
        if not runs and self._list.chosen is not None and not self._is_kept(self._list.chosen):
            runs = [self._list.chosen]
        if not runs:
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self._list.clear_marks()
                for run in runs:
                    self._send(DeleteRun(run.name))

        self.app.push_screen(ConfirmDialog(deletion_question(runs)), answered)

    def _is_kept(self, run: ListedRun) -> bool:
        """Whether it cannot be deleted since it is open here, which is said."""
        if is_open(run.shown, self.state):
            self._say(f"{run.shown.name} is open here: open another run first.")
            return True
        return False

    # Order and filter.

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._say(f"Sorted by {self._list.sort()}.")

    def action_filter(self) -> None:
        """Ask for words that a run must have."""
        self.add_class("filtering")
        self.query_one("#runs-filter", Input).focus()

    @on(Input.Changed, "#runs-filter")
    def _on_filter_changed(self) -> None:
        self._show_runs()

    @on(Input.Submitted, "#runs-filter")
    def _on_filter_submitted(self) -> None:
        self._list.focus_list()

    def action_back(self) -> None:
        """Show all runs again, or close."""
        if not self.has_class("filtering"):
            self.dismiss()
            return
        self.remove_class("filtering")
        self.query_one("#runs-filter", Input).value = ""
        self._list.focus_list()
