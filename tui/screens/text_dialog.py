"""Asks for a text of several lines, in one line."""

from textual.widgets import Input

from tui.safe_input import LinesInput
from tui.screens.input_dialog import InputDialog


class TextDialog(InputDialog):
    """Dismissed with the text that was typed or pasted, or with None."""

    INPUT = LinesInput

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.prevent_default()  # a text is kept as it is, blanks and all
        self.dismiss(self.query_one(LinesInput).text)
