"""A line to type into that never hands a terminal what was typed or pasted raw."""

from textual.widgets import Input

from data.safe_text import safe_text


class SafeInput(Input):
    """What a terminal would obey is shown as a picture, one for one, never sent to it."""

    def validate_value(self, value: str) -> str:
        return safe_text(value)
