"""Shows a download while it goes on, above whatever else is shown."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import App

from engine.protocol import CancelDownload, Command, DownloadEnded, Downloading

if TYPE_CHECKING:  # the first paint does not wait for it
    from tui.screens.download import DownloadScreen


class Downloads:
    """Holds the screen of the download in progress."""

    def __init__(self, app: App[None], send: Callable[[Command], None]) -> None:
        """`send`: to the engine."""
        self._app = app
        self._send = send
        self._screen: DownloadScreen | None = None

    def show(self, event: Downloading | DownloadEnded) -> None:
        """Show how far a download is, or that it has ended."""
        if isinstance(event, DownloadEnded):
            if self._screen is not None:
                self._screen.end()
                self._screen = None
        elif self._screen is not None:
            self._screen.show(event)
        else:
            from tui.screens.download import DownloadScreen  # when there is one

            self._screen = DownloadScreen(event, lambda: self._send(CancelDownload()))
            self._app.push_screen(self._screen)
