"""`tinygpt-tui lr-range`: its options."""

import sys
from typing import Any

import click

from tui.cli import opening
from tui.cli.help import GENERAL, SectionedCommand, option, refusals
from tui.cli.options import run_options


@click.command("lr-range", cls=SectionedCommand)
@run_options
@option(
    GENERAL, "--json", "as_json", is_flag=True, help="Print a line of JSON for each rate tried."
)
def lr_range_command(run_name: str | None, as_json: bool, no_save: bool, **choices: Any) -> None:
    """Find a learning rate: the range test.

    About a hundred steps on a copy of the run, with a learning rate that rises from 0.0001 to 1:
    where the smoothed loss falls most steeply is what is suggested. Nothing is trained or saved.
    """
    with refusals():
        command = opening.chosen("lr-range", run_name, **choices)
    from tui.cli.lr_range import find_learning_rate  # with rich and the session

    sys.exit(find_learning_rate(command, as_json=as_json))
