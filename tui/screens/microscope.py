"""The step microscope: one update, page by page."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive

from engine.protocol import StepInspected
from tui.drawing.words import count
from tui.panes.pane import Pane
from tui.screens.dialog import Key, StateDialog
from tui.screens.microscope_pages import PAGES
from tui.state import RunState


class MicroscopeScreen(StateDialog[None]):
    """The pages of the step that the run takes next."""

    DEFAULT_CSS = """
    MicroscopeScreen { align: center middle; }
    MicroscopeScreen > Vertical {
      width: 108; max-width: 100%; height: 32; max-height: 100%; padding: 0 1;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted;
    }
    StepPane { height: 1fr; background: $surface; }
    """

    BINDINGS = [
        Binding("right,space,enter", "turn(1)", "Next page"),
        Binding("left", "turn(-1)", "Page before"),
        Binding("up", "move(-1, 0)", "Row above"),
        Binding("down", "move(1, 0)", "Row below"),
        Binding("comma", "move(0, -1)", "The one before"),
        Binding("full_stop", "move(0, 1)", "The next one"),
        Binding("escape,q,m", "dismiss(None)", "Close"),
    ]

    TITLE_OF_HELP = "the step microscope"
    ABOUT = (
        "One update of the model, looked at closely: the very step that the run takes next, taken on "
        "a copy of it. The run itself stays as it is, bit for bit, and waits; afterwards it goes on "
        "as if nothing had been looked at."
    )
    KEYS = (
        Key("→", "next page", "the next page; so do space and Enter", "turn(1)"),
        Key("←", "back", "the page before", "turn(-1)"),
        Key("↓", "row", "another row of the batch; ↑ the one above", "move(1, 0)"),
        Key(".", "place", "the next place of the row; , the one before", "move(0, 1)"),
        Key("Esc", "leave", "leave, and train on if it was training", "dismiss(None)"),
    )

    def __init__(self, state: RunState, look: Callable[[int, int], None]) -> None:
        """`state`: as it is now; later ones come by data binding. `look` asks for another place: a
        row of the batch, and a target in it."""
        super().__init__(state)
        self._look = look

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_title = "the step microscope"
            yield StepPane().data_bind(MicroscopeScreen.state)
            yield self.key_line()

    def action_turn(self, by: int) -> None:
        """Show another page."""
        pane = self.query_one(StepPane)
        pane.page = max(0, min(pane.page + by, len(PAGES) - 1))

    def action_move(self, rows: int, places: int) -> None:
        """Look at another row, or at another place of it."""
        step = self.state.insight.trial.step
        if step is not None:
            row = (step.row + rows) % len(step.rows)
            place = (step.place - 1 + places) % step.context_length
            self._look(row, place)


class StepPane(Pane):
    """One page."""

    INTERVAL = 0.0

    page: reactive[int] = reactive(0, repaint=False)

    def part(self, state: RunState) -> object:
        return state.insight.trial

    def draw(self, state: RunState, width: int, height: int) -> list[Content]:
        trial = state.insight.trial
        if trial.failure:
            return Content.styled(trial.failure, "$error").wrap(width)
        if trial.step is None:
            return [Content("taking the next step on a copy of the run …")]
        head = _head(trial.step, self.page, width)
        return [head, Content(""), *PAGES[self.page].draw(trial.step, width, height - 2)]

    def watch_page(self) -> None:
        self._redraw()


def _head(step: StepInspected, page: int, width: int) -> Content:
    """Which page it is, of which step."""
    title = f"{page + 1}/{len(PAGES)}  {PAGES[page].title}"
    where = f"step {count(step.step)}"
    gap = max(1, width - len(title) - len(where))
    return Content.assemble((title, "bold $primary"), " " * gap, (where, "$foreground-muted"))
