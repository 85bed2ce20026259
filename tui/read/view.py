"""The view that reads a passage along with the model: the passage, and panes on one character."""

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widget import Widget

from engine.config import SampleConfig
from engine.protocol import InsightCommand
from tui.questions import Questions
from tui.read.next_character import NextPane
from tui.read.pane import ReadPane
from tui.read.panels import PANELS
from tui.read.passage import PassagePane
from tui.state import RunState
from tui.view_page import ViewPage

COLUMNS = 3
"""The number of panels side by side in a large window."""
FULL_WIDTH = 110
"""Cells from which on there is room for them."""


class ReadView(ViewPage):
    """A passage, and panes on one character of it."""

    DEFAULT_CSS = """
    ReadView { layout: vertical; }
    ReadView ReadPane {
      border: round $border; border-title-color: $foreground-muted; border-title-style: none;
      border-subtitle-color: $foreground-muted; padding: 0 1; background: $background;
    }
    ReadView PassagePane:focus { border: round $primary; border-title-color: $primary; }
    #read-upper { height: 3fr; min-height: 13; }
    #read-lower { height: 2fr; }
    PassagePane { width: 1fr; height: 1fr; }
    NextPane { width: 40; height: 1fr; }
    #read-lower ReadPane { width: 1fr; height: 1fr; }
    ReadView.narrow NextPane { width: 38; }
    """

    KEYS = (
        Binding("h", "app.another_passage(1)", "further", tooltip="Read the next passage"),
        Binding("H", "app.another_passage(-1)", "Read the passage before", show=False),
        Binding("i", "app.own_text", "own text", tooltip="Read a text of your own…"),
        Binding("y", "app.written_text", "written", tooltip="Read the text that was written last"),
        Binding("full_stop", "app.mark(1)", "choose", tooltip="Choose another next character"),
        Binding("comma", "app.mark(-1)", "Choose the one before as next character", show=False),
        Binding("enter", "app.write_on", "write on", tooltip="Write on with that character"),
        Binding("u", "app.walk_back", "Back to where you have chosen a character", show=False),
        Binding("v", "next_panels", "panel", tooltip="Show the next panels"),
        Binding("k", "app.next_head(1)", "head", tooltip="Look at the next head"),
        Binding("K", "app.next_head(-1)", "Look at the head before", show=False),
        Binding("d", "app.switch_head", "off", tooltip="Switch this head off, or on again"),
        Binding("D", "app.switch('attention')", "Switch the attention of this block", show=False),
        Binding("m", "app.switch('mlp')", "Switch the MLP of this block", show=False),
    )
    BINDINGS = [*KEYS]

    _first = 0
    """The first panel that is shown."""

    def compose(self) -> ComposeResult:
        with Horizontal(id="read-upper"):
            yield PassagePane().data_bind(ReadView.state, ReadView.config)
            yield NextPane().data_bind(ReadView.state, ReadView.config)
        with Horizontal(id="read-lower"):
            for panel in PANELS:
                yield panel().data_bind(ReadView.state, ReadView.config)

    def questions(self, state: RunState, config: SampleConfig) -> Questions:
        panes: list[type[ReadPane]] = [PassagePane, NextPane, *self._shown]
        asked: dict[str, InsightCommand] = {}
        for pane in panes:
            asked |= pane.questions(state, config)
        return asked

    def first_focus(self) -> Widget:
        return self.query_one(PassagePane)

    def on_resize(self, _event: events.Resize) -> None:
        self._show_panels()

    def action_next_panels(self) -> None:
        """Show the next panels in the place of these."""
        self._first = (self._first + self._columns) % len(PANELS)
        self._show_panels()

    @property
    def _columns(self) -> int:
        return COLUMNS if self.size.width >= FULL_WIDTH else 1

    @property
    def _shown(self) -> list[type[ReadPane]]:
        """The panels that are shown."""
        return [PANELS[(self._first + place) % len(PANELS)] for place in range(self._columns)]

    def _show_panels(self) -> None:
        self.set_class(self._columns == 1, "narrow")
        for panel in PANELS:
            self.query_one(panel).display = panel in self._shown
        self.post_message(self.PanesChanged())
