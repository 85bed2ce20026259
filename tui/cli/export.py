"""`tinygpt-tui export`: write a run in the format of another program, and print how equal it is."""

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.safe_text import safe_text
from engine.protocol import Event, Exported, ExportRun, to_json
from tui.cli.client import Client
from tui.cli.streams import printable_json
from tui.outcomes import figures


def export(command: ExportRun, *, as_json: bool = False) -> int:
    """Export a run, and print the figures as a table or as a line of JSON; the exit code."""

    def answered(event: Event) -> bool:
        if not isinstance(event, Exported):
            return False
        if as_json:
            click.echo(printable_json(to_json(event)))
        else:
            print_table(event)
        return True

    return Client(command).run_until(answered)


def print_table(exported: Exported) -> None:
    """What was written, and how it compares with the run's own model."""
    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in figures(exported):
        table.add_row(name, Text(safe_text(value)))
    console.print(table)
    for note in exported.notes:
        console.print(Text(safe_text(note)))
