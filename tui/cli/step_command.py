"""`tinygpt-tui step`: its options."""

import sys

import click

from tui.cli import completions
from tui.cli.help import GENERAL, SectionedCommand, option


@click.command("step", cls=SectionedCommand)
@click.argument("run", metavar="RUN", shell_complete=completions.run)
@option(
    GENERAL,
    "--row",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Look at row N of the batch, counted from 0.",
    otherwise="0",
)
@option(
    GENERAL,
    "--place",
    type=click.IntRange(min=0),
    callback=lambda _context, _option, place: -1 if place is None else place,
    metavar="N",
    help="Look at the prediction after character N of that row, counted from 0.",
    otherwise="the last",
)
@option(GENERAL, "--changed-text", is_flag=True, help="Open it even if its text has changed.")
@option(GENERAL, "--json", "as_json", is_flag=True, help="Print everything as a line of JSON.")
def step_command(run: str, row: int, place: int, changed_text: bool, as_json: bool) -> None:
    """Look closely at the step that a saved run takes next.

    Its batch, its loss, what one prediction was made of, the gradient of each tensor and what the
    optimizers make of it, and the same prediction after the update. The run stays as it is.
    """
    from tui.cli.step import inspect_step  # with rich and the session

    sys.exit(inspect_step(run, row, place, changed_text=changed_text, as_json=as_json))
