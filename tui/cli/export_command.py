"""`tinygpt-tui export`: its options."""

import sys
from typing import Any, get_args

import click

from engine.protocol import ExportFormat, ExportRun, Precision
from tui.cli import completions
from tui.cli.help import GENERAL, SectionedCommand, option


@click.command("export", cls=SectionedCommand)
@click.argument("run", metavar="RUN", shell_complete=completions.run)
@option(
    GENERAL,
    "--format",
    type=click.Choice(get_args(ExportFormat)),
    required=True,
    help="hf: a folder for transformers; gguf: a file for llama.cpp; tensorboard: a folder with its "
    "losses and samples.",
)
@option(
    GENERAL,
    "-o",
    "--output",
    "path",
    metavar="PATH",
    shell_complete=completions.path,
    required=True,
    help="The new file or folder. Nothing is overwritten.",
)
@option(
    GENERAL,
    "--precision",
    type=click.Choice(get_args(Precision)),
    help="The number format of the weights in a gguf file.",
    otherwise="f32",
    default="f32",
)
@option(GENERAL, "--json", "as_json", is_flag=True, help="Print the figures as a line of JSON.")
def export_command(run: str, path: str, as_json: bool, **choices: Any) -> None:
    """Write a run in the format of another program.

    RUN@best exports its best checkpoint, RUN@250 the weights that were kept at step 250. What was
    written is read back and compared with the run's own model: the figures say how equal they are.
    """
    from tui.cli.export import export  # with rich and the session

    sys.exit(export(ExportRun(run, path=path, **choices), as_json=as_json))
