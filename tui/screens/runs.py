"""The saved runs: open one, or delete it."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from data.safe import safe_text
from engine.headless import delete_run, saved_runs
from engine.protocol import RunSummary
from tui.drawing.words import count, size
from tui.screens.question import Question

COLUMNS = (
    ("run", 21),
    ("step", 18),
    ("best", 8),
    ("last used", 18),
    ("text", 18),
    ("preset", 8),
    ("size", 7),
)
"""With their widths in cells; in a narrow window the last ones are cut off."""


class RunsScreen(ModalScreen[str]):
    """Dismissed with the name of the run to open."""

    DEFAULT_CSS = """
    RunsScreen { align: center middle; }
    RunsScreen > Vertical {
      width: 106; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    RunsScreen OptionList { height: auto; max-height: 20; border: none; background: $surface; }
    RunsScreen #runs-headings { height: 1; text-wrap: nowrap; color: $foreground-muted; }
    RunsScreen #runs-problem { height: auto; color: $warning; }
    """

    BINDINGS = [Binding("escape,q", "dismiss", "Close"), Binding("d,delete", "delete", "Delete")]

    def __init__(self, opened: str) -> None:
        """`opened`: the run that is open, which cannot be deleted."""
        super().__init__()
        self._opened = opened
        self._runs: list[RunSummary] = []

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = "saved runs"
            page.border_subtitle = "Enter opens, d deletes, Esc closes"
            headings = tuple(heading for heading, _ in COLUMNS)
            yield Static(Content(_columns(headings)), id="runs-headings")
            yield OptionList(compact=True)
            yield Static("", id="runs-problem")

    def on_mount(self) -> None:
        self._show()

    def _show(self) -> None:
        """Read the list anew."""
        self._runs = saved_runs()
        listed = self.query_one(OptionList)
        listed.clear_options()
        room = min(106, self.app.size.width) - 6
        listed.add_options([Option(_row(run, self._opened, room)) for run in self._runs])
        listed.highlighted = 0 if self._runs else None
        listed.focus()
        if not self._runs:
            self._tell("No run is saved yet: a run is kept from its first step.")

    def _tell(self, sentence: str) -> None:
        self.query_one("#runs-problem", Static).update(Content(safe_text(sentence)))

    @on(OptionList.OptionSelected)
    def open_it(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._runs[event.option_index].name)

    def action_delete(self) -> None:
        """Ask, then delete."""
        chosen = self.query_one(OptionList).highlighted
        if chosen is None:
            return
        run = self._runs[chosen]
        if run.name == self._opened:
            self._tell(f"{run.name} is open here: open another run first.")
            return

        def answered(sure: bool | None) -> None:
            if not sure:
                return
            try:
                delete_run(run.name)
            except (ValueError, OSError) as error:
                self._tell(str(error))
            else:
                self._show()

        question = f"Delete {safe_text(run.name)}, {count(run.step)} steps? It cannot be undone."
        self.app.push_screen(Question(question), answered)


def _row(run: RunSummary, opened: str, room: int) -> Content:
    """A run in columns, as far as there is room; the one that is open is marked."""
    best = "-" if run.best_loss is None else f"{run.best_loss:.4f}"
    steps = f"{count(run.step)} / {count(run.steps)}"
    name = f"{run.name} ●" if run.name == opened else run.name
    cells = (name, steps, best, run.last_used, run.corpus, run.preset, size(run.size))
    return Content(_columns(cells)).truncate(room)


def _columns(cells: tuple[str, ...]) -> str:
    """Cells of a width each, whatever is in them."""
    padded = []
    for cell, (_, width) in zip(cells, COLUMNS, strict=True):
        content = Content(safe_text(cell)).truncate(width - 1, ellipsis=True)
        padded.append(content.pad_right(width - content.cell_length).plain)
    return "".join(padded)
