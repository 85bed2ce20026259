"""How far a download is."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from data.safe_text import safe_text
from engine.protocol import Downloading
from tui.download_words import amount, fraction
from tui.drawing.words import bar
from tui.screens.dialog import Dialog, Key

BAR_WIDTH = 50
LINES = ("text", "from", "bar", "amount", "note")


class DownloadScreen(Dialog[None]):
    """A bar that fills. It stays until the download has ended."""

    DEFAULT_CSS = """
    DownloadScreen { align: center middle; }
    DownloadScreen > Vertical {
      width: 70; max-width: 95%; height: auto; padding: 1 2;
      border: round $primary; background: $surface; border-title-color: $primary;
    }
    DownloadScreen #bar { color: $primary; background: $panel; width: 50; height: 1; }
    DownloadScreen #note { color: $warning; }
    DownloadScreen KeyLine { width: 1fr; margin-top: 1; }
    """

    BINDINGS = [Binding("escape", "cancel", "Cancel")]

    TITLE_OF_HELP = "a download"
    ABOUT = (
        "The text is fetched in the background: a run that is open trains on. What has come is kept "
        "in the home folder; if it is cut or cancelled, the next download goes on from there, if the "
        "server allows that. Nothing in it is run: it is read as text."
    )
    KEYS = (Key("Esc", "cancel", "cancel the download", "cancel"),)

    def __init__(self, event: Downloading, cancel: Callable[[], None]) -> None:
        """`event`: how far it is now. `cancel`: what cancels it."""
        super().__init__()
        self._event = event
        self._cancel = cancel
        self._ended = False
        self._lines = {name: Static("", id=name) for name in LINES}

    def compose(self) -> ComposeResult:
        with Vertical() as frame:
            frame.border_title = "downloading"
            yield from self._lines.values()
            yield self.key_line()

    def on_mount(self) -> None:
        self._draw()

    def show(self, event: Downloading) -> None:
        """Show how far it is."""
        self._event = event
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        event = self._event
        texts = {
            "text": event.text,
            "from": f"from {event.url}" if event.url not in ("", event.text) else "",
            "bar": bar(fraction(event), BAR_WIDTH),
            "amount": amount(event) if event.url else "connecting …",
            "note": event.note,
        }
        for name, words in texts.items():
            line = self._lines[name]
            line.update(Content(safe_text(words)))
            line.display = bool(words) or name == "bar"

    def end(self) -> None:
        """Close, as soon as no other screen is above this one."""
        self._ended = True
        self._close_if_ended()

    def on_screen_resume(self) -> None:
        self._close_if_ended()

    def _close_if_ended(self) -> None:
        if self._ended and self.is_mounted and self.is_active:
            self._ended = False  # once
            self.dismiss()

    def action_cancel(self) -> None:
        self._cancel()
