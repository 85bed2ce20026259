"""`tinygpt-tui pack` and `tinygpt-tui unpack`: take a run elsewhere in one file."""

import sys

import click

from engine.protocol import PackRun, UnpackRun
from tui.cli import completions
from tui.cli.help import GENERAL, SectionedCommand, option


@click.command("pack", cls=SectionedCommand)
@click.argument("run", metavar="RUN", shell_complete=completions.run_name)
@option(
    GENERAL,
    "-o",
    "--output",
    "path",
    metavar="FILE",
    shell_complete=completions.path,
    help="The new file. Nothing is overwritten.",
    otherwise="RUN.tinygpt",
)
@option(
    GENERAL,
    "--without-moments",
    is_flag=True,
    help="Leave out the weights that were kept of earlier steps: a smaller file.",
)
def pack_command(run: str, path: str | None, without_moments: bool) -> None:
    """Pack a saved run into one file, to open it elsewhere.

    It holds the text, the history and the checkpoints. A run that is being trained is packed as it
    was at its newest checkpoint.
    """
    from tui.cli.packing import transfer  # with the session
    from tui.outcomes import SUFFIX  # with the words of the screen

    command = PackRun(run, path or f"{run}{SUFFIX}", moments=not without_moments)
    sys.exit(transfer(command))


@click.command("unpack", cls=SectionedCommand)
@click.argument("file", metavar="FILE", shell_complete=completions.path)
@option(
    GENERAL,
    "--name",
    metavar="NAME",
    default="",
    help="The name of the run here.",
    otherwise="the one that it was packed with, or one like it if that is taken",
)
def unpack_command(file: str, name: str) -> None:
    """Make a saved run of a packed one.

    The file may come from anybody: all of it is checked first. The run goes on here as it would have
    gone on there; with --no-save it is opened without being changed.
    """
    from tui.cli.packing import transfer  # with the session

    sys.exit(transfer(UnpackRun(file, name)))
