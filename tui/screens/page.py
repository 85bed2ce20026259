"""A page of text over the screen."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static


class PageScreen(ModalScreen[None]):
    """One page that scrolls; a subclass binds the keys that close it, Esc among them."""

    DEFAULT_CSS = """
    PageScreen { align: center middle; }
    PageScreen > VerticalScroll {
      width: 72; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
      border: round $primary; background: $surface; border-title-color: $primary;
      border-subtitle-color: $foreground-muted; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, title: str, text: Content) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll() as page:
            page.border_title = self._title
            page.border_subtitle = "Esc closes"
            yield Static(self._text)
