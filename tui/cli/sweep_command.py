"""`tinygpt-tui sweep`: many settings, several seeds each, and its options."""

import sys
from pathlib import Path

import click

from tui.cli import completions
from tui.cli.help import GENERAL, Refusal, SectionedCommand, option, refusals

MOST_WITHOUT_YES = 100
"""Runs that are begun without a question."""


@click.command("sweep", cls=SectionedCommand)
@click.argument("file", metavar="FILE", shell_complete=completions.path)
@option(
    GENERAL,
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    metavar="N",
    help="How many runs are trained at the same time, with cores / N threads each unless the file "
    "sets train.threads.",
    otherwise="1",
)
@option(
    GENERAL,
    "--json",
    "as_json",
    is_flag=True,
    help="Print a line of JSON for each run that begins or ends, and for each case at the end.",
)
@option(
    GENERAL,
    "--csv",
    "csv_path",
    metavar="PATH",
    shell_complete=completions.path,
    help="Write the table to this file at the end.",
)
@option(
    GENERAL, "--yes", is_flag=True, help=f"Begin also where it makes over {MOST_WITHOUT_YES} runs."
)
def sweep_command(file: str, jobs: int, as_json: bool, csv_path: str | None, yes: bool) -> None:
    """Train with many settings, several seeds each, and compare them.

    FILE is TOML; docs/laboratory.md shows one. Each run is a saved run like any other. Called
    again, it goes on where it was: what is done is not repeated, what was interrupted is resumed.
    Ctrl-C saves what is being trained, and ends.

    Exit codes: 0 all runs are done; 1 some have failed; 2 refused, nothing was started; 130, 143
    and 129 ended by Ctrl-C or a signal.
    """
    from tui.cli.sweep import sweep  # with rich and the session
    from tui.sweep.plan import read_plan  # not needed by the app

    with refusals():
        plan = read_plan(Path(file))
        trials = len(plan.cases) * plan.seeds
        if trials > MOST_WITHOUT_YES and not yes:
            raise Refusal(f"{file} makes {trials:,} runs. If that is meant, add --yes.")
        exit_code = sweep(plan, file, jobs=jobs, as_json=as_json, csv_path=csv_path)
    sys.exit(exit_code)
