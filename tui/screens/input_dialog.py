"""Asks for a line of text."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.safe_input import SafeInput


class InputDialog(ModalScreen[str | None]):
    """Dismissed with what was typed, or with None."""

    DEFAULT_CSS = """
    InputDialog { align: center middle; }
    InputDialog > Vertical {
      width: 64; max-width: 90%; height: auto; padding: 1 2;
      border: round $primary; background: $surface; border-subtitle-color: $foreground-muted;
    }
    InputDialog Input { width: 1fr; margin-top: 1; background: $panel; }
    """

    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, question: str, value: str) -> None:
        """`question`: safe text, not markup. `value`: the initial text."""
        super().__init__()
        self._question = question
        self._value = value

    def compose(self) -> ComposeResult:
        with Vertical() as page:
            page.border_subtitle = "Enter keeps it, Esc leaves it as it was"
            yield Static(Content(self._question))
            yield SafeInput(self._value, compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())
