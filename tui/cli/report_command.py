"""`tinygpt-tui report`: its options."""

import sys

import click

from tui.cli import completions
from tui.cli.help import GENERAL, SectionedCommand, option, refusals


@click.command("report", cls=SectionedCommand)
@click.argument(
    "runs", metavar="RUN...", nargs=-1, required=True, shell_complete=completions.reportable
)
@option(
    GENERAL,
    "-o",
    "--output",
    "path",
    metavar="FILE",
    shell_complete=completions.path,
    help="The page. An older report is replaced, anything else is not.",
    otherwise="RUN.html, of several runs report.html; of a sweep, as its file is called",
)
def report_command(runs: tuple[str, ...], path: str | None) -> None:
    """Write a page on a saved run, to hand in; on several runs, a comparison.

    In place of runs: the name of a race, or the file or the name of a sweep (rates.toml, rates). Where
    a name is of several things, run:NAME, race:NAME or sweep:NAME says which is meant.

    The page stands alone: curves, the ladder, samples, where the loss lives, settings, machine, and
    the command that trains the run again. RUN@best reports its best checkpoint, RUN@250 step 250. A
    run that is being trained is reported as it was at its newest checkpoint.
    """
    from tui.cli.report import report  # with the session

    with refusals():
        code = report(runs, path)
    sys.exit(code)
