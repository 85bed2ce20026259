"""The base of the views that are made when they are first shown."""

from typing import ClassVar

from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from engine.config import SampleConfig
from tui.questions import Questions
from tui.state import RunState
from tui.views import VIEW_CLASS


class ViewPage(Container):
    """The widget of a view. The app hands it the state only while it is shown."""

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)
    config: reactive[SampleConfig] = reactive(SampleConfig(), repaint=False, layout=False)

    DEFAULT_CLASSES = VIEW_CLASS

    class PanesChanged(Message):
        """Other panes of the view are shown now."""

    KEYS: ClassVar[tuple[Binding, ...]] = ()
    """Its bindings, for the command palette too."""

    def questions(self, state: RunState, config: SampleConfig) -> Questions:
        """What has to be asked about the inside of the model to draw what is shown. `config`: the
        settings of sampling."""
        return {}

    def first_focus(self) -> Widget | None:
        """The widget that has the focus when the view is shown."""
        return None

    def when_left(self) -> None:
        """Called when another view is about to be shown. (`Hide` does not come where a view is left
        and shown again between two layouts.)"""
