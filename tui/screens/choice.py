"""A form field that takes one of a few words, all of them in sight."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """The words in a row, the chosen one in brackets: arrow keys, space or a click choose."""

    DEFAULT_CSS = """
    Choice { width: 1fr; height: 1; }
    Choice:focus { background: $panel; }
    """

    BINDINGS = [
        Binding("right,space", "move(1)", "Next", show=False),
        Binding("left", "move(-1)", "Previous", show=False),
    ]

    value: reactive[str] = reactive("", init=False)

    class Changed(Message):
        """Another word is chosen."""

        def __init__(self, choice: "Choice") -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> "Choice":
            """The widget that sent it."""
            return self.choice

    def __init__(self, words: Sequence[str], value: str, *, id: str) -> None:
        """`words`: safe text."""
        super().__init__(id=id)
        self._words = tuple(words)
        self.set_reactive(Choice.value, value)

    def render(self) -> Content:
        return Content("").join(
            Content.styled(f"[{word}]", "bold $primary")
            if word == self.value
            else Content.styled(f" {word} ", "$foreground-muted")
            for word in self._words
        )

    def watch_value(self) -> None:
        self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        """Choose the word under the mouse."""
        end = 0
        for word in self._words:
            end += cell_len(word) + 2
            if event.x < end:
                self.value = word
                return

    def action_move(self, step: int) -> None:
        """Choose the next word, or the one before; after the last comes the first."""
        place = self._words.index(self.value) if self.value in self._words else -step
        self.value = self._words[(place + step) % len(self._words)]
