"""The view of a race: the question and what came of it; the curves and the samples of the sides."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from tui.lab.chart import SidesChart
from tui.lab.page import QuestionPane
from tui.lab.written import SidesWritten
from tui.view_page import ViewPage


class LabView(ViewPage):
    """One question, and its sides."""

    DEFAULT_CSS = """
    LabView Pane {
      border: round $border; border-title-color: $foreground-muted; border-title-style: none;
      border-subtitle-color: $foreground-muted; padding: 0 1; background: $background;
    }
    LabView QuestionPane:focus { border: round $primary; border-title-color: $primary; }
    #lab-body { height: 1fr; }
    #lab-body QuestionPane { width: 54; height: 1fr; }
    #lab-right { width: 1fr; height: 1fr; }
    #lab-right > Pane { width: 1fr; height: 1fr; }
    """

    KEYS = (
        Binding("enter", "app.ask_question", "questions", tooltip="Ask a ready question…"),
        Binding("e", "app.own_sides", "own", tooltip="Race versions of your own…"),
    )
    BINDINGS = [*KEYS]

    def compose(self) -> ComposeResult:
        with Horizontal(id="lab-body"):
            yield QuestionPane().data_bind(LabView.state)
            with Vertical(id="lab-right"):
                yield SidesChart().data_bind(LabView.state)
                yield SidesWritten().data_bind(LabView.state)

    def first_focus(self) -> Widget:
        return self.query_one(QuestionPane)
