"""A yes-or-no question."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from tui.screens.dialog import Dialog, Key


class ConfirmDialog(Dialog[bool]):
    """Dismissed with the answer."""

    DEFAULT_CSS = """
    ConfirmDialog { align: center middle; }
    ConfirmDialog > Vertical {
      width: 64; max-width: 90%; height: auto; padding: 1 2;
      border: round $warning; background: $surface;
    }
    ConfirmDialog KeyLine { width: 1fr; }
    ConfirmDialog Horizontal { height: auto; margin-top: 1; align-horizontal: right; }
    ConfirmDialog Button { margin-left: 2; }
    """

    BINDINGS = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    TITLE_OF_HELP = "a question"
    ABOUT = "Nothing has happened yet: only a yes does what the question asks."
    KEYS = (
        Key("y", "", "do it"),
        Key("n", "", "leave everything as it is; Esc does the same"),
    )

    def __init__(self, question: str) -> None:
        """`question`: safe text, not markup."""
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(self._question))
            with Horizontal():
                yield self.key_line()
                yield Button("No (n)", id="no", compact=True)
                yield Button("Yes (y)", id="yes", variant="warning", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)
