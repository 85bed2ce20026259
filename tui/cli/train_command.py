"""The command `train`. What it needs is imported when it is called."""

import sys
from typing import Any

import click

from engine import launched
from engine.protocol import Fork, Open, OpenRun, Teach, Train
from tui.cli import opening
from tui.cli.help import GENERAL, SectionedCommand, option, refusals
from tui.cli.options import run_options, until_option
from tui.cli.teaching import asked, teaching_options


@click.command("train", cls=SectionedCommand)
@run_options
@teaching_options
@until_option
@option(GENERAL, "--json", "as_json", is_flag=True, help="Print every event as a line of JSON.")
def train_command(
    run_name: str | None,
    until: int | None,
    as_json: bool,
    no_save: bool,
    teach: str | None,
    share: float | None,
    map_unknown: bool,
    **choices: Any,
) -> None:
    """Train without the app. Ctrl-C saves the run and ends.

    The validation loss, in nats a character (or other token), is what the app calls held-out loss:
    on the part of the text that the model never trains on. The training loss is the mean of the newest
    steps.

    Exit codes: 0 trained and saved; 1 it could not be saved; 2 refused, nothing was trained; 3 the
    loss was no longer a number; 130, 143 and 129 ended by Ctrl-C or a signal, and saved.
    """

    def wanted() -> tuple[Open | OpenRun | Fork, Train, Teach | None]:
        command = opening.chosen("train", run_name, **choices)
        teaching = asked(teach, share, map_unknown=map_unknown)
        return command, opening.training(run_name, choices), teaching

    with refusals():
        launch = launched()
    if launch is not None:
        from tui.cli.ranks import end_rank, train_as_rank  # with torch

        end_rank(train_as_rank(launch, wanted, until, as_json=as_json, saving=not no_save))
    with refusals():
        asked_for = wanted()
    from tui.cli.train import train  # with rich's progress bars and the session

    sys.exit(train(*asked_for, until, as_json=as_json, saving=not no_save))
