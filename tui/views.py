"""The views of a run: one of them is shown at a time, chosen by its number."""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from textual.binding import Binding
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from engine.config import SampleConfig
from tui.questions import Questions
from tui.state import RunState

TRAIN = 1
READ = 2
TIME = 3
LAB = 4
VIEW_CLASS = "view"
"""The class of the widgets of all views in the style sheet."""


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


class View(NamedTuple):
    """A view with its number key."""

    number: int
    name: str
    about: str
    make: Callable[[], ViewPage] | None
    """Called when it is first shown; None: it is there from the start."""


def _read() -> ViewPage:
    from tui.read.view import ReadView  # not before it is needed: the first paint is to be fast

    return ReadView()


def _time() -> ViewPage:
    from tui.time.view import TimeView  # for the same reason

    return TimeView()


def _lab() -> ViewPage:
    from tui.lab.view import LabView  # for the same reason

    return LabView()


VIEWS = (
    View(TRAIN, "Train", "Train and write: view 1", None),
    View(READ, "Read", "Read along with the model: view 2", _read),
    View(TIME, "Time", "Look back at earlier moments of the model: view 3", _time),
    View(LAB, "Lab", "Change one thing and see what it does: view 4", _lab),
)
