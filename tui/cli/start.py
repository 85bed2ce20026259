"""Where the program starts. A line that names nothing but a text, or not even that, opens the app
without the parser of options, for which the first paint would wait; the parser reads all others."""

import os
import sys
from collections.abc import Mapping, Sequence

from engine import launched
from engine.protocol import Fork, Open, OpenRun
from tui.cli import opening
from tui.cli.app import check_terminal, open_app
from tui.cli.commands import APP, COMMANDS, COMPLETION
from tui.cli.streams import tolerate_any_text


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    command = plainly_opened(arguments)
    if command is None:
        from tui.cli.main import main as parse_and_run  # with click

        parse_and_run()
    else:
        tolerate_any_text()
        try:
            open_app(command, corpus=arguments[0] if arguments else None)
        except KeyboardInterrupt:  # Ctrl-C before the app reads keys
            sys.exit(1)


def plainly_opened(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Open | OpenRun | Fork | None:
    """What the app opens for a line without options; None for any other line, and for one that is
    refused: the parser says why."""
    named = arguments[0] if arguments else None
    if len(arguments) > 1 or COMPLETION in environment or named in (APP, *COMMANDS, ""):
        return None
    if named is not None and named.startswith("-"):
        return None
    try:
        check_terminal()
        return None if launched(environment) else opening.chosen(APP, corpus=named)
    except ValueError:
        return None
