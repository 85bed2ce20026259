"""Asks for a line of text."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from tui.safe_input import SafeInput
from tui.screens.dialog import Dialog, Key

FRAME_LINES = 6
"""Lines of the dialog other than the question: border, answer with margins, keys."""


class InputDialog(Dialog[str | None]):
    """Dismissed with what was typed, or with None."""

    DEFAULT_CSS = """
    InputDialog { align: center middle; }
    InputDialog > Vertical {
      width: 64; max-width: 90%; height: auto; padding: 0 2;
      border: round $primary; background: $surface;
    }
    InputDialog Input { width: 1fr; margin: 1 0; background: $panel; }
    """

    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]

    TITLE_OF_HELP = "a line of text"
    ABOUT = "What is typed takes effect once Enter is pressed."
    KEYS = (
        Key("Enter", "OK", "accept what was typed"),
        Key("Esc", "cancel", "leave everything as it is", "dismiss(None)"),
    )

    INPUT: ClassVar[type[SafeInput]] = SafeInput

    def __init__(self, question: str, value: str) -> None:
        """`question`: safe text, not markup. `value`: the initial text."""
        super().__init__()
        self._question = question
        self._value = value

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(self._question), id="question")
            yield self.INPUT(self._value, compact=True)
            yield self.key_line()

    def on_resize(self, event: events.Resize) -> None:
        """However long the question is, the answer stays in sight."""
        self.query_one("#question").styles.max_height = max(1, event.size.height - FRAME_LINES)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())
