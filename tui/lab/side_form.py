"""The form for new runs, to set up one side of a race."""

from collections.abc import Callable

from textual.content import Content
from textual.widgets import Static

from engine.config import RunConfig
from engine.protocol import Command
from tui.screens.dialog import Key
from tui.screens.new_run import NewRunScreen
from tui.state import RunState


class SideForm(NewRunScreen):
    """Text and seed are those of all sides: their fields cannot be changed."""

    TITLE_OF_HELP = "a side of a race"
    ABOUT = (
        "The form for new runs, with the settings of the side. What you change here comes into its "
        "line; text and seed are those of all sides."
    )
    KEYS = (
        *NewRunScreen.KEYS[:2],
        Key("Enter", "", "back to the sides, with these settings"),
        Key("Esc", "", "back to the sides, and leave this one as it was"),
    )
    FIXED = ("corpus", "train-seed")
    FIRST = "model-n_layer"
    ACCEPT = "Use"

    def __init__(
        self,
        label: str,
        config: RunConfig,
        state: RunState,
        send: Callable[[Command], None],
        use: Callable[[RunConfig], None],
    ) -> None:
        """`label`: of the side, and `config` its settings. `use` takes what they have become; the
        others are as for `NewRunScreen`."""
        super().__init__(config, state, send)
        self.title_of_form = f"side {label}"
        self.origin = f"as in side {label}"
        self._use = use

    def _show_fate(self) -> None:
        self.query_one("#fate", Static).update(Content("Text and seed are those of all sides."))

    def accept(self, config: RunConfig) -> None:
        """Hand the settings over."""
        self._use(config)
        self.dismiss()
