"""What every dialog has: its keys in its last line, and a page that explains them."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, TypeVar

from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.encoding import named
from tui.screens.page import PageScreen
from tui.state import RunState

T = TypeVar("T")

HELP_KEY = "f1"
"""Explains a dialog; a question mark does the same where it is no text."""

GAP = "  "
"""Between two keys in a line."""


class Key(NamedTuple):
    """A key of a dialog."""

    key: str
    """As it is written on it."""
    word: str
    """What it does, for the line of keys; empty: a button says it."""
    meaning: str
    """A longer description, for the help."""
    action: str = ""
    """What a click on the word does, if that is not typing."""


class KeyLine(Widget):
    """The keys with their words, in as many lines as they need; a click on one does what its key
    does."""

    DEFAULT_CSS = "KeyLine { height: auto; color: $foreground-muted; }"

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys

    def render(self) -> Content:
        return Content("\n").join(
            Content(GAP).join(map(_named, line)) for line in self._lines(self.size.width)
        )

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def _lines(self, width: int) -> list[list[Key]]:
        """The keys in lines of at most `width` cells."""
        lines: list[list[Key]] = [[]]
        for key in self._keys:
            if lines[-1] and _width([*lines[-1], key]) > width:
                lines.append([])
            lines[-1].append(key)
        return lines

    async def on_click(self, event: events.Click) -> None:
        """Do what the key under the mouse does."""
        lines = self._lines(self.size.width)
        for number, key in enumerate(lines[event.y] if event.y < len(lines) else ()):
            end = _width(lines[event.y][: number + 1])
            if end - _width([key]) <= event.x < end and key.action:
                await self.screen.run_action(key.action)


def _named(key: Key) -> Content:
    return Content.assemble((named(key.key), "bold $primary"), " ", key.word)


def _width(keys: Sequence[Key]) -> int:
    return Content(GAP).join(map(_named, keys)).cell_length


class Dialog(ModalScreen[T]):
    """A modal screen that composes `key_line()` last."""

    TITLE_OF_HELP: ClassVar[str] = ""
    ABOUT: ClassVar[str] = ""
    """A paragraph on what the dialog is for."""
    KEYS: ClassVar[tuple[Key, ...]] = ()

    BINDINGS = [Binding(f"{HELP_KEY},question_mark", "explain", "Help", show=False)]

    def key_line(self) -> KeyLine:
        """The last line of the dialog."""
        shown = [key for key in self.KEYS if key.word]
        return KeyLine((*shown, Key("F1", "help", "this page", "explain")))

    def action_explain(self) -> None:
        """Show what the dialog is for, and its keys."""
        self.app.push_screen(DialogHelp(self.TITLE_OF_HELP, self.ABOUT, self.KEYS))


class StateDialog(Dialog[T]):
    """A dialog that shows the state of the run as it changes: bind `state` to that of the app."""

    state: reactive[RunState] = reactive(RunState(), repaint=False, layout=False)

    def __init__(self, state: RunState) -> None:
        """`state`: as it is now; later ones come by data binding."""
        super().__init__()
        self.set_reactive(StateDialog.state, state)


class DialogHelp(PageScreen):
    """Explains a dialog."""

    BINDINGS = [Binding(f"escape,q,enter,{HELP_KEY},question_mark", "dismiss", "Close")]

    def __init__(self, title: str, about: str, keys: Sequence[Key]) -> None:
        width = max(len(key.key) for key in keys)
        lines = [
            Content.assemble((key.key.rjust(width), "bold $primary"), "  ", key.meaning)
            for key in keys
        ]
        super().__init__(title, Content("\n").join([Content(about), Content(""), *lines]))
