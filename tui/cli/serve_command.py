"""`tinygpt-tui serve`: the app in a browser."""

from typing import Any

import click

from engine.protocol import Open
from tui.cli import opening
from tui.cli.child import CHILD
from tui.cli.help import Refusal, SectionedCommand, option, refusals
from tui.cli.options import run_options

SERVER = "The server"
INSTALL = "pip install 'tinygpt-tui[serve]'"
"""The line that installs what this command needs."""


def _server_options(command: Any) -> Any:
    """Give the command the options of the server itself."""
    options = [
        option(
            SERVER,
            "--host",
            default="127.0.0.1",
            metavar="ADDRESS",
            help="Let other machines in, at this address of yours; 0.0.0.0 is all of them. It prints "
            "what that means, and a second link, for those who only follow.",
            otherwise="127.0.0.1: this machine only",
        ),
        option(
            SERVER,
            "--port",
            type=click.IntRange(0, 65_535),
            default=8_000,
            metavar="N",
            help="Where it listens; 0 takes any free port.",
            otherwise="8000",
        ),
        option(
            SERVER,
            "--sessions",
            type=click.IntRange(min=1),
            default=8,
            metavar="N",
            help="How many pages may be open at once.",
            otherwise="8",
        ),
        option(
            SERVER,
            "--training",
            type=click.IntRange(min=1),
            default=1,
            metavar="N",
            help="How many of them may train, each a run of its own. The others follow.",
            otherwise="1, the first",
        ),
        option(SERVER, "--open", "opens", is_flag=True, help="Open it in your browser."),
    ]
    for add in reversed(options):
        command = add(command)
    return command


@click.command("serve", cls=SectionedCommand)
@_server_options
@run_options
@click.pass_context
def serve_command(
    context: click.Context,
    /,
    host: str,
    port: int,
    sessions: int,
    training: int,
    opens: bool,
    corpus: str | None,
    no_save: bool,
    **choices: Any,
) -> None:
    """Show the app in a browser.

    It prints a link; whoever opens that has the app. The first page trains, those that are opened
    meanwhile follow its run. Closing a page saves its run. Ctrl-C ends the server, after every run
    is saved.
    """
    if corpus == "-":
        raise Refusal("Each page reads the text again: serve takes a file, not standard input.")
    with refusals():
        command = opening.chosen("serve", corpus=corpus, **choices)
        if isinstance(command, Open):  # each page reads the text, which is to be there
            from data.preview import preview  # reads texts, which other commands do later

            preview(command.config.corpus, command.config.reading)
        try:
            from tui.serving.serve import serve  # with textual-serve, which is an extra
        except ModuleNotFoundError:
            raise ValueError(f"serve needs textual-serve, which this installs: {INSTALL}") from None
        program = [*CHILD, "app"]
        arguments = app_arguments(context)
        serve(
            program,
            arguments,
            host=host,
            port=port,
            sessions=sessions,
            training=training,
            opens=opens,
        )


def app_arguments(context: click.Context) -> list[str]:
    """What the app is given of this command's arguments. An option is one word with its value,
    which may begin with a hyphen."""
    arguments: list[str] = []
    text: list[str] = []
    for parameter in context.command.params:
        value = context.params[str(parameter.name)]
        if getattr(parameter, "section", "") == SERVER or value in (None, False):
            continue
        if isinstance(parameter, click.Argument):
            text = ["--", value, *context.params["more"]]
        elif value is True:
            arguments.append(parameter.opts[0])
        else:
            given = value if parameter.multiple else [value]
            arguments += [f"{parameter.opts[0]}={one}" for one in given]
    return arguments + text
