"""Opens the app once it is known on what. The first paint waits for this, so click is not loaded."""

import gc
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from data.catalog import default
from engine.protocol import Command, Fork, Open, OpenRun

WEB_DRIVER = "textual.drivers.web_driver:WebDriver"
"""What textual-serve, which shows the app in a browser, sets as TEXTUAL_DRIVER."""


def check_terminal() -> None:
    """ValueError, with a user-facing message, where the app cannot be shown."""
    if os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER:
        return
    # Textual draws on standard error.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise ValueError(
            "The app needs a terminal; without one, use tinygpt-tui train. A text that is piped in "
            "is named -"
        )
    if os.environ.get("TERM") == "dumb":
        raise ValueError("This terminal (TERM=dumb) cannot show the app: use tinygpt-tui train.")


def open_app(
    command: Open | OpenRun | Fork,
    corpus: str | None,
    more: Sequence[Command] = (),
    *,
    no_save: bool = False,
    follows: bool = False,
    sweep: str = "",
) -> NoReturn:
    """Show the app, and end the process with it. `command` and `more`: what the engine does first.
    `corpus`: the text as the user named it. `sweep`: the name of one that is shown at once."""
    gc.disable()  # until a run is open: modules stay loaded, there is no garbage to collect
    from engine import EngineThread  # itself loads no torch, but is needed by the app only

    # Textual is loaded for the app only.
    from tui.app import TinyGPTApp
    from tui.textual_patches import exit_process, patch_utf8_decoder, reads_keys

    patch_utf8_decoder()
    app = TinyGPTApp(
        command,
        why=default()[1] if corpus is None and isinstance(command, Open) else "",
        engine=partial(EngineThread, saving=not no_save, follows=follows),
        more=more,
        saving=not (no_save or follows),
        follows=follows,
        sweep=sweep,
    )
    try:
        app.run()
    except OSError:  # the terminal has gone, and there is nothing to restore
        if not (app.exit_code or reads_keys()):
            raise
    if app.last_words:
        from click import echo  # not before the first paint

        echo(app.last_words, err=True)
    exit_process(app.exit_code)
