"""Workarounds for Textual, each with the version it was written for and the upstream issue.

When Textual is updated, look at each again: what has been fixed upstream can go.
"""

import codecs
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import NoReturn

from rich.text import Text
from textual import events
from textual.app import App
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget

from data.safe_text import safe_text
from engine import write_log
from tui.sparing_compositor import SparingCompositor

OCCASIONAL_STYLES = Path(__file__).with_name("occasional.tcss")
TERMINAL_RESET = b"".join(
    b"\x1b[" + code
    for code in (
        *(b"?1000l", b"?1002l", b"?1003l", b"?1006l", b"?1015l"),  # mouse reports off
        *(b"?2004l", b"?1004l", b"?2048l"),  # bracketed paste, focus and resize reports off
        *(b"?7h", b"<u"),  # line wrap on, kitty keyboard protocol off
        *(b"?1049l", b"?25h"),  # main screen buffer, cursor visible
    )
)
"""Undoes what Textual's driver switches on in a terminal.

Textual 8.2.8, https://github.com/Textualize/textual/issues/1582: it handles no signal, so on
SIGTERM or SIGHUP the driver never restores the terminal.
"""


def patch_utf8_decoder() -> None:
    """Decode input bytes that are not UTF-8 as U+FFFD.

    Textual 8.2.8, https://github.com/Textualize/textual/issues/6456: its decoder is strict, so a
    paste of old text or a Latin-1 keyboard ends the app.
    """
    if sys.platform != "win32":
        from textual.drivers import linux_driver

        def decoder(encoding: str) -> partial[codecs.IncrementalDecoder]:
            return partial(codecs.getincrementaldecoder(encoding), errors="replace")

        vars(linux_driver)["getincrementaldecoder"] = decoder


def reads_keys() -> bool:
    """Whether Textual's thread for keys is alive."""
    return any(thread.name == "textual-input" for thread in threading.enumerate())


def exit_process(code: int) -> NoReturn:
    """End the process, also where the thread for keys was left behind.

    Textual 8.2.8: where the terminal goes while the app ends, writing to it fails before the driver
    stops that thread, which is no daemon and would read from nothing for ever.
    """
    if reads_keys():
        os._exit(code)
    sys.exit(code)


def focus_at_once(widget: Widget) -> None:
    """Focus a widget before the next key is handled.

    Textual 8.2.8: `Widget.focus` puts it off by `call_later`, so a key that is already waiting
    still goes to the widget that had the focus before.
    """
    widget.screen.set_focus(widget)


class FirstScreen(Screen[object]):
    """The screen that the app starts with."""

    _was_shown = False

    def __init__(self) -> None:
        super().__init__(id="_default")
        self._compositor = SparingCompositor()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Textual 8.2.8: all styles are computed once more as a screen is first laid out, though
        each widget got its own when it was mounted: that delays the first paint."""
        event.refresh_styles = self._was_shown
        self._was_shown = True


class PatchedApp(App[None]):
    """An app without Textual's own panic page and with its screen repainted on return from a
    shell."""

    stopped_by_error = False
    """Whether an error on the screen's side has ended the app."""
    _has_theme = False

    def use_theme(self, theme: Theme) -> None:
        """Register and select a theme; to be called in `__init__`.

        Textual 8.2.8: a theme that is set once the style sheet has been read has it parsed again,
        which delays the first paint.
        """
        self._has_theme = True
        self.register_theme(theme)
        self.set_reactive(App.theme, theme.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self._refresh_truecolor_filter(self.ansi_theme)  # themes of the terminal's own colours

    def read_occasional_styles(self) -> None:
        """Add the second style sheet, unless it is there: before a class that it names is set.

        Textual 8.2.8: `Stylesheet.read` leaves the next widget with the rules from before.
        """
        if not self.stylesheet.has_source(str(OCCASIONAL_STYLES)):
            css = OCCASIONAL_STYLES.read_text(encoding="utf-8")
            self.stylesheet.add_source(css, (str(OCCASIONAL_STYLES), ""))

    def get_default_screen(self) -> Screen[object]:
        return FirstScreen()

    def get_css_variables(self) -> dict[str, str]:
        """Those of the theme.

        Textual 8.2.8 asks for them in its `__init__`, for a theme that is replaced right after it.
        """
        return super().get_css_variables() if self._has_theme else {}

    def on_mount(self) -> None:
        # Textual 8.2.8, https://github.com/Textualize/textual/issues/6298: on return from the
        # shell the screen stays blank, since Textual takes it to be as it left it.
        self.app_resume_signal.subscribe(self, lambda app: app.refresh(layout=True))

    def _fatal_error(self) -> None:
        """End the app with one line, and the whole traceback in a log file.

        Textual 8.2.8: its panic page prints the local variables of every frame, and so the user's
        text; nothing but this method makes it.
        """
        error = sys.exc_info()[1]
        assert error is not None, "called by an exception handler"
        log = write_log(error)
        where = f" (all of it in {log})" if log else ""
        message = f"The screen stopped: {type(error).__name__}: {error}{where}."
        self.panic(Text(safe_text(message)))
        self.stopped_by_error = True
