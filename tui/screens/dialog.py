"""What every dialog has: its keys in its last line, and a page that explains them."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.style import Style
from textual.widgets import Static

T = TypeVar("T")

HELP_KEY = "f1"
"""Explains a dialog; a question mark does the same where it is no text."""


class Key(NamedTuple):
    """A key of a dialog."""

    key: str
    """As it is written on it."""
    word: str
    """What it does, for the line of keys; empty: a button says it."""
    meaning: str
    """The same in a sentence, for the help."""
    action: str = ""
    """What a click on the word does, if that is not typing."""


class KeyLine(Static):
    """The keys with their words; a click on a word does what its key does."""

    DEFAULT_CSS = """
    KeyLine {
      height: auto; color: $foreground-muted;
      link-color: $foreground-muted; link-style: none; link-color-hover: $primary;
      link-background-hover: $surface; link-style-hover: none;
    }
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__(Content("  ").join(_named(key) for key in keys))


def _named(key: Key) -> Content:
    click = Style.from_meta({"@click": f"screen.{key.action}"}) if key.action else Style()
    # No line break within a pair: the space is one that does not break.
    return Content.assemble((key.key, "bold $primary"), "\xa0", (key.word, "")).stylize(click)


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


class DialogHelp(ModalScreen[None]):
    """Explains a dialog."""

    DEFAULT_CSS = """
    DialogHelp { align: center middle; }
    DialogHelp > VerticalScroll {
      width: 72; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted; scrollbar-size-vertical: 1;
    }
    """

    BINDINGS = [Binding(f"escape,q,enter,{HELP_KEY},question_mark", "dismiss", "Close")]

    def __init__(self, title: str, about: str, keys: Sequence[Key]) -> None:
        super().__init__()
        self._title = title
        self._about = about
        self._keys = keys

    def compose(self) -> ComposeResult:
        width = max(len(key.key) for key in self._keys)
        lines = [
            Content.assemble((key.key.rjust(width), "bold $primary"), "  ", key.meaning)
            for key in self._keys
        ]
        with VerticalScroll() as page:
            page.border_title = self._title
            page.border_subtitle = "Esc closes"
            yield Static(Content("\n").join([Content(self._about), Content(""), *lines]))
