"""A text input that is safe to paste anything into."""

from textual.widgets import Input

from data.safe_text import safe_text


class SafeInput(Input):
    """Replaces characters that a terminal would obey by pictures, one for one."""

    def validate_value(self, value: str) -> str:
        return safe_text(value)
