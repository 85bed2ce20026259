"""A text input that is safe to paste anything into."""

from rich.cells import cell_len, get_character_cell_size
from rich.text import Text
from textual import events
from textual.widgets import Input

from data.safe_text import safe_characters
from tui.line_breaks import on_one_line, with_line_breaks


class SafeInput(Input):
    """Keeps what was typed or pasted as it is, and draws a picture of each character that a
    terminal would obey.

    Textual 8.2.8 draws the value itself and measures its cells in the three methods below.
    """

    @property
    def _value(self) -> Text:
        return Text(safe_characters(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(safe_characters(self.value[:position]))

    def _cell_offset_to_index(self, offset: int) -> int:
        offset += self.scroll_offset.x
        for index, character in enumerate(safe_characters(self.value)):
            offset -= get_character_cell_size(character)
            if offset < 0:
                return index
        return len(self.value)


class LinesInput(SafeInput):
    """Takes a text of several lines: a line break is typed as \\n, a backslash and an n as \\\\n, and
    what is pasted becomes that."""

    @property
    def text(self) -> str:
        """What was typed, with real line breaks."""
        return with_line_breaks(self.value)

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert_text_at_cursor(on_one_line(event.text.rstrip("\r\n")))
