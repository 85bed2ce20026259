"""`tinygpt-tui import`: make a saved run of a folder that was exported."""

import sys

import click

from data.standard_input import read_standard_input
from engine.protocol import ImportRun
from tui.cli import completions
from tui.cli.help import GENERAL, SectionedCommand, option


@click.command("import", cls=SectionedCommand)
@click.argument("folder", metavar="FOLDER", shell_complete=completions.path)
@option(
    GENERAL,
    "--name",
    metavar="NAME",
    default="",
    help="The name of the run here.",
    otherwise="the one that it had, or one like it if that is taken",
)
@option(
    GENERAL,
    "--text",
    "corpus",
    metavar="TEXT",
    shell_complete=completions.text,
    default="",
    help="A text to train on: a name of the catalog, a file, a folder, or -.",
    otherwise="its own, if that is in the catalog or another saved run has it",
)
def import_command(folder: str, name: str, corpus: str) -> None:
    """Make a saved run of a FOLDER that was exported with --format hf.

    The folder may come from anybody: all of it is checked first. It has no text: a run whose own is
    not known here can be prompted and looked inside, and with --text it trains on.
    """
    if corpus == "-":
        read_standard_input()
    from tui.cli.packing import transfer  # with the session

    sys.exit(transfer(ImportRun(folder, name, corpus)))
