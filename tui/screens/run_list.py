"""The list of saved runs on their screen: sorted, filtered, with marks."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.screens.run_columns import (
    COLUMNS,
    LAST_USED,
    ListedRun,
    headings,
    is_open,
    listed_runs,
    rest,
    row,
)
from tui.state import RunState

WIDTH = 119
"""Cells of the page where there is room."""
FRAME = 6
"""Cells of it around a line: border, padding, scrollbar."""


class RunList(Vertical):
    """The headings, and below them the runs, one of them highlighted."""

    DEFAULT_CSS = """
    RunList { height: auto; }
    RunList OptionList { height: auto; border: none; background: $surface; }
    RunList #runs-headings { height: 1; text-wrap: nowrap; color: $foreground-muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[ListedRun] = []
        self._state = RunState()
        self._words = ""
        self._sorted_by = LAST_USED
        self._marked: set[str] = set()  # true names

    def compose(self) -> ComposeResult:
        yield Static("", id="runs-headings")
        yield OptionList(compact=True)

    def focus_list(self) -> None:
        """Give the keys to the list."""
        self.query_one(OptionList).focus()

    def fit(self, lines: int) -> None:
        """Take at most so many lines for the runs."""
        self.query_one(OptionList).styles.max_height = max(1, lines)
        self.show(self._state)

    def show(self, state: RunState, words: str | None = None, instead: str = "") -> None:
        """Show the runs of a state that hold all `words` (None: as before).

        The same run stays highlighted; if it is gone, the one with the true name `instead`, or else
        the same line.
        """
        listed = self.query_one(OptionList)
        line, chosen = listed.highlighted or 0, self.chosen.name if self.chosen else ""
        self._state = state
        self._words = self._words if words is None else words
        self._runs = listed_runs(state, self._sorted_by, self._words)
        names = [run.name for run in self._runs]
        self._marked.intersection_update(names)
        if chosen not in names:
            chosen = instead
        self.query_one("#runs-headings", Static).update(headings(self._sorted_by, self._room))
        listed.clear_options()
        listed.add_options([Option(self._row(run)) for run in self._runs])
        if chosen in names:
            line = names.index(chosen)
        listed.highlighted = min(line, len(self._runs) - 1) if self._runs else None

    def show_progress(self, state: RunState) -> None:
        """Draw the line of the open run again."""
        self._state = state
        for number, run in enumerate(self._runs):
            if is_open(run.shown, state):
                self._redraw(number)

    @property
    def runs(self) -> list[ListedRun]:
        """Those that are shown, in their order."""
        return self._runs

    @property
    def chosen(self) -> ListedRun | None:
        """The highlighted one."""
        highlighted = self.query_one(OptionList).highlighted
        return self._runs[highlighted] if highlighted is not None and self._runs else None

    @property
    def remark(self) -> str:
        """What the line of the highlighted one does not show, or why it cannot be opened."""
        if self.chosen is None:
            return ""
        run = self.chosen.shown
        if run.problem:
            return f"It cannot be opened: {run.problem}."
        return rest(run, self._state.runs or (), self._room)

    @property
    def marked(self) -> list[ListedRun]:
        """Those with a mark."""
        return [run for run in self._runs if run.name in self._marked]

    def mark(self) -> None:
        """Mark the highlighted run, or take the mark from it, and go to the next."""
        listed = self.query_one(OptionList)
        if self.chosen is not None and listed.highlighted is not None:
            self._marked ^= {self.chosen.name}
            self._redraw(listed.highlighted)
            listed.action_cursor_down()

    def clear_marks(self) -> None:
        """Take the marks from all runs."""
        self._marked.clear()

    def sort(self) -> str:
        """Sort by the next column, whose heading is returned."""
        self._sorted_by = (self._sorted_by + 1) % len(COLUMNS)
        self.show(self._state)
        return COLUMNS[self._sorted_by].heading

    @property
    def _room(self) -> int:
        """Cells of a line."""
        return min(WIDTH, self.app.size.width) - FRAME

    def _row(self, run: ListedRun) -> Content:
        return row(run.shown, self._state, run.name in self._marked, self._room)

    def _redraw(self, number: int) -> None:
        listed, line = self.query_one(OptionList), self._row(self._runs[number])
        if listed.get_option_at_index(number).prompt != line:
            listed.replace_option_prompt_at_index(number, line)
